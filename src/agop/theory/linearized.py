r"""Deep RFM in the limit where kernels are linear: a recursion of Gram matrices alone.

In high dimension a nonlinear kernel acts on centered data as "inner product + lambda I" (El Karoui 2010). With that
for both the predictor's kernel and the random features, Deep RFM needs no features, no metric and no chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from torch import Tensor

from agop.errors import InputError
from agop.inputs import ArrayLike
from agop.solvers import Cholesky, DenseMatrix
from agop.theory.gram import gram_and_targets, normalize_gram

__all__ = ["LinearizedLayer", "linearized_recursion"]


@dataclass(frozen=True)
class LinearizedLayer:
    r"""One layer of the linearized recursion.

    Attributes
    ----------
    index
        Layer number l, from 1.
    gram
        :math:`G_l`, (n, n) inner products of the row-normalized inputs.
    mapped
        :math:`c\, G_l \alpha \alpha^T G_l`, (n, n), those of the rows times the root of the AGOP, with mean diagonal 1.
    features_shift
        :math:`\lambda_\Phi` of this layer.

    Examples
    --------
    >>> import torch
    >>> gram = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    >>> (layer,) = linearized_recursion(gram, torch.eye(2), kernel_shift=0.5, features_shift=1.0, depth=1)
    >>> layer.features
    tensor([[2.0000, 0.3846],
            [0.3846, 2.0000]], dtype=torch.float64)
    """

    index: int
    gram: Tensor
    mapped: Tensor
    features_shift: float

    @property
    def features(self) -> Tensor:
        r"""Inner products after the random features, :math:`\mathrm{mapped} + \lambda_\Phi I`."""
        features = self.mapped.clone()
        features.diagonal().add_(self.features_shift)
        return features

    @property
    def stages(self) -> dict[str, Tensor]:
        """Gram matrices of the three stages of a layer of Deep RFM: "input", "agop" and "features"."""
        return {"input": self.gram, "agop": self.mapped, "features": self.features}


def linearized_recursion(
    gram: ArrayLike,
    targets: ArrayLike,
    *,
    kernel_shift: float | Sequence[float],
    features_shift: float | Sequence[float],
    depth: int,
) -> Iterator[LinearizedLayer]:
    r"""Layers of Deep RFM with linear kernels, in float64, as they are computed.

    The predictor's kernel is :math:`G + \lambda_k I`, without a ridge. Its linear part has the AGOP
    :math:`X^T \alpha \alpha^T X` up to scale, whence

    .. math::

       \alpha = (G_l + \lambda_k I)^{-1} Y, \quad
       G_{l+1} = \mathrm{normalize}(c\, G_l \alpha \alpha^T G_l + \lambda_\Phi I),

    where c makes the mean diagonal of the first term 1 and normalize divides by the roots of the diagonal.

    Parameters
    ----------
    gram
        (n, n) inner products of the inputs; normalized first.
    targets
        Y, (n, C).
    kernel_shift
        :math:`\lambda_k > 0`: one number, or one for each layer.
    features_shift
        :math:`\lambda_\Phi \geq 0`, likewise.
    depth
        Number of layers.

    Yields
    ------
    LinearizedLayer
        Layers 1 to ``depth``; measure their collapse by ``ClassMoments.from_gram``.

    Raises
    ------
    InputError
        If shapes do not agree, entries are not finite, the predictor is 0, or a shift or the depth is out of range.
    NotPositiveDefiniteError
        If the Gram matrix has eigenvalues below :math:`-\lambda_k`.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728).

    Examples
    --------
    >>> import torch
    >>> from agop.collapse import nc1_trace_ratio
    >>> from agop.moments import ClassMoments
    >>> labels = torch.arange(40) % 2
    >>> x = torch.randn(40, 9, generator=torch.Generator().manual_seed(0)) + labels[:, None]
    >>> y = torch.nn.functional.one_hot(labels, 2)
    >>> layers = linearized_recursion(x @ x.T, y, kernel_shift=0.3, features_shift=0.3, depth=4)
    >>> [round(nc1_trace_ratio(ClassMoments.from_gram(layer.gram, labels)), 3) for layer in layers]
    [5.808, 2.395, 0.778, 0.606]
    """
    gram, targets = gram_and_targets(gram, targets)
    if depth < 1:
        raise InputError("depth >= 1", str(depth), "Each layer is one step of the recursion.")
    kernel_shifts = _per_layer("kernel_shift", kernel_shift, depth)
    features_shifts = _per_layer("features_shift", features_shift, depth)
    if min(kernel_shifts) == 0:
        raise InputError("kernel_shift > 0", "0", "The predictor has no other ridge.")
    return _layers(normalize_gram(gram), targets, kernel_shifts, features_shifts)


def _layers(
    gram: Tensor, targets: Tensor, kernel_shifts: Sequence[float], features_shifts: Sequence[float]
) -> Iterator[LinearizedLayer]:
    for index, (kernel_shift, features_shift) in enumerate(zip(kernel_shifts, features_shifts, strict=True), 1):
        predictions = gram @ Cholesky().solve(DenseMatrix(gram, kernel_shift), targets).values
        mean_square = predictions.square().sum() / len(gram)
        if mean_square == 0:
            raise InputError("a predictor that is not 0", f"0 at layer {index}", "Targets or inputs are all 0.")
        layer = LinearizedLayer(index, gram, predictions @ predictions.mT / mean_square, features_shift)
        yield layer
        gram = normalize_gram(layer.features)


def _per_layer(name: str, shift: float | Sequence[float], depth: int) -> list[float]:
    shifts = list(shift) if isinstance(shift, Sequence) else [shift] * depth
    if len(shifts) != depth:
        raise InputError(f"one {name} or {depth}", f"{len(shifts)}", "Give one number, or one for each layer.")
    if not all(isfinite(each) and each >= 0 for each in shifts):
        raise InputError(f"a finite {name} >= 0", str(shifts), "A negative shift belongs to no kernel matrix.")
    return shifts
