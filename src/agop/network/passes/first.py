"""The first pass over the data: moments of every stage, and gradients for the AGOP of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from agop.errors import InputError
from agop.network.options import MeasureOptions
from agop.network.passes.checks import check_calls, check_finite, check_memory, check_same_outputs, no_layer
from agop.network.passes.directions import Exact
from agop.network.passes.gradients import layer_gradients
from agop.network.passes.independence import check_independence
from agop.network.passes.loss_gradient import check_loss, loss_gradients
from agop.network.passes.seen_layer import seen_layers
from agop.network.passes.statistics import FirstPass
from agop.network.passes.sweep import SeenBatch, Sweep

__all__ = ["first_pass"]


def first_pass(sweep: Sweep, loader: Iterable[Any]) -> FirstPass:
    """Look at the data for the first time.

    Raises
    ------
    InputError
        If there are no samples, no layer can be measured, or an exact AGOP is asked of outputs that depend on other
        samples.
    MemoryBudgetError
        If the statistics do not fit.
    """
    total = FirstPass()
    for seen in sweep.batches(loader, gradients=True):
        total = total.merge(_of_batch(seen, sweep.options, total))
    total = total.over_ranks(sweep.ranks, sweep.device)
    if not total.n_outputs:
        raise InputError("a loader with batches", "none on any rank", "Give one of the ranks some samples.")
    if total.outputs is None:
        raise InputError("samples that count", "none", "All labels are those to ignore.")
    if not total.layers:
        raise no_layer(total.skipped)
    return total


def _of_batch(seen: SeenBatch, options: MeasureOptions, before: FirstPass) -> FirstPass:
    """Pass over one batch; what was found ``before`` about the model is not found again. Waits for the device once.

    Raises
    ------
    InputError
        If no layer was called or can be measured, features are not finite, labels have no output that should, or
        an exact AGOP is asked of outputs that depend on other samples.
    MemoryBudgetError
        If the statistics do not fit.
    """
    batch = seen.batch
    check_calls(seen, options, before)
    found = FirstPass(n_outputs=batch.outputs.shape[1], dtype=batch.outputs.dtype, n_dropped=batch.n_dropped)
    found = _with_layers(found, seen, options, before) if batch.n_samples else found
    return _with_gradients(found, seen, options, before)


def _with_layers(found: FirstPass, seen: SeenBatch, options: MeasureOptions, before: FirstPass) -> FirstPass:
    """Statistics of a batch that has samples, with its layers."""
    batch = seen.batch
    layers, skipped = seen_layers(seen.calls, before.layers, before.skipped, collapse=options.collapse)
    if not layers and not before.layers:
        raise no_layer(skipped)
    check_memory(before.layers, layers, batch, options)
    check_finite(layers)
    return replace(
        found,
        layers=layers,
        outputs=seen.signature(),
        n_samples=batch.n_samples,
        correct=batch.correct(),
        skipped=skipped,
    )


def _with_gradients(found: FirstPass, seen: SeenBatch, options: MeasureOptions, before: FirstPass) -> FirstPass:
    """The same with the gradients of the batch; ranks that pass it together make the same backward passes."""
    batch = seen.batch
    calls = [features for features in seen.calls if features.name in found.layers]
    is_new = isinstance(options.directions, Exact) and bool(calls) and batch.size not in before.checked
    plan = (batch.outputs.shape[1], batch.outputs.requires_grad), bool(calls), is_new
    kinds, have_calls, are_new = zip(*seen.ranks.exchange(plan), strict=True)
    check_same_outputs(kinds)
    if not batch.outputs.requires_grad or not any(have_calls):
        return found
    if any(are_new):
        check_independence(seen, calls)
    weights = {name: layer.weight for name, layer in found.layers.items()}
    gradients = layer_gradients(seen, calls, weights, options.directions)
    of_loss: Mapping[str, Tensor] = {}
    if options.loss is not None:
        if calls and not before.n_samples:
            check_loss(batch, options.loss)
        of_loss = loss_gradients(seen, calls, options.loss)
    layers = {
        name: replace(layer, gradients=gradients.get(name), loss_gradient=of_loss.get(name))
        for name, layer in found.layers.items()
    }
    return replace(found, layers=layers, checked=frozenset([batch.size] if calls else []))
