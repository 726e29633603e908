"""How far predictions of a kernel machine may be off: its posterior variance, and intervals from left-out residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.kernels import KernelMatrix
from agop.kernels.metric import mapped
from agop.rfm.distinct import distinct_rows
from agop.rfm.samples import Samples
from agop.solvers import Cholesky
from agop.solvers.cholesky import CholeskyFactor
from agop.storable import storable

__all__ = ["LeftOut", "Posterior", "intervals"]

_TINY, _ROUNDING = 1e-300, 1e-12
"""Smallest variance that a residual is divided by, and relative rounding of sums of weights."""


@storable
@dataclass(frozen=True)
class LeftOut:
    """Residuals of samples by predictions that do not depend on their targets.

    Attributes
    ----------
    residuals
        (n, C) float64, target minus prediction.
    weights
        (n,) float64, how much each sample matters.
    rows
        (n,) index of the input of each sample among ``inputs``, or among the centers of the machine.
    inputs
        (m, d) inputs of samples that the machine has not seen; None where each was left out in its turn.
    """

    residuals: Tensor
    weights: Tensor
    rows: Tensor
    inputs: Tensor | None = None

    @classmethod
    def of(cls, predictions: Tensor, samples: Samples, centers: Tensor | None) -> Self:
        """Residuals of predictions (n, C) for samples of the fit with these centers (m, d), or of none (None).

        Where some of them are no centers, since a fit in little time leaves rows out, none counts as one.
        """
        residuals = samples.sample_targets.double() - predictions.double()
        if centers is not None:
            _, group = distinct_rows(torch.cat([centers, samples.inputs]))
            if (rows := group[len(centers) :]).max() < len(centers):
                return cls(residuals, samples.sample_weights, rows[samples.group])
        return cls(residuals, samples.sample_weights, samples.group, samples.inputs)

    def means(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs that occur (m',), and weighted mean residual (m', C) and total weight (m',) of the samples there."""
        rows, group = torch.unique(self.rows, return_inverse=True)
        totals = self.weights.new_zeros(len(rows)).index_add_(0, group, self.weights)
        sums = torch.zeros_like(self.residuals[: len(rows)])
        sums.index_add_(0, group, self.weights[:, None] * self.residuals)
        return rows, sums / totals[:, None], totals


@dataclass(frozen=True, eq=False)
class Posterior:
    r"""The Gaussian process whose posterior mean a kernel machine is, at signal variance 1.

    Kernel ridge regression with ridge :math:`\lambda` and weights w is the posterior mean for a prior covariance
    :math:`\sigma_f^2 k` and noise of variance :math:`\lambda \sigma_f^2 / w_i` in target i: the ridge is the ratio of
    noise to signal for a sample of weight 1, and a larger weight is a smaller noise. With
    :math:`A = K + \lambda\, \mathrm{diag}(1 / w)` the posterior variance of the function is
    :math:`\sigma_f^2 (k(x, x) - k_x^T A^{-1} k_x)`. It depends on the inputs alone, takes the metric for given, and
    leaves out the noise and the intercept.

    Attributes
    ----------
    machine
        The kernel machine.
    ridge, weights
        :math:`\lambda`, and w, (n,).
    factor
        Factor of A, n^2 entries.
    max_memory
        Bytes for the factor and blocks of rows beside it; None for no limit.

    References
    ----------
    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equations 2.26 and 5.12.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> machine = KernelMachine(Laplace(1.0), torch.zeros(1, 2), torch.ones(1, 1))
    >>> Posterior.of(machine, 0.25, torch.ones(1)).variance(torch.tensor([[0.0, 0.0], [50.0, 0.0]]))
    tensor([0.2000, 1.0000], dtype=torch.float64)
    """

    machine: KernelMachine
    ridge: float
    weights: Tensor
    factor: CholeskyFactor
    max_memory: int | None = None

    @classmethod
    def of(cls, machine: KernelMachine, ridge: float, weights: Tensor, max_memory: int | None = None) -> Self:
        """Factorize A; MemoryBudgetError if it does not fit."""
        matrix = KernelMatrix(machine.kernel, machine.centers, ridge / weights, machine.metric, max_memory)
        return cls(machine, ridge, weights, Cholesky().factorize(matrix), max_memory)

    def variance(self, points: Tensor) -> Tensor:
        """Variance (m,), float64, of the function at points (m, d): 1 far from all centers where k is of a distance."""
        variance = points.new_empty(len(points), dtype=torch.float64)
        for rows in row_chunks(len(points), 4 * len(self.weights) * variance.itemsize, self.max_memory):
            half = torch.linalg.solve_triangular(self.factor.lower, self._values(points[rows]).mT, upper=False)
            variance[rows] = (
                self._prior(points[rows]) - torch.linalg.vector_norm(half, dim=0, dtype=torch.float64).square()
            )
        return variance.clamp_(min=0)

    def signal_variance(self, left_out: LeftOut) -> Tensor:
        r"""The variance :math:`\sigma_f^2` (C,) at which left-out residuals have their predicted variance on average.

        The prediction of a center by the others has the variance :math:`\sigma_f^2 / (A^{-1})_{ii}`, that of another
        input the posterior variance and its noise.
        """
        rows, residuals, weights = left_out.means()
        if left_out.inputs is None:
            predicted = 1 / self.factor.inverse_diagonal(max_memory=self.max_memory)[rows]
        else:
            predicted = self.variance(left_out.inputs[rows]) + self.ridge / weights
        return (residuals.square() / predicted.clamp(min=_TINY)[:, None]).mean(0)

    def without(self, rows: Tensor) -> Callable[[Tensor], Tensor]:
        r"""Function from points (m, d) to :math:`f_{-j}(x) - f(x)`, (m, C, J), for each center j that is left out.

        That is :math:`-(k_x^T A^{-1})_j \alpha_j / (A^{-1})_{jj}`, since :math:`f_{-j}` is the fit to targets of which
        the one at j is its own prediction there; the intercept stays.
        """
        units = torch.zeros(len(self.weights), len(rows), dtype=self.factor.lower.dtype, device=rows.device)
        units[rows, torch.arange(len(rows), device=rows.device)] = 1
        inverse = self.factor.solve(units)
        residuals = self.machine.coefficients[rows].to(inverse) / inverse.gather(0, rows[None]).mT
        return lambda points: -(self._values(points) @ inverse)[:, None, :] * residuals.mT

    def _prior(self, points: Tensor) -> Tensor:
        """k(x, x), (m,), in the precision of the factor."""
        return self.machine.kernel.diagonal(self._mapped(points))

    def _values(self, points: Tensor) -> Tensor:
        """k(x, z_j), (m, n), in the precision of the factor."""
        return self.machine.kernel.gram(self._mapped(points), self._mapped(self.machine.centers)).values

    def _mapped(self, points: Tensor) -> Tensor:
        """Points in the coordinates of the kernel."""
        origin = self.machine.kernel.origin(self.machine.centers.mean(0))
        return mapped(points, origin, self.machine.metric, self.factor.lower.dtype)


def intervals(
    points: Tensor, predictions: Tensor, left_out: LeftOut, coverage: float, posterior: Posterior | None = None
) -> tuple[Tensor, Tensor]:
    r"""Ends (m, C) of intervals about predictions (m, C) at points (m, d), from left-out residuals.

    With residuals :math:`R_j` and weights of sum 1 for all samples and a new one of mean weight: from the lower to the
    upper quantile of :math:`f_{-j}(x) \mp |R_j|`, such that at least a share ``coverage`` of all lies on the inner side
    of each. With :math:`f_{-j} = f` for samples that were held out this is split conformal prediction. With the
    fits without sample j it is the jackknife+.

    Raises
    ------
    InputError
        If the coverage is not between 0 and 1, or more than n residuals can say, n / (n + 1).

    References
    ----------
    Barber, Candes, Ramdas, Tibshirani 2021, Predictive inference with the jackknife+, Annals of Statistics 49:486.

    Examples
    --------
    >>> residuals = torch.arange(1.0, 10.0)[:, None]
    >>> left_out = LeftOut(residuals, torch.ones(9), torch.arange(9), torch.zeros(9, 1))
    >>> [end.tolist() for end in intervals(torch.zeros(1, 1), torch.zeros(1, 1), left_out, 0.5)]
    [[[-5.0]], [[5.0]]]
    """
    n = len(left_out.residuals)
    if not 0 < coverage < 1:
        raise InputError("a coverage between 0 and 1", repr(coverage), "0.9 leaves out one target in ten.")
    if coverage * (n + 1) > n * (1 + _ROUNDING):
        advice = "Ask for less, or fit to more samples."
        raise InputError(f"a coverage of {n / (n + 1):.3g} at most with {n} residuals", repr(coverage), advice)
    spread = left_out.residuals.abs().mT
    if posterior is None:
        reach = _quantile(spread, left_out.weights, coverage)
        return predictions.double() - reach, predictions.double() + reach
    rows, group = torch.unique(left_out.rows, return_inverse=True)
    without = posterior.without(rows)
    lower, upper = (torch.empty_like(predictions, dtype=torch.float64) for _ in range(2))
    bytes_per_row = 8 * (4 * len(posterior.weights) + 6 * spread.numel())
    for part in row_chunks(len(points), bytes_per_row, posterior.max_memory):
        values = predictions[part].double()[:, :, None] + without(points[part]).double()[:, :, group]
        lower[part] = -_quantile(spread - values, left_out.weights, coverage)
        upper[part] = _quantile(spread + values, left_out.weights, coverage)
    return lower, upper


def _quantile(values: Tensor, weights: Tensor, coverage: float) -> Tensor:
    """Smallest of values (..., n) up to which lies a share ``coverage`` of their weights (n,) and one of mean size."""
    values, order = values.sort(-1)
    needed = coverage * (weights.sum() + weights.mean()) * (1 - _ROUNDING)
    place = (weights[order].cumsum(-1) < needed).sum(-1, keepdim=True).clamp(max=len(weights) - 1)
    return values.gather(-1, place)[..., 0]
