"""Gradients of a network's outputs at every layer, and the sums of outer products behind their AGOPs."""

from __future__ import annotations

from functools import cached_property, partial

import torch
from torch import Tensor

from agop.errors import InputError
from agop.linalg import Spectrum
from agop.network.capture.calls import Capture
from agop.network.passes.batches import Batch
from agop.network.passes.directions import Directions, Exact
from agop.network.passes.features import CallFeatures

__all__ = ["GradientPass", "GradientSum"]

_LEVELS = 8
"""Powers of two that tell samples apart; more would overflow gradients in half precision."""

_MIXED = 1e-4
"""Gradients at the rows of another sample, relative to the largest, that are not rounding."""


class GradientSum:
    r"""Sum of outer products behind the AGOP of one layer, on the smaller side of its weight W (out, in).

    With delta the gradient with respect to the outputs of the layer, either :math:`S = \sum \delta \delta^T` is kept,
    and the AGOP is :math:`W^T S W`, or the sum of :math:`(W^T \delta)(W^T \delta)^T` itself. Products are taken in the
    precision of the gradients, float32 at least, and added in float64.

    Parameters
    ----------
    matrix
        W.

    Attributes
    ----------
    matrix
        W.
    total
        The sum, float64.
    count
        Number of gradients that were added.
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self._of_outputs = matrix.shape[0] <= matrix.shape[1]
        self.total = matrix.new_zeros(min(matrix.shape), min(matrix.shape), dtype=torch.float64)
        self.count = 0
        self._precision = torch.float64
        self._traces: list[float] = []
        self._variance: float | None = None

    @cached_property
    def _gram(self) -> Tensor:
        """W W^T, which turns a sum over outputs into the trace of the AGOP."""
        return self.matrix.double() @ self.matrix.double().mT

    def add(self, rows: Tensor) -> None:
        """Add the gradients (n, S, out) of one direction of the outputs."""
        rows = rows.flatten(0, 1)
        rows = rows if self._of_outputs else rows @ self.matrix.to(rows)
        self._precision = rows.dtype
        part = (rows.mT @ rows).double()
        self.total += part
        self.count += 1
        if self._traces:
            self._traces[-1] += self._trace(part)

    def next_direction(self) -> None:
        """Begin a random direction, whose trace is kept apart for the standard error."""
        self._traces.append(0.0)

    def end_batch(self) -> None:
        """Take the spread of the directions of a batch, which are independent of those of others."""
        if len(self._traces) > 1:
            spread = float(torch.tensor(self._traces, dtype=torch.float64).var())
            self._variance = (self._variance or 0.0) + len(self._traces) * spread
        self._traces = []

    def trace_error(self) -> float | None:
        """Standard error of the trace of the AGOP relative to it; None with fewer than two random directions."""
        if self._variance is None:
            return None
        trace = self._trace(self.total)
        return self._variance**0.5 / trace if trace > 0 else None

    def _trace(self, total: Tensor) -> float:
        return float((total * self._gram).sum() if self._of_outputs else total.trace())

    def mean(self, scale: float) -> Tensor:
        """``scale`` times the sum as the matrix of the layer's input, (in, in)."""
        total = self.total * scale
        total = self.matrix.double().mT @ total @ self.matrix.double() if self._of_outputs else total
        return (total + total.mT) / 2

    def spectrum(self, scale: float) -> Spectrum:
        """Eigenvalues and eigenvectors of ``scale`` times the sum, without it where it is far larger than its rank."""
        n_outputs, n_inputs = self.matrix.shape
        if n_inputs <= 2 * n_outputs:
            return Spectrum.of(self.mean(scale), precision=self._precision)
        root = Spectrum.of(self.total * scale, precision=self._precision).factor()
        return Spectrum.of_factor(root @ self.matrix.double())


class GradientPass:
    """Adds up the gradients of a pass over the data: one backward pass a direction serves all layers.

    Parameters
    ----------
    directions
        Along which the outputs are differentiated.

    Attributes
    ----------
    sums
        By layer.
    """

    def __init__(self, directions: Directions) -> None:
        self.sums: dict[str, GradientSum] = {}
        self._directions = directions
        self._checked: set[int] = set()

    def watch(self, features: CallFeatures) -> None:
        """Make a sum for the layer of a call."""
        if features.name not in self.sums:
            linear = features.call.linear
            self.sums[features.name] = GradientSum(linear.matrix(linear.weight.detach()))

    def add(self, batch: Batch, calls: list[CallFeatures], capture: Capture, number: int) -> None:
        """Differentiate the outputs of batch ``number`` and add what arrives at the calls.

        Raises
        ------
        InputError
            If an exact AGOP is asked of outputs that depend on other samples.
        """
        if not batch.outputs.requires_grad or not batch.kept.any():
            return
        exact = isinstance(self._directions, Exact)
        if exact and len(batch.labels) not in self._checked:
            _check_independence(batch, calls, capture)
            self._checked.add(len(batch.labels))
        for features in calls:
            features.listen(self.sums[features.name].add)
        for direction in self._directions.draws(batch.outputs.detach(), number):
            for part in () if exact else self.sums.values():
                part.next_direction()
            _backward(batch.outputs, direction * batch.kept[:, None], capture)
        for part in self.sums.values():
            part.end_batch()

    def spectra(self, n_samples: int) -> dict[str, Spectrum]:
        """AGOP by layer, of those that a gradient reached."""
        scale = self._directions.scale / n_samples
        return {name: part.spectrum(scale) for name, part in self.sums.items() if part.count}


def _check_independence(batch: Batch, calls: list[CallFeatures], capture: Capture) -> None:
    """Raise if the outputs of one sample depend on the rows of another.

    The outputs of each sample are weighted by a power of two, which rounding respects in every precision: the gradients
    at its rows must be weighted by the same one.
    """
    outputs = batch.outputs.detach()
    powers = torch.arange(len(outputs), device=outputs.device)
    factors = torch.exp2((powers + powers // _LEVELS) % _LEVELS).to(outputs)[:, None]
    plain = torch.arange(1, outputs.shape[1] + 1).to(outputs).expand_as(outputs)
    found: dict[int, Tensor] = {}
    for features in calls:
        features.listen(partial(found.__setitem__, id(features)))
    _backward(batch.outputs, plain, capture)
    mixed: list[bool] = []
    for features in calls:
        if (before := found.get(id(features))) is not None:
            features.listen(partial(_note_mixing, before, factors, mixed))
    _backward(batch.outputs, plain * factors, capture)
    if any(mixed):
        raise InputError(
            "outputs of a sample that depend on that sample alone",
            "outputs that depend on other samples too, as those of tokens do, or samples on an unusual axis",
            "Use outputs=Rademacher(k), which is right for tokens, or leave such layers out by layers=....",
        )


def _note_mixing(plain: Tensor, factors: Tensor, mixed: list[bool], weighted: Tensor) -> None:
    """Compare gradients (n, S, out) with and without factors of the samples."""
    gap = (weighted / factors[:, :, None] - plain).abs().amax()
    mixed.append(bool(gap > _MIXED * plain.abs().amax()))


def _backward(outputs: Tensor, direction: Tensor, capture: Capture) -> None:
    """Send the gradients of <direction, outputs> to the calls."""
    torch.autograd.grad(outputs, capture.leaves, direction, retain_graph=True, allow_unused=True)
