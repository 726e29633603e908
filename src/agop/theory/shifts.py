r"""The shifts with which a kernel and random features enter the linearized recursion, measured on data.

A nonlinear kernel has a constant part, which fits constant targets and changes no difference between samples. The
recursion has none. What a shift predicts is therefore the recursion on a centered Gram matrix with centered targets,
whatever the coding of the targets that the nonlinear model was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from torch import Tensor

from agop.errors import UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.kernels import Kernel
from agop.theory.gram import centered, centered_gram

__all__ = ["Linearization", "features_shift", "kernel_shift", "linearize"]


@dataclass(frozen=True)
class Linearization:
    r"""A matrix as "scale (G + shift I)" off the constant vector, G centered with mean diagonal 1.

    Attributes
    ----------
    scale
        b, weight of the inner products.
    shift
        :math:`\lambda = s / b`, weight of the identity relative to theirs.
    residual
        Relative Frobenius error of the off-diagonal entries, both sides centered: 0 if the matrix is of this form, 1
        if inner products say nothing about it. Predictions made with the shift are as good as this is small.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace
    >>> x = torch.randn(50, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> x = x / x.norm(dim=1, keepdim=True)
    >>> for d in (5, 500):  # the more dimensions, the nearer to linear
    ...     found = kernel_shift(Laplace(2.0), x[:, :d] / x[:, :d].norm(dim=1, keepdim=True))
    ...     print(d, round(found.shift, 1), round(found.residual, 2))
    5 1.5 0.27
    500 1.9 0.02
    """

    scale: float
    shift: float
    residual: float


def linearize(matrix: ArrayLike, gram: ArrayLike) -> Linearization:
    r"""Fit :math:`H K H \approx b\, \bar G + s H` by least squares over all entries.

    :math:`\bar G` is the :func:`centered_gram` of G. Centering takes out the constant and all effects of single rows,
    which do not change how samples differ.

    Parameters
    ----------
    matrix
        K, (n, n) symmetric: a kernel matrix, or inner products of features.
    gram
        G, (n, n) inner products of the same samples.

    Raises
    ------
    InputError
        If a matrix is not finite or its shape does not fit.
    UndefinedMeasureError
        If K does not grow with inner products (b <= 0), or G is a multiple of the identity after centering.

    References
    ----------
    El Karoui 2010, *The spectrum of kernel random matrices*: in high dimension kernel matrices have this form.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    >>> fit = linearize(5 + 2 * centered_gram(x @ x.T) + torch.eye(30), x @ x.T)
    >>> round(fit.scale, 6), round(fit.shift, 6), fit.residual < 1e-12
    (2.0, 0.5, True)
    """
    gram = centered_gram(gram)
    n = len(gram)
    matrix = as_matrix(matrix, "matrix", n_rows=n, n_columns=n).to(gram)
    require_finite(matrix, "matrix")
    matrix = centered(matrix)
    dimension = max(n - 1, 1)  # of the complement of the constant vector: the trace of H
    mean, mean_gram = float(matrix.trace()) / dimension, n / dimension
    spread = float(gram.square().sum()) - dimension * mean_gram**2
    if spread <= 1e-12 * float(gram.square().sum()):
        got = "inner products that are a multiple of the identity, centered"
        raise UndefinedMeasureError("samples with more than one distance", got, "Take more samples than dimensions.")
    scale = (float((matrix * gram).sum()) - dimension * mean * mean_gram) / spread
    if scale <= 0:
        raise UndefinedMeasureError(
            "a matrix that grows with inner products", f"scale {scale:.2g}", "Pass a kernel matrix."
        )
    remainder = matrix - scale * gram
    rest = float(remainder.trace()) / dimension
    remainder += rest / n  # less rest H, off the diagonal
    return Linearization(scale, rest / scale, sqrt(_off_diagonal(remainder) / _off_diagonal(matrix)))


def kernel_shift(kernel: Kernel, inputs: Tensor) -> Linearization:
    r"""Shift :math:`\lambda_k` of a kernel: K = k(X, X) against :math:`X X^T`.

    Parameters
    ----------
    kernel
        Kernel of the predictors.
    inputs
        X, (n, d), row-normalized inputs of a layer, such as ``layer.inputs`` of Deep RFM.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Gaussian
    >>> x = torch.randn(50, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> x = x / x.norm(dim=1, keepdim=True)
    >>> round(kernel_shift(Gaussian(1.0), x).shift, 1)  # about exp(1) - 1 - 1
    0.7
    """
    inputs = as_matrix(inputs, "inputs").double()
    return linearize(kernel(inputs), inputs @ inputs.mT)


def features_shift(random_map: Callable[[Tensor], Tensor], mapped: Tensor) -> Linearization:
    r"""Shift :math:`\lambda_\Phi` of random features: the Gram matrix of :math:`\Phi(Z)` against that of Z.

    The rows are :math:`Z = X M^{1/2}`. As in the recursion, their Gram matrix is scaled to a mean diagonal of 1.

    Parameters
    ----------
    random_map
        A drawn map, rows (n, d) to features (n, k), such as ``layer.map.random_map`` of Deep RFM.
    mapped
        Z, (n, d), such as ``layer.stages["agop"]``.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> x = x - x.mean(0)
    >>> x = x / x.square().sum(1).mean().sqrt()
    >>> round(features_shift(lambda rows: torch.cat([rows, 3 * torch.eye(50)], 1), x).shift, 6)
    9.0
    """
    mapped = as_matrix(mapped, "mapped").double()
    features = random_map(mapped)
    return linearize(features @ features.mT, mapped @ mapped.mT)


def _off_diagonal(matrix: Tensor) -> float:
    return float((matrix - matrix.diagonal().diag()).square().sum())
