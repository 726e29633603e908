"""Kernel ridge regression, by any solver."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agop.errors import InputError
from agop.inputs import all_finite
from agop.kernel_machine.machine import KernelMachine
from agop.kernels import KernelMatrix
from agop.solvers import Cholesky, Solution, Solver

__all__ = ["Fit", "fit_kernel_machine"]


@dataclass(frozen=True)
class Fit:
    """A fitted machine and how it was computed.

    Attributes
    ----------
    machine
        The predictor.
    solution
        The solution of its linear system; its values are the coefficients.
    distances
        Data type of the inner products behind the closest pairs.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> matrix = KernelMatrix(Laplace(1.0), torch.tensor([[0.0], [1.0]]), 1.0)
    >>> fit = fit_kernel_machine(matrix, torch.tensor([[1.0], [-1.0]]))
    >>> fit.machine.coefficients.ravel(), fit.solution.jitter
    (tensor([ 0.6127, -0.6127]), 0.0)
    """

    machine: KernelMachine
    solution: Solution
    distances: torch.dtype


def fit_kernel_machine(
    matrix: KernelMatrix, targets: Tensor, solver: Solver | None = None, *, left_out: Tensor | None = None
) -> Fit:
    r"""Kernel ridge regression: the minimizer of :math:`\sum_i w_i \|f(x_i) - y_i\|^2 + \lambda \|f\|_H^2`.

    Its coefficients are :math:`\alpha = (K + \mathrm{diag}(s))^{-1} Y` with the shift :math:`s_i = \lambda / w_i`. A
    factorization takes one n x n matrix of the solve's dtype at its peak, beside blocks and copies of the inputs; the
    iterative solver takes what ``max_memory`` leaves it, at most half of such a matrix, in float32.

    Parameters
    ----------
    matrix
        Kernel, inputs X (n, d), which are finite and distinct, shift, metric and memory; if that is None it is
        unlimited, or for the iterative solver half of the free memory.
    targets
        Y, (n, C), finite.
    solver
        ``Cholesky()`` if None; ``ConjugateGradient()`` and ``Nystrom()`` need a positive shift.
    left_out
        Rows (v,) whose left-out residuals come with the solution: at most as many operations again as the
        factorization, or 16 more right-hand sides of the iteration.

    Returns
    -------
    Fit
        Its coefficients are in the precision of the solve, which is float64 where float32 does not do.

    Raises
    ------
    InputError
        If inputs or targets are not finite matrices of one length, or the shift is negative or not finite.
    MemoryBudgetError
        If the solver cannot work within the memory of the matrix.
    NotPositiveDefiniteError
        If K stays singular; set a ridge.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If the iterative solver gives up.

    Examples
    --------
    >>> from agop.kernels import Laplace
    >>> matrix = KernelMatrix(Laplace(1.0), torch.tensor([[0.0], [1.0]]))
    >>> fit = fit_kernel_machine(matrix, torch.tensor([[1.0], [-1.0]]))
    >>> fit.machine(matrix.points).ravel()
    tensor([ 1., -1.])
    """
    matrix.kernel.check()
    _check(matrix, targets)
    solution = (solver or Cholesky()).solve(matrix, targets, left_out=left_out)
    centers = matrix.points if solution.centers is None else matrix.points[solution.centers]
    machine = KernelMachine(matrix.kernel, centers, solution.values.to(solution.dtype), matrix.metric)
    return Fit(machine, replace(solution, values=machine.coefficients), matrix.products)


def _check(matrix: KernelMatrix, targets: Tensor) -> None:
    inputs, shift = matrix.points, torch.as_tensor(matrix.shift)
    if inputs.dtype not in (torch.float32, torch.float64) or not len(inputs):
        raise InputError("inputs in float32 or float64", f"{len(inputs)} in {inputs.dtype}", "Convert them.")
    for name, values in (("inputs", inputs), ("targets", targets)):
        if values.ndim != 2 or len(values) != len(inputs) or not all_finite(values):
            got = f"shape {tuple(values.shape)}, NaN or infinity"
            raise InputError(f"finite {name} of shape ({len(inputs)}, ...)", got, "Check the data.")
    if shift.shape not in ((), (len(inputs),)):
        got = f"shape {tuple(shift.shape)}"
        raise InputError(f"a shift that is a number or of shape ({len(inputs)},)", got, "Pass ridge / weights.")
    if not ((shift >= 0) & shift.isfinite()).all():
        raise InputError("a finite shift >= 0", f"{shift.min():g} to {shift.max():g}", "Check ridge and weights.")
