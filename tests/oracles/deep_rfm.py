"""Deep RFM in float64 numpy, one row at a time, given the weights of its random maps."""

from __future__ import annotations

import math

import numpy as np

from oracles import kernels as oracles_kernels


def normalized(rows):
    """Rows divided by their norms; a zero row stays zero."""
    result = np.zeros(rows.shape)
    for i, row in enumerate(np.asarray(rows, np.float64)):
        norm = math.sqrt(math.fsum(entry**2 for entry in row))
        if norm > 0:
            result[i] = row / norm
    return result


def random_features(rows, weight, phase):
    """relu(w . z), or sqrt(2/k) cos(w . z + u) with phases u."""
    result = np.zeros((len(rows), len(weight)))
    for i, row in enumerate(rows):
        for j, direction in enumerate(weight):
            product = float(direction @ row)
            if phase is None:
                result[i, j] = max(product, 0.0)
            else:
                result[i, j] = math.sqrt(2 / len(weight)) * math.cos(product + phase[j])
    return result


def deep_rfm(
    name, inputs, targets, maps, *, ridge=0.0, identity=False, weights=None, agop_scale="max-entry", **parameters
):
    """Per layer (normalized input, its product with the root of the AGOP, random features, coefficients, AGOP)."""
    layers, current = [], np.asarray(inputs, np.float64)
    for weight, phase in maps:
        current = normalized(current)
        matrix = oracles_kernels.gram(name, current, current, **parameters)
        coefficients = oracles_kernels.ridge_coefficients(matrix, targets, ridge, weights)
        agop = oracles_kernels.agop(name, current, current, coefficients, weights=weights, **parameters)
        agop = agop / agop.max()
        mapped = current if identity else current @ oracles_kernels.symmetric_root(agop)
        if agop_scale == "row-norm":
            norm = np.average([np.linalg.norm(row) for row in mapped], weights=weights)
            mapped, agop = mapped / norm, agop / norm**2
        features = random_features(mapped, weight, phase)
        layers.append((current, mapped, features, coefficients, agop))
        current = features
    return layers


def nc1(features, labels):
    """tr Sigma_W / tr Sigma_B about the mean of the class means, in two passes."""
    features = np.asarray(features, np.float64)
    means = {c: features[labels == c].mean(0) for c in sorted(set(labels.tolist()))}
    center = np.mean(list(means.values()), axis=0)
    within = sum(float(np.sum((row - means[c]) ** 2)) for row, c in zip(features, labels.tolist(), strict=True))
    between = sum(float(np.sum((mean - center) ** 2)) for mean in means.values())
    return within / len(features) / (between / len(means))
