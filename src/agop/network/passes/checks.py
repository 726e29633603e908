"""Checks of a batch in the first pass over the data, before the long work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch

from agop.errors import InputError, MemoryBudgetError
from agop.network.options import MeasureOptions
from agop.network.passes.batches import Batch
from agop.network.passes.merging import merged_by_key
from agop.network.passes.seen_layer import SeenLayer
from agop.network.passes.sweep import SeenBatch

if TYPE_CHECKING:
    from agop.network.passes.statistics import FirstPass

__all__ = ["check_alike", "check_calls", "check_finite", "check_memory", "check_same_outputs", "no_layer"]


def no_layer(skipped: Mapping[str, str]) -> InputError:
    """Error where no layer can be measured, with the reason of the first."""
    name, reason = next(iter(skipped.items()))
    others = f" and {len(skipped) - 1} more layers" if len(skipped) > 1 else ""
    return InputError("a layer that can be measured", f"none: {name}{others}: {reason}", "Select other layers.")


def check_alike(parts: Iterable[FirstPass]) -> None:
    """Raise unless outputs and targets of all parts that have some are of one kind."""
    kinds = {
        (part.n_outputs, "numbers" if part.correct is None else "labels"): rank
        for rank, part in enumerate(parts)
        if part.n_samples
    }
    if len(kinds) > 1:
        got = " and ".join(f"{kind[0]} with {kind[1]} on rank {rank}" for kind, rank in list(kinds.items())[:2])
        raise InputError(
            "as many outputs, and targets of one kind, on all ranks", got, "Give all the same model and task."
        )


def check_calls(seen: SeenBatch, options: MeasureOptions, before: FirstPass) -> None:
    """Raise if a batch calls no layer, or its targets are not those that the options or earlier batches ask for."""
    batch = seen.batch
    if not seen.calls:
        advice = "Layers are found by their parameters in linear maps, convolutions and matrix products."
        raise InputError("a model that calls a selected layer", "none in a forward pass", advice)
    n_outputs = max(2, batch.outputs.shape[1])
    largest = -1 if batch.labels is None or not batch.n_samples else int(batch.labels.max())
    if options.classifier and largest >= n_outputs:
        got = f"label {largest}"
        raise InputError(f"labels in 0 .. {n_outputs - 1} with classifier=True", got, "Each class needs an output.")
    if batch.labels is None:
        _check_regression(options)
    if before.n_samples and batch.n_samples and (before.correct is None) != (batch.labels is None):
        raise InputError("targets of one kind", "integers in one batch and numbers in another", "Cast them alike.")


def _check_regression(options: MeasureOptions) -> None:
    """Raise if something is asked for that only classes have."""
    asked = {
        "ood_loader": (options.ood_loader is not None, "NC5"),
        "chance": (options.chance > 0, "random labels"),
        "superclasses": (bool(options.superclasses), "superclasses"),
    }
    for name, (is_asked, what) in asked.items():
        if is_asked:
            raise InputError(f"classes for {what}", "targets of a regression", f"Leave {name} out.")


def check_same_outputs(kinds: Iterable[tuple[int, bool]]) -> None:
    """Raise unless ranks that pass a batch together have as many outputs, and all or none of them a gradient."""
    if len(found := set(kinds)) > 1:
        got = " and ".join(f"{n}{'' if differentiable else ' without'}" for n, differentiable in sorted(found))
        raise InputError("as many outputs on all ranks, with gradients", got, "Give all the same forward=....")


def check_memory(
    before: Mapping[str, SeenLayer], layers: Mapping[str, SeenLayer], batch: Batch, options: MeasureOptions
) -> None:
    """Raise if the statistics of all batches, and the outputs with a direction and their gradients, do not fit."""
    if options.max_memory is None:
        return
    whole = merged_by_key(before, layers).values()
    numbers = sum(layer.numbers(with_loss=options.loss is not None, n_draws=options.chance) for layer in whole)
    size = 8 * numbers + 4 * batch.outputs.numel() * batch.outputs.itemsize
    if size > options.max_memory:
        expected, got = (f"{part / 2**20:.0f} MiB" for part in (options.max_memory, size))
        advice = "Allow more memory, take smaller batches, or select layers."
        raise MemoryBudgetError(f"outputs and statistics within {expected}", f"about {got}", advice)


def check_finite(layers: Mapping[str, SeenLayer]) -> None:
    """Raise if features of a batch are not finite; waits for the device once."""
    sums = {name: [part.total() for part in layer.moments.values()] for name, layer in layers.items()}
    totals = [total for found in sums.values() for total in found]
    if totals and not bool(torch.stack(totals).isfinite().all()):
        name = next(name for name, found in sums.items() if not all(map(torch.isfinite, found)))
        raise InputError("finite features", f"NaN or infinity in {name}", "Look at the weights and the inputs.")
