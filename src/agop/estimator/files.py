"""Fitted estimators and pipelines in one file without pickle: a safetensors file whose header says what is what."""

from __future__ import annotations

import os
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.errors import CONTENT_ERRORS, DataFileError, InputError
from agop.estimator.values import NodeReader, NodeWriter
from agop.runs import storage, versions
from agop.runs.storage import JSON
from agop.storable import is_storable, storable

__all__ = ["FORMAT_VERSION", "load", "save"]

storable(Pipeline)

FORMAT_VERSION = 1
"""Version of the layout that ``save`` writes and ``load`` reads."""


def save(model: BaseEstimator, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator, or a pipeline of such, to ``path``, which is replaced whole or left as it was.

    The file is in the safetensors format. It holds the parameters of the constructors, everything that ``fit`` learned,
    the names of the classes and the version of agop, and a SHA-256 checksum of all of it, which finds damage and does
    not say who wrote the file. Nothing in it is executed, and no class is imported by its name.

    Parameters
    ----------
    model
        An estimator of agop, or a scikit-learn ``Pipeline`` of such; a class of one's own once it is declared by
        ``agop.storable.storable``.
    path
        File to write, by custom with the suffix ``.safetensors``. Its folder must exist.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    InputError
        If it is or holds an estimator of another package, or has a parameter that cannot be stored: a callback, a
        kernel of one's own, a random generator; or if the folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from agop.tables import table_pipeline
    >>> X = np.linspace(0, 1, 20)[:, None]
    >>> model = table_pipeline("regression").set_params(model__n_iterations=1).fit(X, X[:, 0] ** 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder, "model.safetensors"))
    ...     copy = load(Path(folder, "model.safetensors"))
    >>> float(abs(copy.predict(X) - model.predict(X)).max())
    0.0
    """
    if not is_storable(model):
        raise InputError(
            "an estimator of agop, or a Pipeline of such",
            f"a {type(model).__name__}",
            "Save the estimator inside it, such as best_estimator_; joblib.dump stores what pickle can.",
        )
    check_is_fitted(model)
    writer = NodeWriter()
    parameters, state = writer.parts_of(model)
    header: dict[str, JSON] = {
        "format": FORMAT_VERSION,
        "agop": versions()["agop"],
        "estimator": type(model).__name__,
        "parameters": parameters,
        "state": state,
        "strides": writer.strides,
    }
    storage.save(path, writer.tensors, header)


def load(path: str | os.PathLike[str]) -> Any:
    """Read the estimator or pipeline that :func:`save` wrote, onto the CPU.

    Parameters
    ----------
    path
        File that was written by ``save``.

    Returns
    -------
    BaseEstimator
        A fitted model with the same parameters, attributes and predictions.

    Raises
    ------
    DataFileError
        If the file is missing, damaged, of another format, or no model; or if it holds a class that is not defined.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from agop import RFMRegressor
    >>> model = RFMRegressor(n_iterations=0, selection=None, ridge=0.1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder, "model.safetensors"))
    ...     load(Path(folder, "model.safetensors"))
    RFMRegressor(n_iterations=0, ridge=0.1, selection=None)
    """
    tensors, header = storage.load(path)
    _check_header(header, path)
    try:
        laid_out = {name: _laid_out(tensor, header["strides"][name]) for name, tensor in tensors.items()}
        return NodeReader(laid_out).estimator(header["estimator"], header["parameters"], header["state"])
    except CONTENT_ERRORS as error:
        raise DataFileError(
            f"{os.fspath(path)} to hold what agop {versions()['agop']} knows",
            f"a file of agop {header['agop']} with something else ({error})",
            f"Install agop {header['agop']}, or fit and save again; define or import classes of your own first.",
        ) from error


def _laid_out(tensor: Tensor, strides: list[int]) -> Tensor:
    """A copy in the order in memory that the saved tensor had, aligned as torch does it."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, strides, strict=True))
    if min(strides, default=0) < 0 or (tensor.numel() and last >= tensor.numel()):
        raise ValueError(f"strides {strides} of a tensor of shape {list(tensor.shape)}")  # which take any memory
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _check_header(header: dict[str, Any], path: Any) -> None:
    """Raise DataFileError unless the file holds an estimator in this format."""
    path = os.fspath(path)
    if not {"format", "agop", "estimator"} <= header.keys():
        raise DataFileError(f"{path} to hold an estimator", "another file of agop", "Pass a file that save wrote.")
    if header["format"] != FORMAT_VERSION:
        raise DataFileError(
            f"{path} in estimator format {FORMAT_VERSION}",
            f"format {header['format']}, written by agop {header['agop']}",
            f"Install agop {header['agop']}, or fit and save again.",
        )
