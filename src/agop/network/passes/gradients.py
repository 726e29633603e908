"""Gradients of a network's outputs at every layer, and the sums of outer products behind their AGOPs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from agop.errors import InputError
from agop.linalg import Spectrum
from agop.network.passes.directions import Directions
from agop.network.passes.features import CallFeatures
from agop.network.passes.sweep import SeenBatch
from agop.outer_product import OuterProduct
from agop.storable import storable

__all__ = ["LayerGradients", "LayerWeight", "check_independence", "layer_gradients"]

_LEVELS = 8
"""Powers of two that tell samples apart; more would overflow gradients in half precision."""

_MIXED = 1e-4
"""Gradients at the rows of another sample, relative to the largest, that are not rounding."""


@dataclass(frozen=True, eq=False)
class LayerWeight:
    r"""Weight W (out, in) of a layer, whose smaller side carries the outer products of the gradients.

    With :math:`\delta` the gradient with respect to the outputs of the layer, the AGOP at its inputs is
    :math:`W^T S W` for :math:`S = \sum \delta \delta^T`, or the sum of :math:`(W^T \delta)(W^T \delta)^T` itself.
    """

    matrix: Tensor

    @property
    def has_few_outputs(self) -> bool:
        """Whether outer products are those of the gradients at the outputs."""
        return self.matrix.shape[0] <= self.matrix.shape[1]

    @cached_property
    def _gram(self) -> Tensor:
        return self.matrix.double() @ self.matrix.double().mT

    def trace(self, total: Tensor) -> float:
        """Trace at the inputs of an outer product on the smaller side."""
        return float((total * self._gram).sum() if self.has_few_outputs else total.trace())

    def at_inputs(self, total: Tensor) -> Tensor:
        """Outer product (in, in) at the inputs, symmetric, of one on the smaller side."""
        total = self.matrix.double().mT @ total @ self.matrix.double() if self.has_few_outputs else total
        return (total + total.mT) / 2


@storable
@dataclass(frozen=True, eq=False)
class LayerGradients:
    """Gradients that arrived at one layer: a value that merges.

    Attributes
    ----------
    product
        Outer product of the gradients, on the smaller side of the weight; its count is that of samples, times
        that of random directions.
    precision
        Data type of the gradients, float32 at least, in which products are taken before they are added in float64.
    variance
        Variance of the trace of the sum of outer products at the inputs; None with fewer than two random directions.
    """

    product: OuterProduct
    precision: torch.dtype
    variance: float | None = None

    def merge(self, other: LayerGradients) -> LayerGradients:
        """Both together, for independent directions."""
        found = [part.variance for part in (self, other) if part.variance is not None]
        return LayerGradients(self.product.merge(other.product), other.precision, sum(found) if found else None)

    def to(self, device: torch.device | str) -> LayerGradients:
        """The same on another device."""
        return replace(self, product=OuterProduct(self.product.count, self.product.total.to(device)))

    def trace_error(self, weight: LayerWeight) -> float | None:
        """Standard error of the trace of the AGOP relative to it; None with fewer than two random directions."""
        if self.variance is None:
            return None
        trace = weight.trace(self.product.total)
        return self.variance**0.5 / trace if trace > 0 else None

    def spectrum(self, weight: LayerWeight) -> Spectrum:
        """Spectrum of the AGOP, without the matrix where that is far larger than its rank."""
        n_outputs, n_inputs = weight.matrix.shape
        mean = self.product.total * (1 / self.product.count)
        if n_inputs <= 2 * n_outputs:
            return Spectrum.of(weight.at_inputs(mean), precision=self.precision)
        return Spectrum.of_factor(Spectrum.of(mean, precision=self.precision).factor() @ weight.matrix.double())


def layer_gradients(
    seen: SeenBatch, calls: list[CallFeatures], weights: Mapping[str, LayerWeight], directions: Directions
) -> dict[str, LayerGradients]:
    """Gradients of the outputs of a batch by layer, of those that one reaches: a backward pass a direction serves all.

    Parameters
    ----------
    seen
        The batch.
    calls
        Calls that are measured.
    weights
        Weight of every layer that is called.
    directions
        Directions along which the outputs are differentiated.
    """
    outputs = seen.batch.outputs
    sums = {name: _BatchSum(weight) for name, weight in weights.items()}
    for features in calls:
        features.listen(sums[features.name].add)
    for direction in directions.draws(outputs.detach(), seen.number):
        for part in sums.values() if directions.n_averaged > 1 else ():
            part.traces.append(0.0)
        seen.backward(direction * seen.batch.kept[:, None])
    count = float(len(seen.batch.samples) * directions.n_averaged)
    return {name: part.value(count) for name, part in sums.items() if part.total is not None}


class _BatchSum:
    """Add up the gradients of one batch at one layer, in place."""

    def __init__(self, weight: LayerWeight) -> None:
        self.weight = weight
        self.total: Tensor | None = None
        self.precision = torch.float64
        self.traces: list[float] = []

    def add(self, rows: Tensor) -> None:
        """Add the gradients (n, S, out) of one direction of the outputs."""
        rows = rows.flatten(0, 1)
        rows = rows if self.weight.has_few_outputs else rows @ self.weight.matrix.to(rows)
        self.precision = rows.dtype
        part = (rows.mT @ rows).double()
        self.total = part if self.total is None else self.total.add_(part)
        if self.traces:
            self.traces[-1] += self.weight.trace(part)

    def value(self, count: float) -> LayerGradients:
        """The sum, with the spread of the directions, which are independent of those of other batches."""
        assert self.total is not None  # noqa: S101 - asked for where a gradient arrived
        traces = torch.tensor(self.traces, dtype=torch.float64)
        variance = len(traces) * float(traces.var()) if len(traces) > 1 else None
        return LayerGradients(OuterProduct(count, self.total), self.precision, variance)


def check_independence(seen: SeenBatch, calls: list[CallFeatures]) -> None:
    """Raise if the outputs of one sample depend on the rows of another.

    The outputs of each sample are weighted by a power of two, which rounding respects in every precision: the gradients
    at its rows must be weighted by the same one.
    """
    outputs = seen.batch.outputs.detach()
    powers = torch.arange(len(outputs), device=outputs.device)
    factors = torch.exp2((powers + powers // _LEVELS) % _LEVELS).to(outputs)[:, None]
    plain = torch.arange(1, outputs.shape[1] + 1).to(outputs).expand_as(outputs)
    found: dict[int, Tensor] = {}
    for features in calls:
        features.listen(partial(found.__setitem__, id(features)))
    seen.backward(plain)
    mixed: list[bool] = []
    for features in calls:
        if (before := found.get(id(features))) is not None:
            features.listen(partial(_note_mixing, before, factors, mixed))
    seen.backward(plain * factors)
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
