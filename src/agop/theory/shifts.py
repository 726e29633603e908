r"""The shifts with which a kernel and random features enter the linearised recursion, measured on data.

A nonlinear kernel has a constant part, which fits constant targets and changes no difference between samples. The
recursion has none. What a shift predicts is therefore the recursion on a centred Gram matrix with centred targets,
whatever the coding of the targets that the nonlinear model was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from torch import Tensor

from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.kernels import Kernel

__all__ = ["Linearisation", "centred_gram", "features_shift", "kernel_shift", "linearise"]


@dataclass(frozen=True)
class Linearisation:
    r"""A matrix as "scale (G + shift I)" off the constant vector, G centred with mean diagonal 1.

    Attributes
    ----------
    scale
        b, weight of the inner products.
    shift
        :math:`\lambda = s / b`, weight of the identity relative to theirs.
    residual
        Relative Frobenius error of the off-diagonal entries, both sides centred: 0 if the matrix is of this form, 1
        if inner products say nothing about it. Predictions made with the shift are as good as this is small.
    """

    scale: float
    shift: float
    residual: float


def centred_gram(gram: ArrayLike) -> Tensor:
    r"""Inner products of samples about their mean, scaled to a mean diagonal of 1.

    :math:`n\, H G H / \mathrm{tr}(H G H)` with :math:`H = I - 11^T/n`, (n, n) float64, for G (n, n).

    Raises
    ------
    InputError
        If the matrix is not square and finite.
    UndefinedMeasureError
        If all samples coincide.

    Examples
    --------
    >>> import torch
    >>> centred_gram(torch.tensor([[4.0, 2.0], [2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]], dtype=torch.float64)
    """
    gram = as_matrix(gram, "gram").double()
    if not len(gram) or gram.shape[1] != len(gram):
        raise InputError("a Gram matrix (n, n)", f"shape {tuple(gram.shape)}", "Pass all inner products.")
    require_finite(gram, "gram")
    centred = _centred(gram)
    size = float(centred.diagonal().mean())
    if size <= 1e-14 * float(gram.diagonal().mean()):
        raise UndefinedMeasureError("samples that differ", "equal ones", "Inner products about the mean are all 0.")
    return centred / size


def linearise(matrix: ArrayLike, gram: ArrayLike) -> Linearisation:
    r"""Fit :math:`H K H \approx b\, \bar G + s H` by least squares over all entries.

    :math:`\bar G` is the :func:`centred_gram` of G. Centring takes out the constant and all effects of single rows,
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
        If K does not grow with inner products (b <= 0), or G is a multiple of the identity after centring.

    References
    ----------
    El Karoui 2010, *The spectrum of kernel random matrices*: in high dimension kernel matrices have this form.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    >>> fit = linearise(5 + 2 * centred_gram(x @ x.T) + torch.eye(30), x @ x.T)
    >>> round(fit.scale, 6), round(fit.shift, 6), fit.residual < 1e-12
    (2.0, 0.5, True)
    """
    gram = centred_gram(gram)
    n = len(gram)
    matrix = as_matrix(matrix, "matrix", n_rows=n, n_columns=n).to(gram)
    require_finite(matrix, "matrix")
    matrix = _centred(matrix)
    dimension = max(n - 1, 1)  # of the complement of the constant vector: the trace of H
    mean, mean_gram = float(matrix.trace()) / dimension, n / dimension
    spread = float(gram.square().sum()) - dimension * mean_gram**2
    if spread <= 1e-12 * float(gram.square().sum()):
        got = "inner products that are a multiple of the identity, centred"
        raise UndefinedMeasureError("samples with more than one distance", got, "Take more samples than dimensions.")
    scale = (float((matrix * gram).sum()) - dimension * mean * mean_gram) / spread
    if scale <= 0:
        raise UndefinedMeasureError("a matrix that grows with inner products", f"scale {scale:.2g}", "Is it a kernel?")
    remainder = matrix - scale * gram
    rest = float(remainder.trace()) / dimension
    remainder += rest / n  # less rest H, off the diagonal
    return Linearisation(scale, rest / scale, sqrt(_off_diagonal(remainder) / _off_diagonal(matrix)))


def kernel_shift(kernel: Kernel, inputs: Tensor) -> Linearisation:
    r"""Shift :math:`\lambda_k` of a kernel: K = k(X, X) against :math:`X X^T`.

    Parameters
    ----------
    kernel
        Kernel of the predictors.
    inputs
        X, (n, d), row-normalised inputs of a layer, such as ``layer.inputs`` of Deep RFM.

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
    return linearise(kernel(inputs), inputs @ inputs.mT)


def features_shift(random_map: Callable[[Tensor], Tensor], mapped: Tensor) -> Linearisation:
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
    return linearise(features @ features.mT, mapped @ mapped.mT)


def _centred(matrix: Tensor) -> Tensor:
    matrix = matrix - matrix.mean(0)
    return matrix - matrix.mean(1, keepdim=True)


def _off_diagonal(matrix: Tensor) -> float:
    return float(matrix.square().sum() - matrix.diagonal().square().sum())
