"""Inputs of a caller as tensors, or one clear error."""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agop.errors import InputError

__all__ = ["ArrayLike", "all_finite", "as_labels", "as_matrix", "require_finite", "usable_device"]

ArrayLike: TypeAlias = Tensor | NDArray[Any]
"""A torch tensor on any device, or a numpy array."""


def as_matrix(values: ArrayLike, name: str, *, n_rows: int | None = None, n_columns: int | None = None) -> Tensor:
    """Return a matrix of real numbers as a tensor outside the graph, without a copy where that is possible.

    Raises
    ------
    InputError
        If ``values`` is not a real matrix, or has another number of rows or columns than asked for.

    Examples
    --------
    >>> as_matrix(np.eye(2, dtype=np.float32), "features").dtype
    torch.float32
    """
    matrix = _as_tensor(values, name)
    wanted = f"{name} of shape ({n_rows or 'n'}, {n_columns or 'd'})"
    if matrix.ndim != 2:
        advice = "Flatten images or positions first: features.flatten(1)."
        raise InputError(wanted, f"shape {tuple(matrix.shape)}", advice)
    if n_rows not in (None, matrix.shape[0]) or n_columns not in (None, matrix.shape[1]):
        raise InputError(wanted, f"shape {tuple(matrix.shape)}", "Check which axis is which.")
    if matrix.is_complex():
        raise InputError(f"real {name}", f"{matrix.dtype}", "Stack the real and imaginary parts as columns.")
    return matrix


def as_labels(labels: ArrayLike, n_samples: int, n_classes: int | None, device: torch.device) -> Tensor:
    """Return labels (n,) as int64 on ``device``; any number of classes if ``n_classes`` is None.

    Raises
    ------
    InputError
        If the labels are not class indices ``0 .. n_classes - 1``, one a sample.

    Examples
    --------
    >>> as_labels(np.array([0, 2]), 2, 3, torch.device("cpu"))
    tensor([0, 2])
    """
    if n_classes is not None and n_classes < 1:
        raise InputError("one or more classes", f"n_classes={n_classes}", "Count the classes of the labels.")
    labels = _as_tensor(labels, "labels")
    if labels.ndim != 1:
        advice = "One-hot labels become class indices by labels.argmax(1), a column by labels.reshape(-1)."
        raise InputError("labels of shape (n,)", f"shape {tuple(labels.shape)}", advice)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        advice = "Cast class indices with labels.long(); regression targets have no classes."
        raise InputError("integer labels", f"{labels.dtype}", advice)
    if len(labels) != n_samples:
        raise InputError(f"{n_samples} labels, one a row", f"{len(labels)}", "Pair each row with its label.")
    labels = labels.to(device=device, dtype=torch.int64)
    smallest, largest = (int(labels.min()), int(labels.max())) if n_samples else (0, 0)
    if smallest < 0 or (n_classes is not None and largest >= n_classes):
        expected = "labels from 0 on" if n_classes is None else f"labels in 0 .. {n_classes - 1}"
        got = f"labels in {smallest} .. {largest}"
        advice = "Renumber the classes, for example by numpy.unique(labels, return_inverse=True)."
        raise InputError(expected, got, advice)
    return labels


def all_finite(values: Tensor) -> bool:
    """Whether no entry is NaN or infinite, in one pass without temporaries: extremes propagate both.

    Examples
    --------
    >>> all_finite(torch.tensor([1.0, 2.0])), all_finite(torch.tensor([1.0, torch.nan]))
    (True, False)
    """
    return not values.numel() or bool(torch.isfinite(torch.stack(values.aminmax())).all())


def require_finite(statistic: Tensor, name: str) -> None:
    """Raise unless a statistic to which every value of ``name`` contributes is finite.

    NaN and infinity survive sums and squares, so that a small statistic answers for all the data.

    Raises
    ------
    InputError
        If an entry is NaN or infinite.

    Examples
    --------
    >>> require_finite(torch.tensor([1.0, torch.inf]), "features")
    Traceback (most recent call last):
    ...
    agop.errors.InputError: expected finite features, got NaN, infinity, or squares that overflow. Remove such ...
    """
    if not all_finite(statistic):
        advice = "Remove such samples, or scale the values down if their squares exceed float64."
        raise InputError(f"finite {name}", "NaN, infinity, or squares that overflow", advice)


def usable_device(device: torch.device | str) -> torch.device:
    """Device, checked to be there, as of a name such as "cuda"; InputError if torch cannot use it.

    Examples
    --------
    >>> usable_device("cpu")
    device(type='cpu')
    """
    expected, advice = "a device that torch can use here", "Leave it out for the CPU."
    try:
        found = torch.empty(0, device=device).device
    except (AssertionError, ImportError, RuntimeError, TypeError) as error:  # the first from a torch without CUDA
        reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise InputError(expected, f"{str(device)!r} ({reason})", advice) from error
    if found.type == "meta":
        raise InputError(expected, "'meta', where tensors have no values", advice)
    return found


def _as_tensor(values: ArrayLike, name: str) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        advice = "Convert it, for example to numpy.float64 or numpy.int64."
        raise InputError(f"numbers of at most 64 bits as {name}", f"numpy dtype {array.dtype}", advice)
    if any(stride < 0 for stride in array.strides) or not array.dtype.isnative:
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    with warnings.catch_warnings():
        # A read-only array is fine: nothing is ever written to what a caller gave.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array)
