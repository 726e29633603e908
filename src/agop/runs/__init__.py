"""Runs: the folder of a run, files that are replaced whole, and summaries over seeds."""

from __future__ import annotations

from agop.runs.environment import machine, versions
from agop.runs.fitted import FITTED_ACCURACY, TrainingFit
from agop.runs.folder import Run
from agop.runs.lines import (
    Line,
    distinct,
    hidden_layers,
    last_measured,
    measurements,
    select,
    values_of,
    with_columns,
)
from agop.runs.summary import BAND_SEEDS, LEAST_FALL, SeedSummary, summarize_along, summarize_seeds

__all__ = [
    "BAND_SEEDS",
    "FITTED_ACCURACY",
    "LEAST_FALL",
    "Line",
    "Run",
    "SeedSummary",
    "TrainingFit",
    "distinct",
    "hidden_layers",
    "last_measured",
    "machine",
    "measurements",
    "select",
    "summarize_along",
    "summarize_seeds",
    "values_of",
    "versions",
    "with_columns",
]
