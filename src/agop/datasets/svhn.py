"""SVHN, cropped digits, in MATLAB v5 files.

X is (32, 32, 3, n) of unsigned bytes, y is (n, 1) with 1 .. 10, where 10 stands for the digit 0
(Y. Netzer et al., *Reading Digits in Natural Images with Unsupervised Feature Learning*, 2011).
"""

from __future__ import annotations

import zlib
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agop.datasets.dataset import Dataset
from agop.datasets.files import COPY_AGAIN, check_label_range, read_bytes, require_file
from agop.errors import DataFileError

__all__ = ["read_svhn"]

_NAMES = tuple(str(digit) for digit in range(10))
_MOST = 73_257 + 1_000
"""Images of a part at most, and room for the headers of the file."""

_IMAGE = 32 * 32 * 3

_SIGNATURE = b"MATLAB 5.0 MAT-file"


def read_svhn(folder: Path) -> Dataset:
    """Read ``train_32x32.mat`` and ``test_32x32.mat``; label 10 becomes class 0."""
    train, test = (_read_part(require_file(folder, f"{part}_32x32.mat")) for part in ("train", "test"))
    return Dataset.from_images("svhn", train, test, _NAMES)


def _read_part(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Read images (n, 3, 32, 32) and labels 0 .. 9 (n,)."""
    images, labels = _read_arrays(path)
    are_images = images.ndim == 4 and images.shape[:3] == (32, 32, 3) and images.dtype == np.uint8
    are_labels = labels.shape == (images.shape[-1], 1) and np.issubdtype(labels.dtype, np.integer)
    if not (are_images and are_labels):
        raise DataFileError(
            f"{path} to hold X, uint8 of shape (32, 32, 3, n), and y, integers of shape (n, 1)",
            f"X {images.dtype} {images.shape}, y {labels.dtype} {labels.shape}",
            COPY_AGAIN,
        )
    check_label_range(labels, path, 1, 10)
    return images.transpose(3, 2, 0, 1), labels[:, 0] % 10


def _read_arrays(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read the variables X and y of a MATLAB v5 file."""
    from scipy.io import loadmat, whosmat  # when it is read: the names of the data sets come without SciPy
    from scipy.io.matlab import MatReadError

    raw = read_bytes(path, _MOST * _IMAGE)
    if not raw.startswith(_SIGNATURE):
        raise DataFileError(f"{path} to begin with {_SIGNATURE.decode()!r}", f"{raw[:19]!r}", COPY_AGAIN)
    try:
        claimed = {name: prod(shape) for name, shape, _ in whosmat(BytesIO(raw))}
        if claimed["X"] > _MOST * _IMAGE or claimed["y"] > _MOST:
            raise DataFileError(f"{_MOST} images at most in {path}", f"arrays of {claimed} values", COPY_AGAIN)
        arrays = loadmat(BytesIO(raw), variable_names=["X", "y"])
        return np.asarray(arrays["X"]), np.asarray(arrays["y"])
    except DataFileError:
        raise
    except KeyError as error:
        raise DataFileError(f"variables X and y in {path}", f"no {error}", COPY_AGAIN) from error
    except (MatReadError, IndexError, OSError, TypeError, ValueError, zlib.error) as error:
        raise DataFileError(f"{path} to be a complete MATLAB v5 file", str(error), COPY_AGAIN) from error
