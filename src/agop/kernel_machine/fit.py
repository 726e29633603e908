"""Kernel ridge regression, by a factorisation or iteratively."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from agop.chunks import available_memory
from agop.errors import InputError
from agop.inputs import all_finite
from agop.kernel_machine.cost import check_memory, iterative_bytes
from agop.kernel_machine.machine import KernelMachine, mapped
from agop.kernels import GramOperator, Kernel, Metric, RadialKernel
from agop.solvers import Cholesky, ConjugateGradient
from agop.solvers.cross_validation import inverse_diagonal

__all__ = ["Fit", "Solver", "fit_kernel_machine", "fit_with_gradient_weights"]

Solver: TypeAlias = Cholesky | ConjugateGradient
"""How the linear system of a fit is solved."""

_DIRECTIONS = 16
"""Random directions behind the mean of the inverse's diagonal: its relative error is about 1 / sqrt(8 n)."""


@dataclass(frozen=True)
class Fit:
    """A fitted machine and how it was computed.

    Attributes
    ----------
    machine
        The predictor.
    distances, solve
        Data types of the inner products behind the closest pairs, and of the factorisation or the iteration's products.
    jitter
        What was added to the diagonal beyond the ridge.
    ridge
        lambda.
    inverse_diagonal
        Diagonal of (K + lambda diag(1/w))^-1, (n,) float64, for leave-one-out; None unless asked for. Of an iterative
        fit it is w times the mean of that diagonal over w, which turns leave-one-out into generalised cross-validation.
    residual
        Relative residual of the linear system; 0 for a factorisation.
    iterations
        Products with the kernel matrix; 0 for a factorisation.
    """

    machine: KernelMachine
    distances: torch.dtype
    solve: torch.dtype
    jitter: float
    ridge: float
    inverse_diagonal: Tensor | None = None
    residual: float = 0.0
    iterations: int = 0


def fit_kernel_machine(
    kernel: Kernel,
    inputs: Tensor,
    targets: Tensor,
    *,
    ridge: float = 0.0,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    solver: Solver | None = None,
    max_memory: int | None = None,
    leave_one_out: bool = False,
) -> Fit:
    r"""Kernel ridge regression: the minimiser of :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`.

    Its coefficients are :math:`\alpha = (K + \lambda\, \mathrm{diag}(1/w))^{-1} Y`. A factorisation takes one n x n
    matrix of the solve's dtype at its peak, beside blocks and copies of the inputs; the iterative solver takes what
    ``max_memory`` leaves it, at most half of such a matrix, in float32.

    Parameters
    ----------
    kernel
        Kernel k.
    inputs
        X, (n, d), float32 or float64, finite, distinct rows.
    targets
        Y, (n, C), finite.
    ridge
        lambda >= 0; positive for the iterative solver.
    metric
        M; identity if None.
    weights
        w > 0, (n,); ones if None.
    solver
        ``Cholesky()`` if None, or ``ConjugateGradient()``.
    max_memory
        Bytes for matrices over pairs; if None unlimited, or for the iterative solver half of the free memory.
    leave_one_out
        Whether the fit comes with its ``inverse_diagonal``: as many operations again as the factorisation, or 16 more
        right-hand sides of the iteration.

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

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If the iterative solver gives up.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> fit = fit_kernel_machine(Laplace(1.0), x, torch.tensor([[1.0], [-1.0]]))
    >>> fit.machine(x).ravel()
    tensor([ 1., -1.])
    """
    return fit_with_gradient_weights(
        kernel,
        inputs,
        targets,
        ridge=ridge,
        metric=metric,
        weights=weights,
        solver=solver,
        max_memory=max_memory,
        leave_one_out=leave_one_out,
        share=False,
    )[0]


def fit_with_gradient_weights(
    kernel: Kernel,
    inputs: Tensor,
    targets: Tensor,
    *,
    ridge: float = 0.0,
    metric: Metric | None = None,
    weights: Tensor | None = None,
    solver: Solver | None = None,
    max_memory: int | None = None,
    leave_one_out: bool = False,
    share: bool = True,
) -> tuple[Fit, Tensor | None]:
    """``fit_kernel_machine`` together with the gradient weights V of its inputs, for an AGOP that follows.

    K and V are functions of the same distances. V, (n, n) in the dtype of the solve, is None if ``share`` is
    False, the kernel is not radial, the solver is iterative, or ``max_memory`` has no room for a second matrix.
    """
    kernel.check()
    _check_problem(inputs, targets, ridge, weights)
    ones = torch.ones(len(inputs), dtype=torch.float64, device=inputs.device)
    shift = ridge * ones if weights is None else ridge / weights.double()
    problem = _Problem(kernel, inputs, targets, metric, shift, max_memory)
    if isinstance(solver, ConjugateGradient):
        return _iterative(problem, ridge, ones if weights is None else weights, solver, leave_one_out), None
    return _direct(problem, ridge, solver or Cholesky(), leave_one_out, share)


@dataclass(frozen=True)
class _Problem:
    """The system (K + diag(shift)) alpha = Y."""

    kernel: Kernel
    inputs: Tensor
    targets: Tensor
    metric: Metric | None
    shift: Tensor
    max_memory: int | None


def _direct(
    problem: _Problem, ridge: float, solver: Cholesky, leave_one_out: bool, share: bool
) -> tuple[Fit, Tensor | None]:
    kernel, inputs, max_memory = problem.kernel, problem.inputs, problem.max_memory
    origin = inputs.mean(0)
    precision, gradient_weights = inputs.dtype, None

    def build(dtype: torch.dtype) -> Tensor:
        nonlocal precision, gradient_weights
        gradient_weights = None  # of an attempt in lower precision
        needed = len(inputs) ** 2 * dtype.itemsize
        check_memory(needed, max_memory)
        points = mapped(inputs, origin, problem.metric, dtype)
        if share and isinstance(kernel, RadialKernel) and (max_memory is None or 2 * needed <= max_memory):
            (gram, precision), gradient_weights = kernel.gram_and_gradient_weights(points)
        else:
            gram, precision = kernel.gram(points)
        gram.diagonal().add_(problem.shift.to(dtype))
        return gram

    factor = solver.factorise(build, inputs.dtype)
    machine = KernelMachine(kernel, inputs, factor.solve(problem.targets), problem.metric)
    inverse = inverse_diagonal(factor.lower, max_memory=max_memory) if leave_one_out else None
    return Fit(machine, precision, factor.lower.dtype, factor.jitter, float(ridge), inverse), gradient_weights


def _iterative(problem: _Problem, ridge: float, weights: Tensor, solver: ConjugateGradient, leave_one_out: bool) -> Fit:
    """Products in float32, all else in float64."""
    inputs, targets = problem.inputs, problem.targets
    n, outputs = targets.shape
    needed = iterative_bytes(n, solver.rank_for(n))
    check_memory(needed, problem.max_memory)
    budget = available_memory(inputs.device) // 2 if problem.max_memory is None else problem.max_memory
    points = mapped(inputs, inputs.mean(0), problem.metric, torch.float32)
    gram = GramOperator(problem.kernel, points, max(0, budget - needed))
    targets = targets.double()
    if leave_one_out:
        signs = torch.randint(2, (n, _DIRECTIONS), generator=torch.Generator().manual_seed(solver.seed))
        directions = (2 * signs - 1).to(weights) / weights[:, None].sqrt()
        targets = torch.cat([targets, directions], 1)
    solution = solver.solve(gram, problem.shift, targets)
    inverse = None
    if leave_one_out:
        mean = (directions * solution.values[:, outputs:]).sum() / directions.numel()
        inverse = mean * weights.double()
    machine = KernelMachine(problem.kernel, inputs, solution.values[:, :outputs].float(), problem.metric)
    return Fit(
        machine,
        torch.float32,
        torch.float32,
        0.0,
        float(ridge),
        inverse,
        residual=solution.residual,
        iterations=solution.iterations,
    )


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
