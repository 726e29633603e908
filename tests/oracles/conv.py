"""Slow, obvious kernels of convolutional ReLU networks in 80-bit numpy: one pair and one position at a time."""

from __future__ import annotations

import numpy as np

LONG = np.longdouble
PI = LONG("3.14159265358979323846264338327950288")


def patches(image, size, stride, padding):
    """Patches {position: vector} of an image (c, H, W), zeros beyond the edge."""
    channels, height, width = image.shape
    around = np.zeros((channels, height + 2 * padding, width + 2 * padding), dtype=image.dtype)
    around[:, padding : padding + height, padding : padding + width] = image
    rows = (height + 2 * padding - size) // stride + 1
    columns = (width + 2 * padding - size) // stride + 1
    return np.array(
        [
            [around[:, i * stride : i * stride + size, j * stride : j * stride + size].ravel() for j in range(columns)]
            for i in range(rows)
        ]
    )


def patch_means(plane, size, stride, padding):
    return patches(plane[None], size, stride, padding).sum(2) / LONG(size * size)


def arc_cosine(s, a, b):
    """Twice the mean product of two ReLU features, and twice that of their derivatives."""
    if a == 0 or b == 0:
        return LONG(0), LONG(1) / 2
    cosine = min(LONG(1), max(LONG(-1), s / np.sqrt(a * b)))
    if 1 - cosine < 1e-17:
        cosine = LONG(1)
    angle = np.arccos(cosine)
    return np.sqrt(a * b) * (np.sqrt(1 - cosine**2) + cosine * (PI - angle)) / PI, (PI - angle) / PI


def network_kernels(x, z, metric, depth, size, stride, padding):
    """NNGP and NTK of two images (c, H, W)."""
    geometry = size, stride, padding
    one, other = (patches(image.astype(LONG), *geometry) for image in (x, z))
    metric, through = metric.astype(LONG), None
    pairs = (one, other), (one, one), (other, other)
    planes = [np.einsum("hwi,ij,hwj->hw", u, metric, v) / LONG(u.shape[2]) for u, v in pairs]
    tangent, outputs = planes[0], []
    for _ in range(depth):
        if outputs:
            planes = [patch_means(plane, *geometry) for plane in outputs]
            tangent = patch_means(through, *geometry)
        cross, own, others = planes
        outputs, through = [np.empty_like(plane) for plane in planes], np.empty_like(cross)
        for at in np.ndindex(cross.shape):
            outputs[0][at], slope = arc_cosine(cross[at], own[at], others[at])
            outputs[1][at], _ = arc_cosine(own[at], own[at], own[at])
            outputs[2][at], _ = arc_cosine(others[at], others[at], others[at])
            through[at] = outputs[0][at] + tangent[at] * slope
    return float(outputs[0].mean()), float(through.mean())


def patch_laplace(x, z, metric, bandwidth, size, stride, padding):
    difference = patches(x - z, size, stride, padding)
    squares = np.einsum("hwi,ij,hwj->hw", difference, metric, difference)
    return float(np.exp(-np.sqrt(squares.mean() / difference.shape[2]) / bandwidth))
