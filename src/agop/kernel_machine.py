"""Kernel ridge regression: a frozen predictor and its fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError, MemoryBudgetError
from agop.inputs import all_finite
from agop.kernels import Kernel, Metric, RadialKernel
from agop.solvers import Cholesky
from agop.solvers.leave_one_out import inverse_diagonal

__all__ = ["Fit", "KernelMachine", "fit_kernel_machine", "fit_with_gradient_weights"]


@dataclass(frozen=True)
class KernelMachine:
    r"""The function :math:`f(x) = \sum_j \alpha_j\, k(M^{1/2} x, M^{1/2} x_j)`.

    For a radial kernel this is a function of the Mahalanobis distance
    :math:`\sqrt{(x - x_j)^T M (x - x_j)}` (Radhakrishnan et al. 2024, arXiv 2212.13881).

    Attributes
    ----------
    kernel
        Hyper-parameters of k.
    centers
        Training inputs x_j, (n, d).
    coefficients
        alpha, (n, C).
    metric
        M, or None for the identity.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> machine = KernelMachine(Laplace(2.0), torch.zeros(1, 3), torch.tensor([[5.0]]))
    >>> machine(torch.zeros(2, 3))
    tensor([[5.],
            [5.]])
    """

    kernel: Kernel
    centers: Tensor
    coefficients: Tensor
    metric: Metric | None = None

    def __call__(self, points: Tensor, *, max_memory: int | None = None) -> Tensor:
        """Predictions (m, C) at ``points`` (m, d), in row blocks of at most ``max_memory`` bytes.

        They are computed in the precision of the coefficients and returned in that of the centers.
        """
        self.kernel.check()
        if points.ndim != 2 or points.shape[1] != self.centers.shape[1]:
            raise InputError(
                f"points of shape (m, {self.centers.shape[1]})",
                f"shape {tuple(points.shape)}",
                "Pass the features that the model was fitted on.",
            )
        dtype, origin = self.coefficients.dtype, self.centers.mean(0)
        centers = _mapped(self.centers.to(dtype), origin, self.metric)
        predictions = self.centers.new_empty(len(points), self.coefficients.shape[1])
        bytes_per_row = 3 * (len(centers) + points.shape[1]) * dtype.itemsize
        for rows in row_chunks(len(points), bytes_per_row, max_memory):
            block = _mapped(points[rows].to(dtype), origin, self.metric)
            predictions[rows] = (self.kernel.gram(block, centers).values @ self.coefficients).to(predictions)
        return predictions


@dataclass(frozen=True)
class Fit:
    """A fitted machine and how it was computed.

    Attributes
    ----------
    machine
        The predictor.
    distances, solve
        Data types of the inner products behind the closest pairs, and of the factorisation.
    jitter
        What was added to the diagonal beyond the ridge.
    ridge
        lambda.
    inverse_diagonal
        Diagonal of (K + lambda diag(1/w))^-1, (n,) float64, for leave-one-out; None unless asked for.
    """

    machine: KernelMachine
    distances: torch.dtype
    solve: torch.dtype
    jitter: float
    ridge: float
    inverse_diagonal: Tensor | None = None


def fit_kernel_machine(
    kernel: Kernel,
    inputs: Tensor,
    targets: Tensor,
    *,
    ridge: float = 0.0,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    solver: Cholesky | None = None,
    max_memory: int | None = None,
) -> Fit:
    r"""Kernel ridge regression: the minimiser of :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`.

    Its coefficients are :math:`\alpha = (K + \lambda\, \mathrm{diag}(1/w))^{-1} Y`. Peak memory is one
    n x n matrix of the solve's dtype, beside blocks and copies of the inputs.

    Parameters
    ----------
    kernel
        Kernel k.
    inputs
        X, (n, d), float32 or float64, finite, distinct rows.
    targets
        Y, (n, C), finite.
    ridge
        lambda >= 0.
    metric
        M; identity if None.
    weights
        w > 0, (n,); ones if None.
    solver
        Factorisation; ``Cholesky()`` if None.
    max_memory
        Bytes that the kernel matrix may take; unlimited if None.

    Returns
    -------
    Fit
        Its coefficients are in the precision of the solve, which is float64 where float32 does not do.

    Raises
    ------
    InputError
        If inputs or targets are not finite matrices of one length.
    MemoryBudgetError
        If one kernel matrix does not fit ``max_memory``.
    NotPositiveDefiniteError
        If K stays singular; set a ridge.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> fit = fit_kernel_machine(Laplace(1.0), x, torch.tensor([[1.0], [-1.0]]))
    >>> fit.machine(x).ravel()
    tensor([ 1., -1.])
    """
    fit, _ = fit_with_gradient_weights(
        kernel,
        inputs,
        targets,
        ridge=ridge,
        metric=metric,
        weights=weights,
        solver=solver,
        max_memory=max_memory,
        share=False,
    )
    return fit


def fit_with_gradient_weights(
    kernel: Kernel,
    inputs: Tensor,
    targets: Tensor,
    *,
    ridge: float = 0.0,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    solver: Cholesky | None = None,
    max_memory: int | None = None,
    share: bool = True,
    leave_one_out: bool = False,
) -> tuple[Fit, Tensor | None]:
    """``fit_kernel_machine`` together with the gradient weights V of its inputs, for an AGOP that follows.

    K and V are functions of the same distances. V, (n, n) in the dtype of the solve, is None if ``share`` is
    False, the kernel is not radial, or ``max_memory`` has no room for a second matrix. ``leave_one_out`` asks for
    the fit's ``inverse_diagonal``, as many operations again as the factorisation.
    """
    kernel.check()
    _check_problem(inputs, targets, ridge, weights)
    origin = inputs.mean(0)
    precision, gradient_weights = inputs.dtype, None

    def build(dtype: torch.dtype) -> Tensor:
        nonlocal precision, gradient_weights
        gradient_weights = None  # of an attempt in lower precision
        needed = len(inputs) ** 2 * dtype.itemsize
        _check_memory(needed, max_memory)
        points = _mapped(inputs.to(dtype), origin, metric)
        if share and isinstance(kernel, RadialKernel) and (max_memory is None or 2 * needed <= max_memory):
            (gram, precision), gradient_weights = kernel.gram_and_gradient_weights(points)
        else:
            gram, precision = kernel.gram(points)
        gram.diagonal().add_(ridge if weights is None else (ridge / weights).to(dtype))
        return gram

    factor = (solver or Cholesky()).factorise(build, inputs.dtype)
    machine = KernelMachine(kernel, inputs, factor.solve(targets), metric)
    inverse = inverse_diagonal(factor.lower, max_memory=max_memory) if leave_one_out else None
    return Fit(machine, precision, factor.lower.dtype, factor.jitter, float(ridge), inverse), gradient_weights


def _mapped(points: Tensor, origin: Tensor, metric: Metric | None) -> Tensor:
    return points if metric is None else metric.map(points, origin.to(points))


def _check_problem(inputs: Tensor, targets: Tensor, ridge: float, weights: Tensor | None) -> None:
    if inputs.dtype not in (torch.float32, torch.float64) or not len(inputs):
        raise InputError("inputs in float32 or float64", f"{len(inputs)} in {inputs.dtype}", "Convert them.")
    for name, values in (("inputs", inputs), ("targets", targets)):
        if values.ndim != 2 or len(values) != len(inputs) or not all_finite(values):
            got = f"shape {tuple(values.shape)}, NaN or infinity"
            raise InputError(f"finite {name} of shape ({len(inputs)}, ...)", got, "Check the data.")
    if not 0 <= ridge < float("inf"):
        raise InputError("a finite ridge >= 0", repr(ridge), "Set ridge to zero or a small positive number.")
    if weights is not None and (weights.shape != inputs.shape[:1] or not (weights > 0).all()):
        got = f"shape {tuple(weights.shape)}, or one that is not positive"
        raise InputError(f"{len(inputs)} positive weights", got, "Leave samples without weight out.")


def _check_memory(needed: int, max_memory: int | None) -> None:
    if max_memory is not None and needed > max_memory:
        raise MemoryBudgetError(
            f"a kernel matrix within {max_memory / 2**20:.0f} MiB",
            f"one of {needed / 2**20:.0f} MiB",
            "Allow more memory, use float32 with a larger ridge, or fit on fewer samples.",
        )
