"""Measurements of networks that ``fully_shard`` has spread over a gloo group; importable by a new process."""

from __future__ import annotations

import gc
import itertools
import os
from functools import partial
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

import agop
from agop.errors import AgopError
from network.gloo_measure import CASES, PARTS, PATIENCE, ROWS, joined, note_error, others_have_ended
from network.models import N_CLASSES, mlp, seeded

ALIKE = [name for name in CASES if name not in ("ranks without rows", "layer of one batch")]
"""Cases in which every rank has a batch, and all batches call the same layers."""

WIDTHS = (48, 44, 40, 36, 32, 28, 24)
"""Features before and after each layer but the last, whose weights are told from all else by their shapes."""


def by_layer(model):
    """Each module with parameters of its own gathers these for itself."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for module in model.modules():
        if module is not model and list(module.parameters(recurse=False)):
            fully_shard(module, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def whole(model):
    """All parameters are gathered at once."""
    return fully_shard(model, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))


WAYS = {"by layer": (by_layer, ALIKE), "whole": (whole, [*ALIKE, "layer of one batch"])}


def measure_cases(rank: int, world: int, folder: str) -> None:
    """Measure every case in every way, and save the record of this rank."""
    group = joined(rank, world, folder)
    for way, (spread, cases) in WAYS.items():
        for case in cases:
            build, parts, options = CASES[case]
            own = {name: value[rank::world] if name == "ood_loader" else value for name, value in options.items()}
            record = agop.measure(spread(seeded(build)), parts[rank::world], group=group, **own)
            record.save(Path(folder, f"{way}.{case}.rank{rank}.safetensors"))
    dist.destroy_process_group()


def wide():
    """A network of layers about as large as each other."""
    layers = [[nn.Linear(*shape), nn.Tanh()] for shape in itertools.pairwise(WIDTHS)]
    return nn.Sequential(*[module for pair in layers for module in pair], nn.Linear(WIDTHS[-1], N_CLASSES)).double()


def gathered_numbers():
    """Numbers in the memory behind all tensors with the shape of a whole weight."""
    shapes = {(n_outputs, n_inputs) for n_inputs, n_outputs in itertools.pairwise(WIDTHS)}
    found = {}
    for thing in gc.get_objects():
        if type(thing) in (torch.Tensor, nn.Parameter) and not thing.is_meta and tuple(thing.shape) in shapes:
            memory = thing.untyped_storage()
            found[memory.data_ptr()] = memory.nbytes() // thing.itemsize
    return sum(found.values())


def watch_memory(rank: int, world: int, folder: str) -> None:
    """Measure exactly and in random directions, and save what was gathered at every look."""
    group = joined(rank, world, folder)
    found = {
        name: _watched(rank, group, outputs) for name, outputs in {"2": agop.Rademacher(2), "all": "exact"}.items()
    }
    torch.save(found, Path(folder, f"rank{rank}.pt"))
    dist.destroy_process_group()


def _watched(rank, group, outputs):
    """What is gathered whenever a weight has just been, and before and after each pass through the model."""
    x = torch.randn(24, WIDTHS[0], generator=torch.Generator().manual_seed(rank)).double()
    batches = [(part, torch.arange(len(part)) % N_CLASSES) for part in x.split((10, 10, 4) if rank else (12, 12))]
    plain, seen = DTensor.full_tensor, []

    def full_tensor(self, **kwargs):
        whole = plain(self, **kwargs)
        seen.append(gathered_numbers())
        return whole

    def forward(model, batch):
        outputs = model(batch[0])
        if outputs.requires_grad:
            outputs.register_hook(lambda _: seen.append(gathered_numbers()))
        seen.append(gathered_numbers())
        return outputs, batch[1]

    with mock.patch.object(DTensor, "full_tensor", full_tensor):
        agop.measure(by_layer(seeded(wide)), batches, group=group, forward=forward, outputs=outputs, max_width=0)
    return seen


def _without_a_batch(rank, group):
    return agop.measure(by_layer(seeded(mlp)), PARTS if rank == 0 else [], group=group)


def _without_a_group(rank, group):
    return agop.measure(by_layer(seeded(mlp)), PARTS)


def _bad_label(rank, group):
    x, y = ROWS
    return agop.measure(by_layer(seeded(mlp)), [(x, y), (x, y - 5 * rank)], group=group)


def _mixed_samples(rank, group):
    forward = lambda model, batch: (model(batch[0]) + rank * model(batch[0]).roll(1, 0), batch[1])  # noqa: E731
    return agop.measure(by_layer(seeded(mlp)), PARTS[rank::2], forward=forward, group=group)


def _other_outputs(rank, group):
    forward = lambda model, batch: (model(batch[0])[:, rank:], batch[1] % 2)  # noqa: E731
    return agop.measure(by_layer(seeded(mlp)), PARTS[rank::2], forward=forward, group=group)


def _broken_loader(rank, group):
    def batches():
        yield PARTS[0]
        if rank == 1:
            raise OSError("no such file")
        yield PARTS[1]

    return agop.measure(by_layer(seeded(mlp)), batches(), second_pass=False, group=group)


def _infinite_gradients(rank, group):
    def forward(model, batch):
        outputs = model(batch[0])
        return outputs + (outputs - outputs.detach()).abs().sqrt(), batch[1]  # of which the gradients are NaN

    return agop.measure(by_layer(seeded(mlp)), PARTS[rank::2], forward=forward, outputs=agop.Rademacher(2), group=group)


FAILURES = {
    "without a batch": _without_a_batch,
    "without a group": _without_a_group,
    "bad label": _bad_label,
    "mixed samples": _mixed_samples,
    "other outputs": _other_outputs,
    "broken loader": _broken_loader,
    "infinite gradients": _infinite_gradients,
}


def fail_and_go_on(rank: int, world: int, folder: str) -> None:
    """Fail in every way, note the error, and measure again: the ranks must be in step as before."""
    group = joined(rank, world, folder)
    for name, call in FAILURES.items():
        note_error(name, call, rank, group, folder)
        record = agop.measure(by_layer(seeded(mlp)), PARTS[rank::world], group=group)
        record.save(Path(folder, f"after {name}.rank{rank}.safetensors"))
    dist.destroy_process_group()


def die(rank: int, world: int, folder: str) -> None:
    """Measure with a rank that ends in its second batch without a word."""
    _measure_with(partial(os._exit, 3), joined(rank, world, folder), folder)


def get_stuck(rank: int, world: int, folder: str) -> None:
    """Measure with a rank whose second batch takes longer than the others wait."""
    _measure_with(partial(others_have_ended, world, folder), joined(rank, world, folder, PATIENCE), folder)


def fail(rank: int, world: int, folder: str) -> None:
    """Measure with a rank that fails in the middle of a pass."""
    _measure_with(partial(int, "no number"), joined(rank, world, folder), folder)


def _measure_with(event, group, folder):
    n_batches, rank = 0, dist.get_rank(group)

    def forward(model, batch):
        nonlocal n_batches
        n_batches += 1
        if rank == 1 and n_batches == 2:
            event()
        return model(batch[0]), batch[1]

    try:
        agop.measure(by_layer(seeded(mlp)), PARTS, forward=forward, group=group)
    except AgopError as error:
        Path(folder, f"rank{rank}.txt").write_text(f"{type(error).__name__}: {error}")
