"""Kernels of convolutional ReLU networks of independent patches, in plain torch for automatic differentiation."""

from __future__ import annotations

import math

import torch


def patch_means(planes, size, stride, padding):
    return torch.nn.functional.avg_pool2d(planes[None], size, stride, padding, count_include_pad=True)[0]


def kernel(u, v, metric, *, depth, size, stride, padding, tangent):
    """Kernel of two images by their patches (h, w, r), which need not overlap consistently."""
    pairs = (u, v), (u, u), (v, v)
    planes = [torch.einsum("hwi,ij,hwj->hw", a, metric, b)[None] / u.shape[2] for a, b in pairs]
    planes.append(planes[0])
    for layer in range(depth):
        if layer:
            planes = [patch_means(each, size, stride, padding) for each in planes]
        cross, own, other, following = planes
        norm = (own * other).sqrt()
        angle = torch.arccos(cross / norm)
        covariance = norm * (angle.sin() + (math.pi - angle) * angle.cos()) / math.pi
        planes = [covariance, own, other, covariance + following * (math.pi - angle) / math.pi]
    return planes[3 if tangent else 0].mean()


def patch_agop(points, centers, coefficients, metric, **settings):
    """Average outer product (r, r) of the gradients of sum_j a_jl k(., z_j) in the patches of the points."""

    def outputs(u):
        return coefficients.mT @ torch.stack([kernel(u, center, metric, **settings) for center in centers])

    rows = [torch.func.jacrev(outputs)(point).reshape(-1, points.shape[3]) for point in points]
    return sum(each.mT @ each for each in rows) / len(points)
