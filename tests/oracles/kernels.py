"""Slow kernel machines in float64 numpy, one point at a time, from differences of coordinates."""

from __future__ import annotations

import math

import numpy as np


def laplace(r, bandwidth):
    return math.exp(-r / bandwidth)


def laplace_slope(r, bandwidth):
    return -math.exp(-r / bandwidth) / bandwidth


def gaussian(r, bandwidth):
    return math.exp(-(r**2) / (2 * bandwidth**2))


def gaussian_slope(r, bandwidth):
    return -r * math.exp(-(r**2) / (2 * bandwidth**2)) / bandwidth**2


def generalized(r, bandwidth, exponent):
    return math.exp(-((r / bandwidth) ** exponent))


def generalized_slope(r, bandwidth, exponent):
    return -exponent / bandwidth * (r / bandwidth) ** (exponent - 1) * generalized(r, bandwidth, exponent)


def polynomial(s, degree, offset):
    return (offset + s) ** degree


def polynomial_slope(s, degree, offset):
    return math.fsum(math.comb(degree, k) * k * s ** (k - 1) * offset ** (degree - k) for k in range(1, degree + 1))


PRODUCTS = {"Polynomial": (polynomial, polynomial_slope), "Exponential": (math.exp, math.exp)}


PROFILES = {
    "Laplace": (laplace, laplace_slope),
    "Gaussian": (gaussian, gaussian_slope),
    "GeneralizedGaussian": (generalized, generalized_slope),
}


def full_metric(metric, n_features):
    """A metric given as a matrix, a diagonal or None, as a matrix."""
    if metric is None:
        return np.eye(n_features)
    return np.diag(metric) if np.ndim(metric) == 1 else np.asarray(metric, dtype=np.float64)


def symmetric_root(metric):
    """Symmetric root of a positive semi-definite matrix; what rounding made of the zero eigenvalues is zero."""
    eigenvalues, eigenvectors = np.linalg.eigh(metric)
    rounding = 10 * len(metric) * np.finfo(np.float64).eps * abs(eigenvalues).max()
    roots = [math.sqrt(value) if value > rounding else 0.0 for value in eigenvalues]
    return eigenvectors @ np.diag(roots) @ eigenvectors.T


def distance(x, z, metric=None):
    """sqrt((x - z)^T M (x - z))."""
    difference = np.asarray(x, dtype=np.float64) - np.asarray(z, dtype=np.float64)
    if metric is None:
        return math.sqrt(math.fsum(entry**2 for entry in difference))
    return math.sqrt(max(float(difference @ full_metric(metric, len(difference)) @ difference), 0.0))


def kernel_value(name, x, z, metric=None, **parameters):
    """k(M^(1/2) x, M^(1/2) z)."""
    if name == "ProductLaplace":
        mapped = symmetric_root(full_metric(metric, len(x))) @ (x - z)
        return math.exp(-math.fsum(abs(mapped)) / parameters["bandwidth"])
    if name in PRODUCTS:
        bandwidth, others = split(parameters)
        return PRODUCTS[name][0](product(x, z, metric) / bandwidth**2, **others)
    return PROFILES[name][0](distance(x, z, metric), **parameters)


def product(x, z, metric=None):
    """x^T M z."""
    return math.fsum(a * b for a, b in zip(full_metric(metric, len(x)) @ x, z, strict=True))


def split(parameters):
    """The bandwidth and the other parameters."""
    return parameters["bandwidth"], {name: value for name, value in parameters.items() if name != "bandwidth"}


def gram(name, points, centers, metric=None, **parameters):
    """k(z_i, x_j) for every pair."""
    points, centers = np.asarray(points, np.float64), np.asarray(centers, np.float64)
    return np.array([[kernel_value(name, z, x, metric, **parameters) for x in centers] for z in points])


def kernel_gradient(name, x, z, metric=None, *, coincident=0.0, **parameters):
    """Gradient of k(M^(1/2) ., M^(1/2) z) at x; zero where the two coincide in the metric."""
    matrix = full_metric(metric, len(x))
    if name == "ProductLaplace":
        root = symmetric_root(matrix)
        mapped = root @ (x - z)
        mapped[abs(mapped) <= coincident] = 0
        value = math.exp(-math.fsum(abs(mapped)) / parameters["bandwidth"])
        return -value / parameters["bandwidth"] * root @ np.sign(mapped)
    if name in PRODUCTS:
        bandwidth, others = split(parameters)
        return PRODUCTS[name][1](product(x, z, metric) / bandwidth**2, **others) / bandwidth**2 * matrix @ z
    r = distance(x, z, metric)
    if r <= coincident:
        return np.zeros(len(x))
    return PROFILES[name][1](r, **parameters) / r * matrix @ (x - z)


def gradients(name, points, centers, coefficients, metric=None, *, coincident=0.0, **parameters):
    """Gradient of every output at every point, (n, C, d)."""
    points, centers, coefficients = (np.asarray(a, np.float64) for a in (points, centers, coefficients))
    result = np.zeros((len(points), coefficients.shape[1], points.shape[1]))
    for i, z in enumerate(points):
        for x, a in zip(centers, coefficients, strict=True):
            gradient = kernel_gradient(name, z, x, metric, coincident=coincident, **parameters)
            result[i] += np.outer(a, gradient)
    return result


def agop(name, points, centers, coefficients, metric=None, weights=None, *, coincident=0.0, **parameters):
    """(Weighted) mean over points of the sum over outputs of gradient outer products."""
    jacobians = gradients(name, points, centers, coefficients, metric, coincident=coincident, **parameters)
    weights = np.ones(len(jacobians)) if weights is None else weights
    total = np.zeros((jacobians.shape[2],) * 2)
    for weight, jacobian in zip(weights, jacobians, strict=True):
        for gradient in jacobian:
            total += weight * np.outer(gradient, gradient)
    return total / np.sum(weights)


def covariance_of_gradients(name, points, centers, coefficients, metric=None, weights=None, **parameters):
    """Sum over outputs of the (weighted) covariance of the gradients over points."""
    jacobians = gradients(name, points, centers, coefficients, metric, **parameters)
    weights = np.ones(len(jacobians)) if weights is None else weights
    outputs = jacobians.transpose(1, 0, 2)
    return sum(np.atleast_2d(np.cov(each.T, aweights=weights, ddof=0)) for each in outputs)


def ridge_coefficients(matrix, targets, ridge, weights=None):
    """Minimizer of sum_i w_i |f(x_i) - y_i|^2 + ridge |f|^2, from the normal equations K W K a + ridge K a = K W Y."""
    weights = np.ones(len(matrix)) if weights is None else np.asarray(weights, np.float64)
    if ridge == 0:
        return np.linalg.solve(matrix, targets)
    return np.linalg.solve(np.diag(weights) @ matrix + ridge * np.eye(len(matrix)), np.diag(weights) @ targets)


def restricted_coefficients(columns, among_centers, targets, shift):
    """Minimizer of sum_i |K_nm a - Y|_i^2 / s_i + a^T K_mm a as one least-squares problem, without normal equations."""
    eigenvalues, eigenvectors = np.linalg.eigh(among_centers)
    root = np.sqrt(np.maximum(eigenvalues, 0))[:, None] * eigenvectors.T
    scale = 1 / np.sqrt(np.broadcast_to(shift, len(columns)))[:, None]
    system = np.concatenate([scale * columns, root])
    right = np.concatenate([scale * targets, np.zeros((len(root), targets.shape[1]))])
    return np.linalg.lstsq(system, right, rcond=None)[0]


def power_of(matrix, power):
    """Power of a symmetric positive semi-definite matrix, by its eigenvectors one after the other."""
    total = np.zeros_like(matrix)
    for value, vector in zip(np.linalg.eigvalsh(matrix), np.linalg.eigh(matrix)[1].T, strict=True):
        total += max(value, 0.0) ** power * np.outer(vector, vector)
    return total


def rfm(
    name, inputs, targets, *, ridge, n_iterations, diagonal=False, power=1.0, weights=None, centered=False, **parameters
):
    """Metrics and coefficients of every iterate of the recursive feature machine."""
    metric, steps = None, []
    for iteration in range(n_iterations + 1):
        matrix = gram(name, inputs, inputs, metric, **parameters)
        coefficients = ridge_coefficients(matrix, targets, ridge, weights)
        steps.append((metric, coefficients))
        if iteration < n_iterations:
            find = covariance_of_gradients if centered else agop
            metric = find(name, inputs, inputs, coefficients, metric, weights, **parameters)
            metric = np.diag(metric) ** power if diagonal else power_of(metric, power)
            metric = metric / metric.max()
    return steps


def agop_by_points(name, points, centers, coefficients, **parameters):
    """Unweighted AGOP of a radial kernel with M = I; all centers of a point at once, for larger problems."""
    points, centers, coefficients = (np.asarray(a, np.float64) for a in (points, centers, coefficients))
    total = np.zeros((points.shape[1],) * 2)
    for z in points:
        differences = z - centers
        distances = np.sqrt((differences**2).sum(1))
        ratios = [PROFILES[name][1](r, **parameters) / r if r > 0 else 0.0 for r in distances]
        jacobian = (coefficients * np.array(ratios)[:, None]).T @ differences
        total += jacobian.T @ jacobian
    return total / len(points)
