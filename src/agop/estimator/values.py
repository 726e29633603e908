"""Values as JSON nodes and named tensors, and back: numbers, text, arrays, and storable values and estimators."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
from agop.runs.storage import JSON
from agop.storable import is_storable, stored_class

__all__ = ["NodeReader", "NodeWriter"]

_PLAIN_KINDS = "biufmMU"
"""Kinds of NumPy's types whose values are bytes."""

_DTYPES = {str(found).removeprefix("torch."): found for found in vars(torch).values() if isinstance(found, torch.dtype)}

_NOT_STORED = "_metadata_request"  # routing belongs to the pipeline around an estimator


@dataclass
class NodeWriter:
    """Values as JSON nodes; their tensors are collected under the names of the places where they were found.

    Attributes
    ----------
    tensors, strides
        Tensors that the nodes refer to, and their order in memory.

    Examples
    --------
    >>> writer = NodeWriter()
    >>> writer.node({"bandwidth": 2.0, "weights": (torch.ones(2), None)}, "state")
    {'dict': [['bandwidth', 2.0], ['weights', {'tuple': [{'tensor': "state['weights'][0]"}, None]}]]}
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    strides: dict[str, JSON] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def node(self, value: Any, where: str) -> JSON:
        """JSON for a value: scalars and lists as they are, all else as a mapping from one word of its kind.

        Raises
        ------
        InputError
            If there is something in it that cannot be stored; the message says where.
        """
        match value:
            case np.generic():
                return {"scalar": self._array(np.asarray(value), where)}
            case float() if not math.isfinite(value):
                return {"float": repr(value)}
            case None | bool() | int() | float() | str():
                return value
            case torch.dtype():
                return {"dtype": str(value).removeprefix("torch.")}
            case Tensor():
                return self._tensor(value, where)
            case np.ndarray():
                return self._array(value, where)
        if type(value) is list:
            return self._items(value, where)
        if type(value) is tuple:
            return {"tuple": self._items(value, where)}
        if type(value) is dict:  # pairs, since keys may be labels of any kind
            return {"dict": [[self.node(key, where), self.node(value[key], f"{where}[{key!r}]")] for key in value]}
        return self._storable(value, where)

    def parts_of(self, estimator: BaseEstimator, where: str = "") -> tuple[JSON, JSON]:
        """Nodes of the parameters of an estimator, and of all else that it holds."""
        parameters = estimator.get_params(deep=False)
        _check_random_state(parameters.get("random_state"))
        state = {name: value for name, value in vars(estimator).items() if name not in {*parameters, _NOT_STORED}}
        return self._parts(parameters.items(), where), self._parts(state.items(), where)

    def _storable(self, value: Any, where: str) -> JSON:
        name = type(value).__name__
        if not is_storable(value):
            raise _not_storable(where, f"{value!r:.80} of type {name}")
        if isinstance(value, BaseEstimator):
            return {"estimator": [name, *self.parts_of(value, where)]}
        stored = {part.name: getattr(value, part.name) for part in fields(value)} | getattr(value, "__dict__", {})
        return {"object": [name, self._parts(stored.items(), where)]}

    def _parts(self, parts: Iterable[tuple[str, Any]], where: str) -> JSON:
        return {name: self.node(part, f"{where}.{name}" if where else name) for name, part in parts}

    def _items(self, values: list[Any] | tuple[Any, ...], where: str) -> list[JSON]:
        return [self.node(item, f"{where}[{index}]") for index, item in enumerate(values)]

    def _tensor(self, tensor: Tensor, where: str) -> JSON:
        """Each tensor once, however often it occurs."""
        if id(tensor) not in self.names:
            self.names[id(tensor)] = self._keep(tensor, where)
        return {"tensor": self.names[id(tensor)]}

    def _keep(self, tensor: Tensor, where: str) -> str:
        """Keep values and their order in memory, on which the rounding of products may depend; their name."""
        name = where if where not in self.tensors else f"{where} #{len(self.tensors)}"
        self.tensors[name] = tensor.detach().cpu().contiguous()
        self.strides[name] = list(torch.empty_like(tensor, device="meta").stride())
        return name

    def _array(self, array: NDArray[Any], where: str) -> JSON:
        """Objects one by one, all else as bytes: NumPy has types that tensors lack."""
        about: list[JSON] = [array.dtype.str, list(array.shape)]
        if array.dtype.kind == "O":
            return {"objects": [*about, self._items(array.ravel().tolist(), where)]}
        if array.dtype.kind not in _PLAIN_KINDS:
            raise _not_storable(where, f"an array of {array.dtype}")
        return {"array": [*about, self._keep(torch.from_numpy(array.ravel().copy().view(np.uint8)), where)]}


@dataclass(frozen=True)
class NodeReader:
    """The values of nodes that a ``NodeWriter`` made; whatever it could not have made raises one of ``CONTENT_ERRORS``.

    Attributes
    ----------
    tensors
        Tensors that the nodes refer to.

    Examples
    --------
    >>> NodeReader({"state": torch.ones(2)}).value({"dict": [[1, {"tensor": "state"}]]})
    {1: tensor([1., 1.])}
    """

    tensors: Mapping[str, Tensor]

    def value(self, node: Any) -> Any:
        """The value of a node."""
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        match kind:
            case "float" | "dtype":
                return float(content) if kind == "float" else _DTYPES[content]
            case "tensor":
                return self.tensors[content]
            case "array" | "objects":
                return self._array(*content)
            case "scalar":
                return self.value(content)[()]
            case "tuple":
                return tuple(self.value(content))
            case "dict":
                return {self.value(key): self.value(item) for key, item in content}
            case "estimator":
                name, parameters, state = content
                return self.estimator(name, parameters, state)
        name, parts = node["object"]
        return self._object(name, self._parts(parts))

    def estimator(self, name: str, parameters: dict[str, Any], state: dict[str, Any]) -> Any:
        """An estimator, from the name of its class and the nodes of its parameters and of all else that it holds."""
        estimator = stored_class(name)(**self._parts(parameters))
        vars(estimator).update(self._parts(state))
        return estimator

    def _parts(self, nodes: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value(node) for name, node in nodes.items()}

    def _object(self, name: str, parts: dict[str, Any]) -> Any:
        """A frozen value from its fields; what it has computed once is kept, since it might differ in the last bit."""
        kind: Any = stored_class(name)
        value = kind(**{part.name: parts.pop(part.name) for part in fields(kind)})
        if parts:
            vars(value).update(parts)
        return value

    def _array(self, kind: str, shape: list[int], content: Any) -> NDArray[Any]:
        """An array from the name of its bytes, or from the list of its objects."""
        dtype = np.dtype(kind)
        if isinstance(content, str):
            _check_kind(dtype, _PLAIN_KINDS)
            return self.tensors[content].numpy().view(dtype).reshape(shape)
        _check_kind(dtype, "O")  # of another type each could take any memory
        array = np.empty(len(content), dtype)
        array[:] = self.value(content)
        return array.reshape(shape)


def _check_kind(dtype: np.dtype[Any], kinds: str) -> None:
    if dtype.kind not in kinds:
        raise ValueError(f"an array of {dtype}")


def _check_random_state(random_state: Any) -> None:
    if random_state is not None and not isinstance(random_state, Integral):
        raise InputError(
            "an int or None as random_state",
            repr(random_state),
            "Call model.set_params(random_state=None) before save; what was fitted stays.",
        )


def _not_storable(where: str, got: str) -> InputError:
    return InputError(
        "numbers, text, arrays, and the estimators, kernels and random features of agop",
        f"{where} = {got}",
        "Call model.set_params(callback=None) before save if it is the callback; joblib.dump stores what pickle can.",
    )
