"""CIFAR-10, binary version.

A row is one label byte, then 1,024 red, 1,024 green and 1,024 blue bytes, row by row (A. Krizhevsky,
*Learning Multiple Layers of Features from Tiny Images*, 2009).
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agop.datasets.dataset import Dataset
from agop.datasets.files import COPY_AGAIN, check_label_range, find_file, read_bytes, require_file
from agop.errors import DataFileError

__all__ = ["ARCHIVE_FOLDER", "TEST_BATCH", "TRAIN_BATCHES", "read_cifar10"]

ARCHIVE_FOLDER = "cifar-10-batches-bin"
"""Folder that the official archive unpacks to; used alone where it is there."""

TRAIN_BATCHES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_BATCH = "test_batch.bin"

_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_ROW_BYTES = 1 + 3 * 32 * 32
_BATCH = 10_000

logger = logging.getLogger(__name__)


def read_cifar10(folder: Path) -> Dataset:
    """Read the training batches that are there and the test batch; ``notes`` names missing batches."""
    archive = folder / ARCHIVE_FOLDER
    folder = archive if archive.is_dir() else folder
    found = [path for name in TRAIN_BATCHES if (path := find_file(folder, name))]
    if not found:
        require_file(folder, TRAIN_BATCHES[0])
    images, labels = zip(*(_read_batch(path) for path in found), strict=True)
    test = _read_batch(require_file(folder, TEST_BATCH))
    train = np.concatenate(images), np.concatenate(labels)
    missing = [name for name in TRAIN_BATCHES if find_file(folder, name) is None]
    notes = (f"not there: {', '.join(missing)}; {len(train[1])} training rows used",) if missing else ()
    for note in notes:
        logger.warning("cifar10 in %s: %s", folder, note)
    return Dataset.from_images("cifar10", train, test, _NAMES, notes)


def _read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images (n, 3, 32, 32) and labels (n,); the length comes from the size of the file."""
    raw = read_bytes(path, _BATCH * _ROW_BYTES)
    if not raw or len(raw) % _ROW_BYTES:
        raise DataFileError(f"{path} to hold rows of {_ROW_BYTES} bytes", f"{len(raw)} bytes", COPY_AGAIN)
    rows = np.frombuffer(raw, np.uint8).reshape(-1, _ROW_BYTES)
    check_label_range(rows[:, 0], path, 0, 9)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]
