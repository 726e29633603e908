"""Parts that all estimators share: arrays, targets, parameters, effects of columns, stored values, files."""

from __future__ import annotations

from agop.estimator.files import load, save

__all__ = ["load", "save"]
