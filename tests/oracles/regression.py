"""Measures of regression collapse straight from the samples, numpy only: no moments, no covariance."""

from __future__ import annotations

import numpy as np


def centered(rows):
    rows = np.asarray(rows, np.longdouble)
    return (rows - rows.mean(0)).astype(float)


def principal(rows, n):
    """Rows of the first n principal directions, from the samples themselves."""
    return np.linalg.svd(centered(rows), full_matrices=False)[2][:n]


def nrc1_unexplained_variance(x, y, n):
    lengths = np.linalg.svd(centered(x), compute_uv=False)
    return (lengths[n:] ** 2).sum() / (lengths**2).sum()


def nrc2_linear_cka(x, y):
    """From the (N, N) Gram matrices of both."""
    one, other = (centered(rows) @ centered(rows).T for rows in (x, y))
    return (one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum())


def nrc3_subspace_alignment(x, y, n, weight):
    """Mean cosine: distances of projections would give the same angles."""
    rows = np.linalg.svd(weight, full_matrices=False)[2][:n]
    return np.linalg.svd(principal(x, n) @ rows.T, compute_uv=False).mean()


def nrc4_prediction_error(x, y):
    with_intercept = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(with_intercept, y, rcond=None)[0]
    return ((with_intercept @ solution - y) ** 2).sum() / (centered(y) ** 2).sum()
