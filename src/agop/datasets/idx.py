"""IDX files: MNIST and Fashion-MNIST.

The layout is two zero bytes, a type code (8 = unsigned byte), the number of dimensions, one big-endian
32-bit length for each, then the values (Y. LeCun, C. Cortes, C. Burges, *The MNIST database*).
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agop.datasets.dataset import Dataset
from agop.datasets.files import COPY_AGAIN, check_label_range, read_bytes, require_file
from agop.errors import DataFileError

__all__ = ["parse_idx", "read_fashion_mnist", "read_mnist"]

_MOST = 60_000 + 16
"""Images of a part at most, and some more for the header."""

_DIGITS = tuple(str(digit) for digit in range(10))
_GARMENTS = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def read_mnist(folder: Path) -> Dataset:
    """Read the four files of MNIST; the lengths come from their headers."""
    return Dataset.from_images("mnist", _read_part(folder, "train"), _read_part(folder, "t10k"), _DIGITS)


def read_fashion_mnist(folder: Path) -> Dataset:
    """Read the four files of Fashion-MNIST; the lengths come from their headers."""
    return Dataset.from_images("fashion_mnist", _read_part(folder, "train"), _read_part(folder, "t10k"), _GARMENTS)


def parse_idx(raw: bytes, path: Path, ndim: int) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes with ``ndim`` dimensions that ``raw``, read from ``path``, holds.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), Path("two-labels"), ndim=1).tolist()
    [7, 9]
    """
    magic = bytes([0, 0, 8, ndim])
    if raw[:4] != magic:
        raise DataFileError(
            f"{path} to begin with the IDX magic number {magic.hex()}",
            raw[:4].hex() or "no bytes",
            COPY_AGAIN,
        )
    start = 4 + 4 * ndim
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4))
    if len(raw) != start + prod(shape):
        raise DataFileError(
            f"{path} to hold {start + prod(shape)} bytes, header and values of shape {shape}",
            f"{len(raw)} bytes",
            COPY_AGAIN,
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _read_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images (n, 1, 28, 28) and labels (n,) of one part."""
    images_path = require_file(folder, f"{part}-images-idx3-ubyte")
    labels_path = require_file(folder, f"{part}-labels-idx1-ubyte")
    images = parse_idx(read_bytes(images_path, _MOST * 28 * 28), images_path, ndim=3)
    labels = parse_idx(read_bytes(labels_path, _MOST), labels_path, ndim=1)
    if images.shape[1:] != (28, 28):
        raise DataFileError(f"28 x 28 images in {images_path}", f"shape {images.shape}", COPY_AGAIN)
    if len(images) != len(labels):
        raise DataFileError(
            f"as many labels in {labels_path} as images in {images_path.name}",
            f"{len(labels)} labels and {len(images)} images",
            "Copy both files from the same source.",
        )
    check_label_range(labels, labels_path, 0, 9)
    return images[:, None], labels
