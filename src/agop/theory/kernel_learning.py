r"""Kernel ridge regression that may choose its kernel matrix: it chooses a collapsed one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from agop.datasets.coding import Coding, require_coding
from agop.errors import InputError
from agop.inputs import ArrayLike, as_labels
from agop.linalg import psd_power
from agop.solvers import Cholesky, DenseMatrix
from agop.theory.coding import balanced_class_size
from agop.theory.gram import gram_and_targets, normalize_gram

__all__ = ["KernelStep", "collapsed_kernel", "descend_kernel", "kernel_learning_objective"]


def kernel_learning_objective(gram: ArrayLike, targets: ArrayLike, ridge: float) -> float:
    r"""Least regularized error over all coefficients, :math:`\lambda\, \mathrm{tr}(Y^T (K + \lambda I)^{-1} Y)`.

    It is the minimum over :math:`\alpha` of :math:`\|K \alpha - Y\|_F^2 + \lambda\, \mathrm{tr}(\alpha^T K \alpha)`, a
    convex function of K.

    Parameters
    ----------
    gram
        K, (n, n) positive semi-definite.
    targets
        Y, (n, C).
    ridge
        :math:`\lambda > 0`.

    Raises
    ------
    InputError
        If shapes do not agree, entries are not finite, or the ridge is not positive.

    Examples
    --------
    >>> kernel_learning_objective(torch.eye(2), torch.eye(2), ridge=1.0)
    1.0
    """
    _require_ridge(ridge)
    gram, targets = gram_and_targets(gram, targets)
    return _objective(gram, targets, ridge)[0]


def collapsed_kernel(labels: ArrayLike, n_classes: int, *, ridge: float, targets: Coding = "one-hot") -> Tensor:
    r"""Minimizer (n, n) of the objective over positive semi-definite K with unit diagonal, for balanced classes.

    It has 1 within a class and q across: q = 0 for one-hot targets, :math:`-1/(C-1)` for centered ones, and
    :math:`q = \frac{C-4}{3C-4} (1 + \lambda / m)`, clipped to :math:`[-1/(C-1), 1]`, for signed ones, with m samples in
    each class. All samples of a class coincide: NC1 = 0, and NC2 = 0 unless q = 1.

    Raises
    ------
    InputError
        If classes differ in size, labels or coding are out of range, or the ridge is not positive.

    Examples
    --------
    >>> collapsed_kernel(torch.tensor([0, 1, 0, 1]), 2, ridge=0.1, targets="centered")
    tensor([[ 1., -1.,  1., -1.],
            [-1.,  1., -1.,  1.],
            [ 1., -1.,  1., -1.],
            [-1.,  1., -1.,  1.]], dtype=torch.float64)
    """
    require_coding(targets)
    _require_ridge(ridge)
    labels = as_labels(labels, len(labels), n_classes, torch.as_tensor(labels).device)
    per_class = balanced_class_size(labels, n_classes)
    least = -1 / (n_classes - 1)
    across = {"one-hot": 0.0, "centered": least}.get(targets)
    if across is None:
        across = (n_classes - 4) / (3 * n_classes - 4) * (1 + ridge / per_class)
    across = min(max(across, least), 1.0)
    same = (labels[:, None] == labels).double()
    return same + across * (1 - same)


@dataclass(frozen=True)
class KernelStep:
    """One step of the descent on kernel matrices.

    Attributes
    ----------
    index
        Step number, 0 for the start.
    gram
        K, (n, n) positive semi-definite with unit diagonal.
    objective
        Its :func:`kernel_learning_objective`.

    Examples
    --------
    >>> targets = torch.eye(2).repeat_interleave(2, 0)
    >>> for step in descend_kernel(0.5 * torch.eye(4) + 0.5, targets, 1.0, steps=3):
    ...     print(step.index, round(step.objective, 2))
    0 1.9
    1 1.88
    2 1.35
    3 1.33
    """

    index: int
    gram: Tensor
    objective: float


def descend_kernel(gram: ArrayLike, targets: ArrayLike, ridge: float, *, steps: int) -> Iterator[KernelStep]:
    r"""Gradient descent from a given kernel matrix on positive semi-definite matrices with unit diagonal.

    :math:`K = F F^T` with rows of length 1 in F (n, n) is exactly such a matrix. A step goes against the gradient
    :math:`-2 \lambda \beta \beta^T F`, :math:`\beta = (K + \lambda I)^{-1} Y`, less its part along each row, and
    divides the rows by their norms again. Its length starts at that of Barzilai and Borwein (1988) and is halved until
    the objective has fallen enough (Armijo), so that it falls from step to step. The objective is convex in K; where
    F is invertible, the only stationary points are minimizers.

    Parameters
    ----------
    gram
        K at the start, (n, n) positive semi-definite; scaled to a unit diagonal.
    targets
        Y, (n, C).
    ridge
        :math:`\lambda > 0`.
    steps
        Largest number of steps; fewer are taken if no step can lower the objective beyond rounding.

    Yields
    ------
    KernelStep
        The start, and then every step.

    Raises
    ------
    InputError
        If shapes do not agree, entries are not finite, K is no Gram matrix with positive diagonal, or the ridge
        or the number of steps is out of range.

    Examples
    --------
    >>> targets = torch.eye(2).repeat_interleave(2, 0)
    >>> start = 0.5 * torch.eye(4) + 0.5
    >>> *_, last = descend_kernel(start, targets, 1.0, steps=100)
    >>> last.gram.abs().round(decimals=4)  # that of collapsed_kernel
    tensor([[1., 1., 0., 0.],
            [1., 1., 0., 0.],
            [0., 0., 1., 1.],
            [0., 0., 1., 1.]], dtype=torch.float64)
    """
    _require_ridge(ridge)
    gram, targets = gram_and_targets(gram, targets)
    if steps < 1:
        raise InputError("steps >= 1", str(steps), "Use kernel_learning_objective for the start alone.")
    if not gram.diagonal().min() > 0:
        raise InputError("a Gram matrix with positive diagonal", f"{gram.diagonal().min():.2g}", "Leave zero rows out.")
    return _descent(_unit_rows(psd_power(normalize_gram(gram), 0.5)), targets, ridge, steps)


def _descent(factor: Tensor, targets: Tensor, ridge: float, steps: int) -> Iterator[KernelStep]:
    objective, slope = _objective(factor @ factor.mT, targets, ridge)
    yield KernelStep(0, factor @ factor.mT, objective)
    gradient = _tangent(2 * slope @ factor, factor)
    length = 1 / float(gradient.abs().max().clamp_min(1e-300))
    for index in range(1, steps + 1):
        decrease = 1e-4 * float(gradient.square().sum())
        while True:
            trial = _unit_rows(factor - length * gradient)
            trial_objective, trial_slope = _objective(trial @ trial.mT, targets, ridge)
            if trial_objective < objective - length * decrease:
                break
            length /= 2
            if length * decrease < 1e-17 * objective:
                return
        trial_gradient = _tangent(2 * trial_slope @ trial, trial)
        moved, turned = trial - factor, trial_gradient - gradient
        curvature = float((moved * turned).sum())
        length = float(moved.square().sum()) / curvature if curvature > 0 else 2 * length
        factor, objective, gradient = trial, trial_objective, trial_gradient
        yield KernelStep(index, factor @ factor.mT, objective)


def _objective(gram: Tensor, targets: Tensor, ridge: float) -> tuple[float, Tensor]:
    """Value, and gradient with respect to K: -ridge beta beta^T."""
    beta = Cholesky().solve(DenseMatrix(gram, ridge), targets).values
    return ridge * float((targets * beta).sum()), -ridge * beta @ beta.mT


def _tangent(gradient: Tensor, factor: Tensor) -> Tensor:
    return gradient - (gradient * factor).sum(1, keepdim=True) * factor


def _unit_rows(factor: Tensor) -> Tensor:
    rows: Tensor = factor / torch.linalg.vector_norm(factor, dim=1, keepdim=True)
    return rows


def _require_ridge(ridge: float) -> None:
    if not isfinite(ridge) or ridge <= 0:
        raise InputError("a finite ridge > 0", repr(ridge), "Without it any invertible kernel matrix fits exactly.")
