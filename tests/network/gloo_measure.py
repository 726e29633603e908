"""Measurements of several ranks of a gloo group; in a module of its own so that a new process can load it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from torch import nn

import agop
from agop.errors import AgopError
from agop.network.passes import over_ranks
from network.models import N_CLASSES, Convolutional, Function, ResNet, batches, data, mlp, seeded

TIMEOUT = 600.0
"""Seconds after which a rank that waits for another gives up: more than a test may take, so that none needs to."""

PATIENCE = 3.0
"""The same where one is stuck."""


def _side(self, x, cut):
    x = torch.tanh(self.first(x))
    return self.last(x if cut else x + self.side(x))


def _with_side():
    return Function(_side, first=nn.Linear(5, 6), side=nn.Linear(6, 6), last=nn.Linear(6, N_CLASSES))


def _scaled(self, x, factor):
    return factor * self.last(torch.tanh(self.first(x)))


def _with_factor():
    return Function(_scaled, first=nn.Linear(5, 6), last=nn.Linear(6, N_CLASSES))


def _attention(self, x):
    q, k, v = self.q(x), self.k(x), self.v(x)
    return self.last(((q @ k.mT).softmax(-1) @ v).mean(1))


def _with_common_inputs():
    layers = {name: nn.Linear(5, 4) for name in "qkv"}
    return Function(_attention, **layers, last=nn.Linear(4, N_CLASSES))


def _values(self, x):
    self.k(x), self.q(x)  # which no output depends on
    return self.last(torch.tanh(self.v(x)).mean(1))


def _with_idle_projections():
    layers = {"q": nn.Linear(5, 4), "k": nn.Linear(5, 2), "v": nn.Linear(5, 4)}
    return Function(_values, **layers, last=nn.Linear(4, N_CLASSES))


def _in_place():
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(inplace=True), nn.Linear(8, N_CLASSES))


def _masked(model, batch):
    """Tokens whose last ones are padding in some samples."""
    x, y = batch
    return model(x), y, torch.arange(3) < 2 + y[:, None] % 2


def _convolution():
    return Convolutional(nn.Conv2d(2, 3, 3), (5, 5), nn.ReLU())


IMAGES = data(24, (2, 5, 5))
ROWS = data(43)
PARTS = batches(*ROWS, sizes=(5, 7))
PICTURES = batches(*IMAGES, sizes=(5,))
OUTSIDE = batches(*data(9, seed=5), sizes=(2,))
TOKENS = batches(*data(21, (3, 5)), sizes=(4,))
IGNORED = [(x, torch.where(torch.arange(len(y)) < 2, -100, y)) for x, y in PARTS]
BY_CLASS = [(ROWS[0][ROWS[1] == c], ROWS[1][ROWS[1] == c]) for c in (2, 0, 1)]
ALL_IGNORED = [(x, torch.full_like(y, -100) if k % 2 else y) for k, (x, y) in enumerate(PARTS)]
TARGETS = [(x, torch.stack([x[:, 0], x[:, 1] * x[:, 2]], 1)) for x, _ in PARTS]

CASES = {
    "classes": (mlp, PARTS, {"ood_loader": OUTSIDE}),
    "ignored samples": (mlp, IGNORED, {}),
    "classes of one rank": (mlp, BY_CLASS, {}),
    "ranks without rows": (mlp, PARTS[:1], {}),
    "ranks without labels": (mlp, ALL_IGNORED, {}),
    "each position": (_convolution, PICTURES, {"rows": "each"}),
    "flat positions": (_convolution, PICTURES, {"rows": "flatten"}),
    "residual": (ResNet, batches(*data(17, (2, 6, 6)), sizes=(4,)), {"rows": "mean", "layers": "*"}),
    "random directions": (mlp, PARTS, {"outputs": agop.Rademacher(3, seed=1)}),
    "one pass": (mlp, PARTS, {"second_pass": False}),
    "agop alone": (mlp, PARTS, {"collapse": False}),
    "rare classes": (mlp, batches(*data(40, n_classes=3), sizes=(3,)), {"min_count": 10}),
    "targets": (lambda: mlp(widths=(5, 7, 2)), TARGETS, {}),
    "first samples": (mlp, batches(*ROWS, sizes=(1,)), {"max_samples": 30}),
    "last layer of some batches": (_with_factor, [(x, 1 + k % 2, y) for k, (x, y) in enumerate(PARTS)], {}),
    "common inputs": (_with_common_inputs, TOKENS, {"common_inputs": True}),
    "idle projections": (_with_idle_projections, TOKENS, {"common_inputs": True, "outputs": agop.Rademacher(3)}),
    "overwritten outputs": (_in_place, PARTS, {"outputs": agop.Rademacher(2)}),
    "padding": (_with_common_inputs, TOKENS, {"forward": _masked, "outputs": agop.Rademacher(2)}),
    "loss": (mlp, IGNORED, {"loss": nn.functional.cross_entropy}),
    "chance": (mlp, PARTS, {"chance": 5, "superclasses": {"two": {0: 0, 1: 1, 2: 1}}}),
    "layer of one batch": (_with_side, [(x, k != 1, y) for k, (x, y) in enumerate(PARTS)], {}),
}
"""Model, batches and options by name; rank r of n has batches r, r + n and so on, and so of the other samples."""


def measured(case, group=None):
    """Record of a case: of all batches, or of those of a rank together with the others."""
    build, parts, options = CASES[case]
    rank, world = (0, 1) if group is None else (dist.get_rank(group), dist.get_world_size(group))
    own = {name: value[rank::world] if name == "ood_loader" else value for name, value in options.items()}
    return agop.measure(seeded(build), parts[rank::world], group=group, **own)


def joined(rank, world, folder, seconds=TIMEOUT):
    """The group of all ranks, that of torch.distributed itself; its patience begins when all are there."""
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/rendezvous", world)
    store.set(str(rank), "here")
    store.wait([str(each) for each in range(world)], timedelta(seconds=TIMEOUT))
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=seconds))
    return dist.group.WORLD


def measure_cases(rank: int, world: int, folder: str) -> None:
    """Measure every case together with the others, and save the record of this rank."""
    group = joined(rank, world, folder)
    for case in CASES:
        measured(case, group).save(Path(folder, f"{case}.rank{rank}.safetensors"))
    dist.destroy_process_group()


def _bad_label(rank, group):
    x, y = ROWS
    return agop.measure(seeded(mlp), [(x, y - 5 * rank)], group=group)


def _broken_forward(rank, group):
    def forward(model, batch):
        if rank == 1:
            raise ValueError("no such file")
        return model(batch[0]), batch[1]

    return agop.measure(seeded(mlp), PARTS, forward=forward, group=group)


def _no_loader(rank, group):
    return agop.measure(seeded(mlp), PARTS if rank == 0 else None, group=group)


def _other_weights(rank, group):
    model = seeded(mlp)
    with torch.no_grad():
        model[2].weight[0, 0] += 1e-12 * rank
    return agop.measure(model, PARTS, group=group)


def _other_options(rank, group):
    return agop.measure(seeded(mlp), PARTS, rows=("each", "mean")[rank], group=group)


def _other_data_later(rank, group):
    class Loader:
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter(PARTS if rank == 0 or self.passes == 1 else PARTS[1:])

    return agop.measure(seeded(mlp), Loader(), group=group)


def _other_width(rank, group):
    return agop.measure(seeded(mlp), PARTS, max_width=6 + rank, group=group)


def _no_batches(rank, group):
    return agop.measure(seeded(mlp), [], group=group)


def _two_kinds(rank, group):
    x, y = ROWS
    return agop.measure(seeded(mlp), [(x, y.double() if rank else y)], group=group)


def _other_lengths(rank, group):
    x = torch.zeros(6, 2 + rank, 5).double() + torch.arange(6)[:, None, None]
    forward = lambda model, batch: (model(batch[0]).mean(1), batch[1])  # noqa: E731
    return agop.measure(seeded(mlp), [(x, torch.arange(6) % 3)], rows="flatten", forward=forward, group=group)


FAILURES = {
    "bad label": _bad_label,
    "broken forward": _broken_forward,
    "no loader": _no_loader,
    "other weights": _other_weights,
    "other options": _other_options,
    "other width": _other_width,
    "other data in the second pass": _other_data_later,
    "no batches": _no_batches,
    "two kinds of targets": _two_kinds,
    "rows of two lengths": _other_lengths,
}


def note_error(name, call, rank: int, group, folder: str) -> None:
    """Call what fails, and write its error."""
    try:
        call(rank, group)
    except (AgopError, ValueError, OSError) as error:
        Path(folder, f"{name}.rank{rank}.txt").write_text(f"{type(error).__name__}: {error}")


def fail_and_go_on(rank: int, world: int, folder: str) -> None:
    """Fail in every way, note the error, and measure again: the group must be as before."""
    group = joined(rank, world, folder)
    for name, call in FAILURES.items():
        note_error(name, call, rank, group, folder)
    measured("classes", group).save(Path(folder, f"after.rank{rank}.safetensors"))
    with mock.patch.object(over_ranks, "_BLOCK_BYTES", 300):  # some tensors together, others by themselves
        measured("classes", group).save(Path(folder, f"blocks.rank{rank}.safetensors"))
    _with_buffers(rank, group, folder)
    Path(folder, f"elements.rank{rank}.txt").write_text(" ".join(map(str, _counted(group))))
    dist.destroy_process_group()


def _with_buffers(rank, group, folder):
    """A network in data parallel training, whose batch statistics differ between ranks, with unequally many batches."""
    model = seeded(ResNet)
    for buffer in model.buffers():
        buffer.add_(rank)
    before = [buffer.clone() for buffer in model.buffers()]
    parallel = nn.parallel.DistributedDataParallel(model)
    with torch.no_grad():  # its construction has spread the buffers of rank 0
        for buffer, own in zip(model.buffers(), before, strict=True):
            buffer.copy_(own)
    _, parts, options = CASES["residual"]
    own = parts[:1] if rank else parts[1:]
    record = agop.measure(parallel, own, group=group, **options)
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), before, strict=True))
    assert all(parameter.requires_grad for parameter in model.parameters())
    record.save(Path(folder, f"buffers.rank{rank}.safetensors"))


def _counted(group):
    """Collectives of a measurement: numbers of elements that were added up, by collective."""
    counts, plain = [], dist.all_reduce

    def counting(tensor, *args, **kwargs):
        counts.append(tensor.numel())
        return plain(tensor, *args, **kwargs)

    dist.all_reduce = counting
    try:
        measured("agop alone", group)
        measured("random directions", group)
    finally:
        dist.all_reduce = plain
    return counts


def die(rank: int, world: int, folder: str) -> None:
    """Measure with a rank that ends in its second batch without a word."""
    _measure_with(partial(os._exit, 3), joined(rank, world, folder), folder)


def get_stuck(rank: int, world: int, folder: str) -> None:
    """Measure with a rank whose second batch takes longer than the others wait."""
    _measure_with(partial(others_have_ended, world, folder), joined(rank, world, folder, PATIENCE), folder)


def others_have_ended(world, folder):
    """Wait until all but rank 1 have noted an error."""
    for rank in {*range(world)} - {1}:
        while not Path(folder, f"rank{rank}.txt").exists():
            time.sleep(0.05)


def _measure_with(event, group, folder):
    n_batches, rank = 0, dist.get_rank(group)

    def forward(model, batch):
        nonlocal n_batches
        n_batches += 1
        if rank == 1 and n_batches == 2:
            event()
        return model(batch[0]), batch[1]

    try:
        agop.measure(seeded(mlp), PARTS, forward=forward, group=group)
    except AgopError as error:
        Path(folder, f"rank{rank}.txt").write_text(f"{type(error).__name__}: {error}")


def track(rank: int, world: int, folder: str) -> None:
    """Track a training of every rank in the same way, with a clock that is late on the second one."""
    group = joined(rank, world, folder)
    model, logged = seeded(mlp), []
    options = {"every": 2, "time_share": None, "log": lambda scalars, step: logged.append(step), "group": group}
    tracker = agop.network.Tracker(model, PARTS[rank::world], Path(folder, "run"), **options)
    records = [_trained(model, tracker, index) for index in range(1, 6)]
    records.append(tracker.finish())
    found = [None if record is None else record.scalars() for record in records]
    late = agop.network.Tracker(
        model, PARTS[rank::world], Path(folder, "late"), time_share=1e-9 if rank == 0 else None, group=group
    )
    postponed = [late.step(index) is None for index in range(3)]
    late.finish()
    try:
        agop.network.Tracker(model, PARTS, Path(folder, "run"), rows="mean", group=group)
    except AgopError as error:
        Path(folder, f"again.rank{rank}.txt").write_text(f"{type(error).__name__}: {error}")
    torch.save({"found": found, "logged": logged, "postponed": postponed}, Path(folder, f"rank{rank}.pt"))
    dist.destroy_process_group()


def _trained(model, tracker, index):
    with torch.no_grad():
        model[0].weight.mul_(0.9)
    return tracker.step(index)
