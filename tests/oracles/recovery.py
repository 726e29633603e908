"""Reweighted least squares and convex programs, written out."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def least_l1(inputs, targets):
    """Weights of least 1-norm that fit, as a linear program in their positive and negative parts."""
    d = inputs.shape[1]
    found = linprog(np.ones(2 * d), A_eq=np.hstack([inputs, -inputs]), b_eq=targets, bounds=(0, None))
    return found.x[:d] - found.x[d:]


def reweighted_row(metric, values, known, ridge):
    """Row w that minimizes |w_J - y|^2 + ridge w M^-1 w, in primal form."""
    chosen = np.eye(len(metric))[known]
    return np.linalg.solve(chosen.T @ chosen + ridge * np.linalg.inv(metric), chosen.T @ values)


def soft_impute(entries, known, penalties, steps):
    """Matrix that minimizes half the squared error at known entries plus a penalty times the nuclear norm."""
    matrix = np.zeros_like(entries)
    for penalty in penalties:
        for _ in range(steps):
            left, singular, right = np.linalg.svd(np.where(known, entries, matrix))
            matrix = (left * np.maximum(singular - penalty, 0)) @ right
    return matrix
