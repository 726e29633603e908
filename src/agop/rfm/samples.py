"""Weighted samples, equal ones merged: what a fit, a fold, a leaf and a layer learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from sklearn.utils import check_random_state
from torch import Tensor

from agop.errors import InputError
from agop.estimator.rows import ChunkedRows
from agop.rfm.distinct import all_equal, distinct_rows, lexicographic_order

__all__ = ["Samples", "positive", "random_rows"]


IN_PLACE_ROWS = 200_000
"""Distinct inputs up to which they are sorted and reordered, which makes copies of them."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Weighted samples at some inputs; those at one input are learned from as one, and left out together.

    Kernel ridge regression on distinct inputs with summed weights and weighted mean targets is the same problem as on
    all samples.

    Attributes
    ----------
    inputs
        Inputs, (m, d); distinct once ``merged``. They may stay in chunks, see ``ChunkedRows``.
    group
        (n,) the input of each sample.
    sample_targets, sample_weights
        Targets of the samples, (n, C), and how much they matter, (n,) float64, positive: never how many they are.
    intercept
        Whether a fit subtracts the weighted mean of the targets that it sees.

    Examples
    --------
    >>> samples = Samples.of(torch.tensor([[2.0], [1.0], [2.0]]), torch.tensor([[1.0], [0.0], [3.0]])).merged()
    >>> samples.inputs.ravel(), samples.targets.ravel(), samples.weights, samples.spread
    (tensor([2., 1.]), tensor([2., 0.]), tensor([2., 1.], dtype=torch.float64), tensor([1., 0.], dtype=torch.float64))
    >>> samples.part(torch.tensor([1])).inputs
    tensor([[1.]])
    """

    inputs: Tensor
    group: Tensor
    sample_targets: Tensor
    sample_weights: Tensor
    intercept: bool = False

    @classmethod
    def of(cls, inputs: Tensor, targets: Tensor, weights: Tensor | None = None, *, intercept: bool = False) -> Samples:
        """Samples with inputs (n, d) of their own, targets (n, C) and positive weights (n,), ones if None.

        Raises
        ------
        InputError
            If there are not as many targets and weights as inputs.
        """
        if weights is None:
            weights = torch.ones(len(inputs), dtype=torch.float64, device=inputs.device)
        if not len(inputs) == len(targets) == len(weights):
            got = f"{len(targets)} targets and {len(weights)} weights"
            raise InputError(f"{len(inputs)} targets and weights", got, "Pass one of each for every input.")
        return cls(inputs, torch.arange(len(inputs), device=inputs.device), targets, weights.double(), intercept)

    def merged(self) -> Samples:
        """The samples with equal inputs as one, in order of first appearance."""
        first, group = distinct_rows(self.inputs)
        if len(first) == len(self):
            return self
        return replace(self, inputs=self.inputs[first], group=group[self.group])

    def sorted(self) -> Samples:
        """The samples with their inputs in lexicographic order, so that no choice depends on the order of samples.

        More than ``IN_PLACE_ROWS`` stay in their order, since sorting makes a copy.
        """
        if self.in_place:
            return self
        return self.part(lexicographic_order(self.inputs).to(self.group))

    @property
    def in_place(self) -> bool:
        """Whether there are so many inputs that they are not to be copied, as those of a memory-mapped file."""
        return len(self) > IN_PLACE_ROWS or self.in_chunks

    @property
    def in_chunks(self) -> bool:
        """Whether the inputs are not in memory together."""
        return isinstance(self.inputs, ChunkedRows)

    def read_ahead(self, rows: Tensor) -> None:
        """Read some inputs in one pass, parts of which are asked for soon; nothing where all are in memory."""
        if isinstance(self.inputs, ChunkedRows):
            self.inputs.remember(rows)

    def require_together(self) -> None:
        """Raise MemoryBudgetError where the inputs are not in memory together."""
        if isinstance(self.inputs, ChunkedRows):
            raise self.inputs.too_large()

    def part(self, rows: Tensor) -> Samples:
        """The samples at some of the inputs (m',), these in the order of their indices.

        Examples
        --------
        >>> samples = Samples.of(torch.tensor([[1.0], [2.0], [1.0], [3.0]]), torch.arange(4.0)[:, None]).merged()
        >>> part = samples.part(torch.tensor([2, 0]))
        >>> part.group.tolist(), part.sample_targets.ravel().tolist()
        ([1, 1, 0], [0.0, 2.0, 3.0])
        """
        number = self.group.new_full((len(self),), -1)
        number[rows] = torch.arange(len(rows), device=rows.device)
        group = number[self.group]
        kept = group >= 0
        targets, weights = self.sample_targets[kept], self.sample_weights[kept]
        return replace(
            self, inputs=self.inputs[rows], group=group[kept], sample_targets=targets, sample_weights=weights
        )

    def some(self, most: int | None, random_state: Any) -> Samples:
        """The samples at ``most`` of the inputs, drawn at random; itself if there are no more, or for None."""
        if most is None or len(self) <= most:
            return self
        return self.part(random_rows(len(self), most, random_state).to(self.group))

    def in_memory(self, most: int) -> Samples:
        """The samples at so many of the inputs at most, always the same ones, and at fewer where these do not fit."""
        return self.some(min(most, self.inputs.most_rows) if isinstance(self.inputs, ChunkedRows) else most, 0)

    def __len__(self) -> int:
        """Number m of inputs."""
        return len(self.inputs)

    @cached_property
    def targets(self) -> Tensor:
        """(m, C) weighted mean of the targets of equal samples."""
        return self._mean(self.sample_targets)

    @cached_property
    def weights(self) -> Tensor:
        """(m,) total weight of equal samples, float64."""
        return self._total(self.sample_weights)

    @cached_property
    def spread(self) -> Tensor:
        """(m,) weighted mean squared distance of the targets of equal samples from their mean, float64."""
        targets = self.sample_targets.double()
        squares = (targets - self._mean(targets)[self.group]).square().sum(1)
        return self._total(self.sample_weights * squares) / self.weights

    @property
    def constant(self) -> bool:
        """Whether there is nothing to learn: all inputs or all targets are equal."""
        return any(all_equal(values) for values in (self.inputs, self.targets))

    def mean(self) -> Tensor:
        """Weighted mean (C,) of the targets, float64; exact where they are equal."""
        first = self.targets[0].double()
        return first + self.weights @ (self.targets.double() - first) / self.weights.sum()

    def means_without(self) -> Tensor:
        """Weighted means (m, C) of the targets of all other inputs, float64; zeros for a single one."""
        weights, targets = self.weights[:, None], self.targets.double()
        rest = weights.sum() - weights
        return torch.where(rest > 0, (weights * targets).sum(0) - weights * targets, 0) / rest.clamp(min=1e-300)

    def right_hand_sides(self) -> Tensor:
        """Targets (m, C), followed by ones (m, C + 1) with an intercept: a fit to Y - 1 c is linear in c."""
        return torch.cat([self.targets, torch.ones_like(self.targets[:, :1])], 1) if self.intercept else self.targets

    def about_the_others(self, residuals: Tensor, rows: Tensor | slice) -> Tensor:
        """Left-out residuals (v, C) of the inputs in some rows, from those of ``right_hand_sides`` there.

        The intercept is left out with its sample: the mean of the targets is that of the others.
        """
        if not self.intercept:
            return residuals
        return residuals[:, :-1] - self.means_without()[rows] * residuals[:, -1:]

    def error(self, predictions: Tensor) -> float:
        """Weighted mean, over samples and outputs, of squared errors of predictions (m, C) at the inputs.

        Examples
        --------
        >>> samples = Samples.of(torch.tensor([[0.0], [0.0], [1.0]]), torch.tensor([[1.0], [3.0], [1.0]])).merged()
        >>> samples.error(torch.tensor([[1.0], [1.0]]))
        1.3333333333333333
        """
        squares = (self.targets.double() - predictions.double()).square().sum(1) + self.spread
        return (self.weights @ squares / self.weights.sum() / self.targets.shape[1]).item()

    @cached_property
    def _one_each(self) -> bool:
        """Whether sample i is the one at input i: then nothing is added up or copied."""
        each = torch.arange(len(self), device=self.group.device)
        return torch.equal(self.group, each)

    def _mean(self, values: Tensor) -> Tensor:
        """(m, C) weighted means of values (n, C) of equal samples, exact where there is one; in their dtype."""
        if self._one_each:
            return values
        sums = self.sample_weights.new_zeros(len(self), values.shape[1])
        sums.index_add_(0, self.group, self.sample_weights[:, None] * values)
        means = (sums / self.weights[:, None]).to(values.dtype)
        alone = torch.bincount(self.group, minlength=len(self))[self.group] == 1
        means[self.group[alone]] = values[alone]
        return means

    def _total(self, values: Tensor) -> Tensor:
        """(m,) sums of values (n,) of equal samples."""
        if self._one_each:
            return values
        return values.new_zeros(len(self)).index_add_(0, self.group, values)


def positive(weights: Tensor) -> Tensor | slice:
    """Where weights (n,) are positive: a mask, or all of them as a slice, which makes views and no copies."""
    kept = weights > 0
    return slice(None) if bool(kept.all()) else kept


def random_rows(n: int, most: int, random_state: Any) -> Tensor:
    """Indices of ``most`` of n rows in order, or of all if they are fewer."""
    if n <= most:
        return torch.arange(n)
    return torch.from_numpy(check_random_state(random_state).choice(n, most, replace=False)).sort().values
