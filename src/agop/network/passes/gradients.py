"""Gradients of a network's outputs at every layer, and the sums of outer products behind their AGOPs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from scipy.stats import t as student
from torch import Tensor

from agop.linalg import Spectrum, gram
from agop.network.capture.layer_call import LayerCall
from agop.network.capture.weights import ShardedWeight, Weights
from agop.network.passes.directions import Directions
from agop.network.passes.features import CallFeatures
from agop.network.passes.merging import added
from agop.network.passes.sweep import SeenBatch
from agop.outer_product import OuterProduct
from agop.storable import storable

__all__ = ["LayerGradients", "LayerWeight", "layer_gradients"]

_ROWS = 4096
"""Gradients that are gathered for one product: enough for its full speed, few enough to be added in float32."""

_BYTES = 2**20
"""Memory that the gathered gradients of one layer may take."""

_CONFIDENCE = 0.95
"""Share of draws of the random directions in which the stated error is not exceeded."""

_SCALED = 120
"""Largest power of two that gradients are scaled by."""


@dataclass(frozen=True, eq=False)
class LayerWeight:
    r"""Weight W (out, in) of a layer, whose smaller side carries the outer products of the gradients.

    With :math:`\delta` the gradient with respect to the outputs of the layer, the AGOP at its inputs is
    :math:`W^T S W` for :math:`S = \sum \delta \delta^T`, or the sum of :math:`(W^T \delta)(W^T \delta)^T` itself.

    Attributes
    ----------
    matrix
        W; of a model that is sharded its outline on the meta device, which has the shape and no numbers.
    sharded
        What it takes to gather W from all ranks; empty where ``matrix`` has it.
    """

    matrix: Tensor
    sharded: tuple[ShardedWeight, ...] = ()

    @classmethod
    def of(cls, call: LayerCall) -> LayerWeight:
        """Weight of the layer that was called."""
        if not call.sharded:
            return cls(call.matrix())
        return cls(torch.cat([part.matrix(part.outline) for part in call.sharded]), call.sharded)

    def whole(self, weights: Weights) -> LayerWeight:
        """The same with its numbers, gathered from the ranks of a sharded model, which ask together."""
        return LayerWeight(weights.gathered(self.sharded)) if self.sharded else self

    @property
    def has_few_outputs(self) -> bool:
        """Whether outer products are those of the gradients at the outputs."""
        return self.matrix.shape[0] <= self.matrix.shape[1]

    @cached_property
    def _gram(self) -> Tensor:
        """W W^T, in the precision of the weight: all layers keep theirs at once."""
        return gram(self.matrix.to(torch.promote_types(self.matrix.dtype, torch.float32)).mT)

    def on_smaller_side(self, rows: Tensor) -> Tensor:
        """Gradients (k, out) at the outputs, or what they are at the inputs (k, in) where these are fewer."""
        return rows if self.has_few_outputs else rows @ self.matrix.to(rows)

    def trace(self, total: Tensor) -> Tensor:
        """Trace at the inputs of an outer product on the smaller side, a scalar."""
        return (total * self._gram).sum() if self.has_few_outputs else total.trace()

    def at_inputs(self, total: Tensor) -> Tensor:
        """Outer product (in, in) at the inputs, symmetric, of one on the smaller side."""
        total = self.matrix.double().mT @ total @ self.matrix.double() if self.has_few_outputs else total
        return (total + total.mT) / 2


@storable
@dataclass(frozen=True, eq=False)
class LayerGradients:
    r"""Gradients that arrived at one layer: a value that merges.

    The trace of the AGOP from random directions has a variance of :math:`V = \sum_b v_b` with :math:`v_b` that of
    batch b, from the spread of its k directions. It has :math:`V^2 / \sum_b (v_b^2 / (k - 1))` degrees of freedom
    (Welch 1947, Satterthwaite 1946).

    Attributes
    ----------
    product
        Outer product of the gradients, on the smaller side of the weight; its count is that of samples, times
        that of random directions.
    precision
        Data type of the gradients, float32 at least, in which products are taken before they are added in float64.
    spread
        V, for the trace of the sum of outer products at the inputs, and :math:`\sum_b v_b^2 / (k - 1)`, float64; None
        with fewer than two random directions.
    """

    product: OuterProduct
    precision: torch.dtype
    spread: Tensor | None = None

    def merge(self, other: LayerGradients) -> LayerGradients:
        """Both together, for independent directions."""
        spread = added(self.spread, other.spread)
        return LayerGradients(self.product.merge(other.product), other.precision, spread)

    def to(self, device: torch.device | str) -> LayerGradients:
        """The same on another device."""
        product = OuterProduct(self.product.count, self.product.total.to(device))
        return LayerGradients(product, self.precision, None if self.spread is None else self.spread.to(device))

    def trace_error(self, weight: LayerWeight) -> float | None:
        """Error of the trace of the AGOP relative to it, exceeded in about 5 % of draws of the random directions.

        None with fewer than two directions. By Student's distribution, whose quantiles are large for few directions;
        exceeded more often, in up to a fifth of draws, where one sample has most of the variance.
        """
        if self.spread is None:
            return None
        variance, squares = self.spread.tolist()
        trace = float(weight.trace(self.product.total))
        if variance == 0 or trace <= 0:
            return 0.0 if trace > 0 else None
        return float(student.ppf((1 + _CONFIDENCE) / 2, variance**2 / squares)) * math.sqrt(variance) / trace

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
    batch, random = seen.batch, directions.n_averaged > 1
    sums = {part.name: _BatchSum(weights[part.name], part.call.outputs.device) for part in calls}
    for features in calls:
        features.listen(partial(sums[features.name].add, features.call))
    kept = None if batch.samples is None else torch.from_numpy(batch.kept).to(batch.device)[:, None]
    for direction in directions.draws(batch.outputs.detach(), seen.number):
        for part in sums.values() if random else ():
            part.begin_direction()
        seen.backward(direction if kept is None else torch.where(kept, direction, 0))
    count = float(batch.n_samples * directions.n_averaged)
    found = {name: part.value(count) for name, part in sums.items()}
    return {name: part for name, part in found.items() if part is not None}


class _BatchSum:
    """Add up the gradients of one batch at one layer, in place.

    Directions are gathered for one product, which is faster than one for each and asks for fewer calls; but not those
    whose own traces tell the spread.
    """

    def __init__(self, weight: LayerWeight, device: torch.device) -> None:
        self.weight = weight
        self.device = device
        self.total: Tensor | None = None
        self.precision = torch.float64
        self.gathered: list[Tensor] = []
        self.traces: list[Tensor] = []

    def add(self, call: LayerCall, rows: Tensor) -> None:
        """Add the gradients (n, S, out) of one direction of the outputs at a call of the layer."""
        self.gathered.append(rows)
        n_rows = sum(len(part) * part.shape[1] for part in self.gathered)
        if self.weight.sharded:
            self._flush(LayerWeight(call.matrix()))  # which is whole at this moment only
        elif n_rows >= _ROWS or n_rows * rows.shape[-1] * rows.itemsize >= _BYTES:
            self._flush(self.weight)

    def begin_direction(self) -> None:
        """Begin a random direction, whose trace is to be noted."""
        self._flush(self.weight)
        self.traces.append(torch.zeros((), dtype=torch.float64, device=self.device))

    def value(self, count: float) -> LayerGradients | None:
        """The sum, with the spread of the directions, which are independent of those of other batches."""
        self._flush(self.weight)
        if self.total is None:
            return None
        spread, k = None, len(self.traces)
        if k > 1:
            variance = k * torch.stack(self.traces).var()
            spread = torch.stack([variance, variance.square() / (k - 1)])
        return LayerGradients(OuterProduct(count, self.total), self.precision, spread)

    def _flush(self, weight: LayerWeight) -> None:
        if self.gathered:
            several = len(self.gathered) > 1
            rows = torch.cat([part.flatten(0, 1) for part in self.gathered]) if several else self.gathered[0]
            part = _outer_products(weight.on_smaller_side(rows))
            self.precision = rows.dtype
            self.total = part if self.total is None else self.total.add_(part)
            self.gathered = []
            if self.traces:
                self.traces[-1] = self.traces[-1] + weight.trace(part)


def _outer_products(rows: Tensor) -> Tensor:
    """Sum of the outer products (d, d) of rows (n, d) or (n, S, d), float64.

    Rows are scaled by a power of two, without rounding, so that squares of vanishing or exploding gradients keep within
    the range of float32.
    """
    exponent = torch.frexp(rows.abs().amax()).exponent.clamp(-_SCALED, _SCALED).to(rows)
    return gram(rows * torch.exp2(-exponent)).double() * torch.exp2(2 * exponent.double())
