"""The Features at Convergence Theorem: how far W^T W is what weights that training with weight decay ends at obey."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError, UndefinedMeasureError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.storable import storable

__all__ = ["Fact", "fact_of", "features_at_convergence"]

_CONSTANT = 1e-13
"""Entries whose spread is at most this share of their root mean square are taken to be equal."""


def features_at_convergence(weight: ArrayLike, loss_gradient: ArrayLike) -> Tensor:
    r"""Symmetric part of :math:`-W^T G`, which is :math:`\lambda W^T W` where training with weight decay has converged.

    With :math:`z = W h` in a layer, the mean loss :math:`L = \frac1n \sum_i \ell_i` and its gradient
    :math:`G = \partial L / \partial W = \frac1n \sum_i (\partial \ell_i / \partial z_i) h_i^T`, summed over the rows of
    a sample, a critical point of :math:`L + \frac\lambda2 \|W\|_F^2` has :math:`G = -\lambda W`, hence

    .. math::

        W^T W = -\frac1\lambda W^T G = -\frac{1}{\lambda n} \sum_i \frac{\partial \ell_i}{\partial h_i} h_i^T .

    Elsewhere :math:`-W^T G` need not be symmetric; its symmetric part is the nearest matrix that is. The factor
    :math:`1 / \lambda` changes no correlation and is left out.

    Parameters
    ----------
    weight
        W of shape (out, in).
    loss_gradient
        G of shape (out, in).

    Returns
    -------
    Tensor
        (in, in), float64.

    Raises
    ------
    InputError
        If one of them is not a finite real matrix, or they differ in shape.

    References
    ----------
    Boix-Adserà, Mallinar, Simon, Belkin 2025 (arXiv 2507.05644).

    Examples
    --------
    >>> weight = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    >>> features_at_convergence(weight, -0.5 * weight)
    tensor([[0.5000, 1.0000],
            [1.0000, 2.5000]], dtype=torch.float64)
    """
    weight, gradient = _pair(weight, loss_gradient)
    product = weight.mT @ gradient
    return -(product + product.mT) / 2


@storable
@dataclass(frozen=True, slots=True)
class Fact:
    r"""Agreement of :math:`W^T W` of a layer with :func:`~agop.network.features_at_convergence`.

    Attributes
    ----------
    pearson
        Pearson's correlation over the entries of both matrices, -1 to 1, as that of the ansatz.
    cosine
        The same, entries not centered.
    stationarity
        Cosine of W and -G, 1 where the gradient of the loss balances a weight decay.
    decay
        :math:`\lambda = -\langle W, G \rangle / \|W\|_F^2`, the weight decay that would keep the length of W; negative
        where the loss makes W shorter.

    Examples
    --------
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> found = Fact.of(weight, -0.25 * weight)
    >>> round(found.pearson, 12), round(found.stationarity, 12), found.decay
    (1.0, 1.0, 0.25)
    """

    pearson: float
    cosine: float
    stationarity: float
    decay: float

    @classmethod
    def of(cls, weight: ArrayLike, loss_gradient: ArrayLike) -> Fact:
        """Compare W (out, in) and the gradient G (out, in) of the mean loss, without an (in, in) matrix.

        Raises
        ------
        UndefinedMeasureError
            If W or the symmetric part of W^T G is zero, or all its entries are equal.
        InputError
            If one of them is not a finite matrix, or they differ in shape.
        """
        weight, gradient = _pair(weight, loss_gradient)
        scales = [float(part.abs().max()) if part.numel() else 0.0 for part in (weight, gradient)]
        if not all(scales):
            raise UndefinedMeasureError("a weight and a gradient of the loss that are not zero", "zeros", "Train on.")
        weight, gradient = weight / scales[0], gradient / scales[1]
        inner = -float((weight * gradient).sum())
        pearson, cosine = _correlations(weight, gradient)
        return cls(
            pearson,
            cosine,
            inner / float(weight.norm() * gradient.norm()),
            inner / float(weight.square().sum()) * scales[1] / scales[0],
        )

    def as_dict(self) -> dict[str, float]:
        """Numbers by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def fact_of(weight: Tensor, loss_gradient: Tensor) -> Fact | None:
    """Agreement of a weight with the gradient of the loss with respect to it, on the CPU; None where one is zero."""
    try:
        return Fact.of(weight.cpu(), loss_gradient.cpu())
    except UndefinedMeasureError:
        return None


def _pair(weight: ArrayLike, loss_gradient: ArrayLike) -> tuple[Tensor, Tensor]:
    weight, gradient = as_matrix(weight, "weight").double(), as_matrix(loss_gradient, "loss_gradient").double()
    if weight.shape != gradient.shape:
        got = f"{tuple(gradient.shape)} for a weight {tuple(weight.shape)}"
        raise InputError("a gradient of the shape of the weight", got, "Give that with respect to the same weight.")
    require_finite(weight, "weight")
    require_finite(gradient, "loss_gradient")
    return weight, gradient


def _correlations(weight: Tensor, gradient: Tensor) -> tuple[float, float]:
    """Pearson's correlation and cosine over the entries, from blocks of rows about means that are known before."""
    d = weight.shape[1]
    along = weight.sum(1)
    means = torch.stack([along @ along, -(along @ gradient.sum(1))]) / d**2
    products = torch.zeros(2, 2, dtype=torch.float64)
    for rows in row_chunks(d, 24 * d):
        features = weight[:, rows].mT @ weight
        others = -(weight[:, rows].mT @ gradient + gradient[:, rows].mT @ weight) / 2
        centered = torch.stack([features.flatten(), others.flatten()]) - means[:, None]
        products += centered @ centered.mT
    whole = products + d**2 * torch.outer(means, means)
    if float(whole[1, 1]) == 0:
        raise UndefinedMeasureError("W^T G with a symmetric part", "zero", "Train on.")
    if (products.diagonal().sqrt() <= _CONSTANT * whole.diagonal().sqrt()).any():
        raise UndefinedMeasureError("entries that differ", "equal ones", "Use the cosine.")
    return _cosine(products), _cosine(whole)


def _cosine(products: Tensor) -> float:
    found = float(products[0, 1]) / math.sqrt(float(products[0, 0])) / math.sqrt(float(products[1, 1]))
    return min(1.0, max(-1.0, found))
