"""One call measures a network: AGOP, neural feature ansatz, collapse and its cause at every layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Literal

import torch
from rich.progress import Progress
from torch import nn

from agop.errors import InputError
from agop.linalg import Spectrum
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import LayerSelection, Weights, stable_weights
from agop.network.layer_record import LayerRecord
from agop.network.notes import notes_of
from agop.network.passes.batches import Forward, default_forward
from agop.network.passes.directions import Directions, Rademacher, directions_of
from agop.network.passes.first import FirstPass
from agop.network.passes.rows import Rows
from agop.network.passes.second import second_pass
from agop.network.passes.sweep import Sweep
from agop.network.record import NetworkRecord

__all__ = ["measure"]


def measure(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    forward: Forward = default_forward,
    layers: LayerSelection = None,
    outputs: Literal["exact"] | Rademacher = "exact",
    rows: Rows = "each",
    ood_loader: Iterable[Any] | None = None,
    max_samples: int | None = None,
    device: torch.device | str | None = None,
    max_memory: int | None = None,
    progress: bool = False,
) -> NetworkRecord:
    r"""Measure what every linear layer of a trained network learned and how far its features have collapsed.

    For a layer with input features :math:`\phi`, weight W, bias b and nonlinearity sigma: NC1 to NC5 of
    :math:`\phi`, :math:`W\phi + b`, :math:`\sigma(W\phi + b)`, :math:`\mathrm{AGOP}^{1/2}\phi` and
    :math:`\mathrm{AGOP}^{1/4}\phi`; the AGOP of the network's outputs with respect to :math:`\phi`,
    :math:`W^T (\frac1n \sum \delta \delta^T) W` with :math:`\delta` the gradients with respect to
    :math:`W\phi + b`, a mean over samples and a sum over outputs and rows; its agreement with :math:`W^T W`; and the
    share of W in the fall of NC1. Two passes over the data: one forward and as many backward passes as there are
    directions serve all layers at once, then one forward pass more. Nothing of the size of the data is kept.

    The model is in evaluation mode meanwhile and afterwards as before; no hooks are put on it.

    Parameters
    ----------
    model
        Any module. Its layers are found where the calls of linear maps, convolutions, attention projections and matrix
        products use its parameters.
    loader
        Batches, the same ones each time it is iterated, in any order.
    forward
        From the model and a batch to outputs (B, C) and integer labels (B,), and if rows are padded a mask (B, T): 1
        for real rows (tokens), 0 for padding. Samples labelled -100 and padding are left out of everything. The default
        takes the mask of a batch with an "attention_mask".
    layers
        Names, globs or module types of the layers; all if None.
    outputs
        "exact" differentiates every output, which asks that the outputs of a sample depend on it alone;
        ``Rademacher(k, seed)`` uses k random directions, the choice for many outputs and for tokens.
    rows
        What a layer with several rows a sample (positions, tokens) contributes to the measures of collapse: "each" row,
        their "mean", or one "flatten" vector. The AGOP always sums over rows.
    ood_loader
        Batches of out-of-distribution samples for NC5; their labels do not matter.
    max_samples
        Number of samples to use; all if None.
    device
        Where to run the model; where it is if None.
    max_memory
        Bytes that the statistics of all layers may take; unlimited if None.
    progress
        Show a progress bar.

    Returns
    -------
    NetworkRecord

    Raises
    ------
    InputError
        If a batch, an output or a label is unusable, fewer than two classes have samples, no layer is found, outputs
        depend on other samples while ``outputs="exact"``, or the second pass shows other data than the first.
    MemoryBudgetError
        If the statistics do not fit ``max_memory``.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728), section 5; Radhakrishnan et al. 2024
    (arXiv 2212.13881) for the ansatz.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> record = measure(model, [(x, torch.tensor([0, 0, 1, 1]))])
    >>> record["0"].agop.shape, round(record["0"].input.nc1_trace_ratio, 4)
    (torch.Size([2, 2]), 0.0055)
    """
    directions = _checked(loader, outputs, rows, max_samples)
    with undisturbed(model, device) as target, stable_weights(), Progress(disable=not progress, transient=True) as bar:
        task = bar.add_task("measuring", total=None)
        sweep = Sweep(model, forward, layers, rows, max_samples, target, partial(bar.advance, task))
        first = FirstPass(directions, max_memory)
        for number, (batch, calls, capture) in enumerate(sweep.batches(loader, gradients=True)):
            first.add(batch, calls, capture, number)
        first.check()
        bar.update(task, total=2 * bar.tasks[0].completed)
        spectra = first.gradients.spectra(first.n_samples)
        seen = {name.split("[")[0] for name in (*first.layers, *first.skipped)}
        unseen = [name for name in Weights(model, layers).names if name not in seen]
        stages = second_pass(sweep, loader, ood_loader, first, spectra)
    records = {
        name: LayerRecord(
            name,
            first.gradients.sums[name].matrix.cpu().clone(),
            stages[name],
            layer.activation,
            _on_cpu(spectra.get(name)),
            first.gradients.sums[name].trace_error(),
            layer.moments["input"].n_samples / first.n_samples if rows == "each" else 1.0,
            layer.patch,
        )
        for name, layer in first.layers.items()
    }
    settings = {"outputs": str(outputs), "rows": rows, "max_samples": max_samples}
    notes = notes_of(first, records, unseen)
    accuracy = first.n_correct / first.n_samples
    return NetworkRecord(records, first.n_samples, first.n_dropped, first.n_classes, accuracy, settings, notes)


def _checked(loader: Iterable[Any], outputs: object, rows: str, max_samples: int | None) -> Directions:
    """Directions of the outputs, once the arguments are found right."""
    if isinstance(loader, Iterator):
        advice = "Give a DataLoader, or a list of the batches."
        raise InputError("a loader that can be iterated twice", type(loader).__name__, advice)
    if rows not in ("each", "mean", "flatten"):
        raise InputError("rows 'each', 'mean' or 'flatten'", repr(rows), "Choose one of them.")
    if max_samples is not None and max_samples < 1:
        raise InputError("max_samples >= 1", str(max_samples), "None takes all.")
    return directions_of(outputs)


def _on_cpu(spectrum: Spectrum | None) -> Spectrum | None:
    return None if spectrum is None else Spectrum(spectrum.values.cpu(), spectrum.vectors.cpu())
