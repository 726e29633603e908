"""Theory in float64 numpy: one layer of the linearized recursion, and objectives as they are written."""

from __future__ import annotations

import numpy as np


def coded(labels, n_classes, coding):
    """Targets, entry by entry."""
    off, on = {"one-hot": (0, 1), "centered": (-1 / n_classes, 1 - 1 / n_classes), "signed": (-1, 1)}[coding]
    return np.array([[on if c == label else off for c in range(n_classes)] for label in labels], np.float64)


def layer(gram, targets, kernel_shift, features_shift):
    """(mapped, next Gram matrix), by an explicit inverse."""
    n = len(gram)
    alpha = np.linalg.inv(gram + kernel_shift * np.eye(n)) @ targets
    mapped = gram @ alpha @ alpha.T @ gram
    mapped = mapped * n / np.trace(mapped)
    features = mapped + features_shift * np.eye(n)
    lengths = np.sqrt(np.diag(features))
    return mapped, features / np.outer(lengths, lengths)


def nc1(gram, labels):
    """tr Sigma_W / tr Sigma_B of rows with these inner products, from squared distances between samples."""
    classes = sorted(set(labels.tolist()))
    squared = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
    # Mean squared distance of two independent draws from one class is twice its variance.
    variances = [squared[np.ix_(labels == c, labels == c)].mean() / 2 for c in classes]
    between = np.zeros((len(classes), len(classes)))
    for i, a in enumerate(classes):
        for j, b in enumerate(classes):
            between[i, j] = squared[np.ix_(labels == a, labels == b)].mean() - variances[i] - variances[j]
    within = sum(v * np.sum(labels == c) for v, c in zip(variances, classes, strict=True)) / len(labels)
    return within / (between.mean() / 2)


def learning_objective(gram, targets, ridge):
    """Least value over alpha of the regularized error, at its explicit minimizer."""
    alpha = np.linalg.inv(gram + ridge * np.eye(len(gram))) @ targets
    return np.sum((gram @ alpha - targets) ** 2) + ridge * np.trace(alpha.T @ gram @ alpha)
