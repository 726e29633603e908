"""Slow, obvious counterparts of agop.datasets, and writers of tiny files in the public formats."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
from scipy.io import savemat


def standardized(train, rows):
    """Standardize one feature at a time in exact sums."""
    result = np.zeros(rows.shape, dtype=np.float64)
    for j in range(train.shape[1]):
        column = [float(value) for value in train[:, j]]
        mean = math.fsum(column) / len(column)
        variance = math.fsum((value - mean) ** 2 for value in column) / len(column)
        if min(column) == max(column):
            continue
        for i in range(len(rows)):
            result[i, j] = (float(rows[i, j]) - mean) / math.sqrt(variance)
    return result


def idx_bytes(array):
    """An IDX file of unsigned bytes."""
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def cifar_bytes(images, labels):
    """Rows of the binary version of CIFAR-10: label, then red, green and blue planes."""
    rows = [bytes([label]) + image.astype(np.uint8).tobytes() for image, label in zip(images, labels, strict=True)]
    return b"".join(rows)


def mat_bytes(images, labels, **arrays):
    """A MATLAB v5 file in the layout of SVHN: (32, 32, 3, n), label 10 for the digit 0."""
    stored = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
    file = io.BytesIO()
    savemat(file, {"X": images.transpose(2, 3, 1, 0), "y": stored} | arrays)
    return file.getvalue()
