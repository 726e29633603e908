"""Scales at which figures are made, and the data sets of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

__all__ = ["SCALES", "SCALE_DATA", "Scale"]

Scale: TypeAlias = Literal["quick", "cpu", "paper"]
"""quick: minutes for all figures on two cores. cpu: tens of minutes. paper: all rows, for a GPU."""

SCALES: tuple[Scale, ...] = get_args(Scale)

SCALE_DATA: Mapping[Scale, tuple[str, ...]] = MappingProxyType(
    {"quick": ("digits",), "cpu": ("mnist", "cifar10", "svhn"), "paper": ("mnist", "cifar10", "svhn")}
)
"""Data sets where none are named."""
