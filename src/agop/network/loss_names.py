"""Losses by name, as settings know them without torch."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["LossName"]

LossName: TypeAlias = Literal["squared", "cross-entropy"]
"""Name of a loss of scores."""
