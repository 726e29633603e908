"""Numbers that a training loop adds to the lines of a measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor

from agop.errors import InputError
from agop.network.record import NetworkRecord
from agop.runs.storage import JSON, to_json

__all__ = ["Scalar", "as_they_are", "check_scalars", "columns_of", "read"]

Scalar: TypeAlias = float | Tensor | Callable[[NetworkRecord], float | None] | None
"""The number itself, in a tensor of one element, or a function of the record of the measurement."""


def check_scalars(scalars: Mapping[str, Scalar]) -> None:
    """Raise InputError for tensors of several elements."""
    for name, value in scalars.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise InputError("scalars of one element", f"{name} of shape {tuple(value.shape)}", "Give its mean.")


def as_they_are(scalars: Mapping[str, Scalar]) -> dict[str, Any]:
    """Scalars, unread, that keep neither a graph nor other memory, and that nobody else changes."""
    return {name: value.detach().clone() if isinstance(value, Tensor) else value for name, value in scalars.items()}


def read(scalars: Mapping[str, Scalar]) -> dict[str, Any]:
    """Scalars with the numbers of tensors in their place, which waits for their device."""
    return {name: value.item() if isinstance(value, Tensor) else value for name, value in scalars.items()}


def columns_of(scalars: Mapping[str, Any], record: NetworkRecord) -> dict[str, JSON]:
    """Numbers, as JSON has them, of scalars that were read: functions are called with the record."""
    return {name: to_json(value(record) if callable(value) else value) for name, value in scalars.items()}
