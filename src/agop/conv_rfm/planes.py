r"""Covariances of a random ReLU network, layer by layer, on planes over positions and pairs of images.

A layer of infinitely many random ReLU features sees two images x and z, at each position, through the covariances
s = S(x, z), a = S(x, x) and b = S(z, z) of its pre-activations. With the angle theta between them, :math:`\cos \theta =
s / \sqrt{ab}`, the covariance of its outputs (twice their mean product) and that of its derivatives are

.. math::
   E = \frac{\sqrt{ab - s^2} + s\,(\pi - \theta)}{\pi}, \qquad
   E' = \frac{\partial E}{\partial s} = \frac{\pi - \theta}{\pi}.

The next layer averages E over its patches; the tangent t, of the neural tangent kernel, is averaged as E + t E'. A
plane has axes (row, column, image x, image z): positions lie outside, so that every operation runs along memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agop.conv_rfm.patches import Patches

__all__ = ["Layer", "Side", "adjoints", "layers_of", "pulled"]

_ROUNDING = 8
"""Units in the last place by which the cosine of an image with itself may miss 1."""


@dataclass(frozen=True, eq=False)
class Side:
    """Images on one side of a block of pairs.

    Attributes
    ----------
    points
        Mapped patches by position, divided by sqrt(r): (h w, n, r).
    roots
        Roots of the variances a of the pre-activations of each layer, (h, w, n). Since E = a where two images are one,
        the variances of a layer are the means over patches of those before.
    """

    points: Tensor
    roots: Sequence[Tensor]

    @classmethod
    def of(cls, points: Tensor, patches: Patches, depth: int) -> Side:
        """Mapped patches (n, h, w, r) in ``depth`` layers."""
        by_position = points.div(points.shape[3] ** 0.5).permute(1, 2, 0, 3).contiguous()
        variances = [by_position.square().sum(3)]
        for _ in range(depth - 1):
            variances.append(patches.mean(variances[-1]))
        return cls(by_position.flatten(0, 1), [variance.sqrt() for variance in variances])

    def __getitem__(self, images: slice) -> Side:
        return Side(self.points[:, images], [root[:, :, images] for root in self.roots])


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer on a block of pairs.

    Attributes
    ----------
    cross
        s, (h, w, b, m).
    slope
        E'.
    height
        sqrt(ab - s^2) / pi; exactly 0 where x and z are one up to rounding.
    tangent
        t; None for a network whose last layer alone is trained.
    """

    cross: Tensor
    slope: Tensor
    height: Tensor
    tangent: Tensor | None

    @classmethod
    def of(cls, cross: Tensor, left: Tensor, right: Tensor, tangent: Tensor | None) -> Layer:
        """Layer from s, and from sqrt(a), (h, w, b), and sqrt(b), (h, w, m); where one is 0, theta is a right angle."""
        left, right = left[..., None], right[..., None, :]
        beyond = 1 + _ROUNDING * torch.finfo(cross.dtype).eps
        cosine = (cross * _inverse(left / beyond)).mul_(_inverse(right)).clamp_(-1, 1)
        slope = cosine.neg().acos_().div_(math.pi)
        height = (1 - cosine).mul_(cosine.add_(1)).sqrt_().mul_(left / math.pi).mul_(right)
        return cls(cross, slope, height, tangent)

    def outputs(self) -> tuple[Tensor, Tensor | None]:
        """E, and E + t E'."""
        covariance = torch.addcmul(self.height, self.cross, self.slope)
        return covariance, None if self.tangent is None else torch.addcmul(covariance, self.tangent, self.slope)


def layers_of(left: Side, right: Side, patches: Patches, *, tangent: bool) -> list[Layer]:
    """Layers on the block of all pairs of images of two sides."""
    found: list[Layer] = []
    cross = (left.points @ right.points.mT).reshape(*left.roots[0].shape[:2], -1, right.points.shape[1])
    following = cross if tangent else None
    for root_left, root_right in zip(left.roots, right.roots, strict=True):
        if found:
            covariance, through = found[-1].outputs()
            cross, following = patches.mean(covariance), None if through is None else patches.mean(through)
        found.append(Layer.of(cross, root_left, root_right, following))
    return found


def adjoints(layers: Sequence[Layer], patches: Patches) -> tuple[Tensor, list[Tensor]]:
    r"""Derivatives of the kernel, the mean over positions of the last E (or E + t E'), by backward recursion.

    The derivatives of E' have the factor 1 / sqrt(ab - s^2), which counts as 0 where x and z are one: there the kernel
    has a kink, and the mean of its slopes over all directions is 0.

    Returns
    -------
    cross, own
        dk/ds of the first layer, (h, w, b, m); for each layer a dk/da where only its own a changes, (h, w, b, m).
    """
    last = layers[-1]
    through = torch.full_like(last.cross, 1 / last.cross[..., 0, 0].numel())
    covariance, own = through, []
    for index, layer in reversed(list(enumerate(layers))):
        height, width = layer.cross.shape[:2]
        if index < len(layers) - 1:
            covariance = patches.spread(covariance, height, width)
            if layer.tangent is not None:
                through = patches.spread(through, height, width)
                covariance += through
        change = (covariance * layer.height).div_(2)
        covariance = covariance * layer.slope
        if layer.tangent is not None:
            bend = layer.height.reciprocal().nan_to_num_(posinf=0.0).div_(math.pi**2).mul_(layer.tangent).mul_(through)
            covariance += bend
            change -= bend.mul_(layer.cross).div_(2)
            through = through * layer.slope
        own.append(change)
    return (covariance if layers[0].tangent is None else covariance.add_(through)), own[::-1]


def pulled(changes: Sequence[Tensor], side: Side, patches: Patches) -> Tensor:
    """Sums over layers of a dk/da (h, w, n, C) of each, as derivatives by the variances of the first: (h, w, n, C)."""
    total = torch.zeros_like(changes[-1])
    for index, (change, root) in reversed(list(enumerate(zip(changes, side.roots, strict=True)))):
        if index < len(changes) - 1:
            total = patches.spread(total, *root.shape[:2])
        total += change * _inverse(root).square_()[..., None]
    return total


def _inverse(roots: Tensor) -> Tensor:
    return roots.reciprocal().nan_to_num_(posinf=0.0)
