"""Fitted estimators in one file without pickle: a safetensors file whose header names only what is listed here."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop import storage
from agop.errors import DataFileError, InputError
from agop.estimators.targets import Classes
from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, GeneralizedGaussian, Laplace, Metric, ProductLaplace
from agop.random_features import CosineFeatures, LaplaceCosineFeatures, RandomMap, ReLUFeatures
from agop.records import Collapse, DeepRFMRecord
from agop.records.deep_rfm import StageRecord
from agop.recursions import LayerMap
from agop.runs import versions
from agop.storage import JSON

__all__ = ["FORMAT_VERSION", "PersistentEstimator"]

FORMAT_VERSION = 1
"""Version of the layout that ``PersistentEstimator.save`` writes and ``load`` reads."""

_HYPER_PARAMETERS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Gaussian, GeneralizedGaussian, Laplace, ProductLaplace),
        *(CosineFeatures, LaplaceCosineFeatures, ReLUFeatures),
    )
}
"""Kernels and random features, stored by name and parameters."""

_VALUES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (Classes, Collapse, DeepRFMRecord, KernelMachine, LayerMap, Metric, RandomMap, StageRecord)
}
"""Frozen values, stored by name and fields."""

_NOT_STORED = "_metadata_request"  # routing belongs to the pipeline around an estimator


class PersistentEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that is saved to one file, and loaded from it with bit-equal predictions.

    The file is in the safetensors format. It holds the parameters of the constructor, everything that ``fit`` learned,
    the names of the class and of the version of agop, and a SHA-256 checksum of all of it. Nothing in it is executed,
    and no class is imported by its name. The checksum finds damage; it does not say who wrote the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from agop.estimators.rfm import RFMRegressor
    >>> class Regressor(RFMRegressor, PersistentEstimator): ...
    >>> X = np.linspace(0, 1, 20)[:, None]
    >>> model = Regressor(n_iterations=1).fit(X, X[:, 0] ** 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(Path(folder, "model.safetensors"))
    ...     copy = Regressor.load(Path(folder, "model.safetensors"))
    >>> bool((copy.predict(X) == model.predict(X)).all())
    True
    """

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to ``path``, which is replaced whole or left as it was.

        Parameters
        ----------
        path
            File to write, by custom with the suffix ``.safetensors``. Its folder must exist.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        InputError
            If a parameter cannot be stored: a callback, a kernel of one's own, a random generator; or if the
            folder does not exist.
        """
        check_is_fitted(self, "machine_")
        parameters = self.get_params(deep=False)
        _check_random_state(parameters.get("random_state"))
        state = {name: value for name, value in vars(self).items() if name not in {*parameters, _NOT_STORED}}
        writer = _Writer()
        header: dict[str, JSON] = {
            "format": FORMAT_VERSION,
            "agop": versions()["agop"],
            "estimator": type(self).__name__,
            "parameters": {name: writer.node(value, name) for name, value in parameters.items()},
            "state": {name: writer.node(value, name) for name, value in state.items()},
            "strides": writer.strides,
        }
        storage.save(path, writer.tensors, {**header, "checksum": _checksum(header, writer.tensors)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the estimator that ``save`` of the same class wrote, onto the CPU.

        Parameters
        ----------
        path
            File that was written by ``save``.

        Returns
        -------
        Self
            A fitted estimator with the same parameters, attributes and predictions.

        Raises
        ------
        DataFileError
            If the file is missing, damaged, of another class or format, or no estimator.
        """
        tensors, header = storage.load(path)
        _check_header(header, tensors, path, cls.__name__)
        try:
            tensors = {name: _laid_out(tensor, header["strides"][name]) for name, tensor in tensors.items()}
            model, state = cls(**_parts(header["parameters"], tensors)), _parts(header["state"], tensors)
        except (KeyError, TypeError, ValueError) as error:
            raise DataFileError(
                f"{os.fspath(path)} to hold what agop {versions()['agop']} knows",
                f"a file of agop {header['agop']} with something else ({error})",
                f"Install agop {header['agop']}, or fit and save again.",
            ) from error
        for name, value in state.items():
            setattr(model, name, value)
        return model


@dataclass
class _Writer:
    """Values as JSON nodes; their tensors are collected under the names of the places where they were found."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    strides: dict[str, JSON] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def node(self, value: Any, where: str) -> JSON:
        """JSON for a value: scalars and lists as they are, all else as a mapping from one word of its kind."""
        match value:
            case np.generic():
                return {"scalar": self._array(np.asarray(value), where)}
            case float() if not math.isfinite(value):
                return {"float": repr(value)}
            case None | bool() | int() | float() | str():
                return value
            case Tensor():
                return self._tensor(value, where)
            case np.ndarray():
                return self._array(value, where)
            case list():
                return self._items(value, where)
            case tuple():
                return {"tuple": self._items(value, where)}
            case dict() if all(isinstance(key, str) for key in value):
                return {"dict": {key: self.node(item, f"{where}[{key!r}]") for key, item in value.items()}}
        return self._object(value, where)

    def _items(self, values: Any, where: str) -> list[JSON]:
        return [self.node(item, f"{where}[{index}]") for index, item in enumerate(values)]

    def _tensor(self, tensor: Tensor, where: str) -> JSON:
        """Each tensor once, however often it occurs."""
        if id(tensor) not in self.names:
            self.names[id(tensor)] = where
            self._keep(tensor, where)
        return {"tensor": self.names[id(tensor)]}

    def _keep(self, tensor: Tensor, where: str) -> None:
        """Values and order in memory, on which the rounding of products may depend."""
        self.tensors[where] = tensor.detach().cpu().contiguous()
        self.strides[where] = list(torch.empty_like(tensor, device="meta").stride())

    def _array(self, array: NDArray[Any], where: str) -> JSON:
        """Objects one by one, all else as bytes: NumPy has types that tensors lack."""
        about: list[JSON] = [array.dtype.str, list(array.shape)]
        if array.dtype.kind == "O":
            return {"objects": [*about, self._items(array.ravel().tolist(), where)]}
        if array.dtype.kind not in "biufmMU":
            raise _not_storable(where, f"an array of {array.dtype}")
        self._keep(torch.from_numpy(array.ravel().copy().view(np.uint8)), where)
        return {"array": [*about, where]}

    def _object(self, value: Any, where: str) -> JSON:
        name = type(value).__name__
        if type(value) is _HYPER_PARAMETERS.get(name):
            parts = value.get_params(deep=False)
        elif type(value) is _VALUES.get(name) and is_dataclass(value):
            parts = {part.name: getattr(value, part.name) for part in fields(value)}
            if isinstance(value, Metric):
                parts["root"] = value.root  # computed again, it might differ in the last bit
        else:
            raise _not_storable(where, f"{value!r:.80} of type {name}")
        return {"object": [name, {key: self.node(part, f"{where}.{key}") for key, part in parts.items()}]}


def _laid_out(tensor: Tensor, strides: list[int]) -> Tensor:
    """A copy in the order in memory that the saved tensor had, aligned as torch does it."""
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _value(node: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The value of a node that ``_Writer`` made."""
    if isinstance(node, list):
        return [_value(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    match kind:
        case "float":
            return float(content)
        case "tensor":
            return tensors[content]
        case "array" | "objects":
            return _array(tensors, *content)
        case "scalar":
            return _value(content, tensors)[()]
        case "tuple":
            return tuple(_value(content, tensors))
    if kind == "dict":
        return _parts(content, tensors)
    name, parts = node["object"]
    return _object(name, _parts(parts, tensors))


def _parts(nodes: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: _value(node, tensors) for name, node in nodes.items()}


def _array(tensors: Mapping[str, Tensor], kind: str, shape: list[int], content: Any) -> NDArray[Any]:
    """An array from the name of its bytes, or from the list of its objects."""
    if isinstance(content, str):
        return tensors[content].numpy().view(np.dtype(kind)).reshape(shape)
    array = np.empty(len(content), np.dtype(kind))
    array[:] = _value(content, tensors)
    return array.reshape(shape)


def _object(name: str, parts: dict[str, Any]) -> Any:
    if name in _HYPER_PARAMETERS:
        return _HYPER_PARAMETERS[name](**parts)
    if name == Metric.__name__:
        metric = Metric(parts["matrix"])
        vars(metric)["root"] = parts["root"]
        return metric
    return _VALUES[name](**parts)


def _checksum(header: Mapping[str, JSON], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the header as sorted JSON, and of the name, type, shape and bytes of every tensor."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_header(header: dict[str, Any], tensors: Mapping[str, Tensor], path: Any, name: str) -> None:
    """Raise DataFileError unless the file is whole, of this format, and of the class ``name``."""
    path = os.fspath(path)
    if not {"format", "agop", "estimator"} <= header.keys():
        raise DataFileError(f"{path} to hold an estimator", "another file of agop", "Pass a file that save wrote.")
    if header["format"] != FORMAT_VERSION:
        raise DataFileError(
            f"{path} in estimator format {FORMAT_VERSION}",
            f"format {header['format']}, written by agop {header['agop']}",
            f"Install agop {header['agop']}, or fit and save again.",
        )
    stored = {key: value for key, value in header.items() if key != "checksum"}
    if header.get("checksum") != _checksum(stored, tensors):
        raise DataFileError(
            f"{path} as it was saved", "other contents: its checksum does not match", "Copy or save the file again."
        )
    if header["estimator"] != name:
        written = header["estimator"]
        raise DataFileError(f"{path} to hold a {name}", f"a {written}", f"Load it by {written}.load(path).")


def _check_random_state(random_state: Any) -> None:
    if random_state is not None and not isinstance(random_state, Integral):
        raise InputError(
            "an int or None as random_state",
            repr(random_state),
            "Call model.set_params(random_state=None) before save; what was fitted stays.",
        )


def _not_storable(where: str, got: str) -> InputError:
    return InputError(
        "numbers, text, arrays, and the kernels and random features of agop",
        f"{where} = {got}",
        "Call model.set_params(callback=None) before save if it is the callback; joblib.dump stores what pickle can.",
    )
