"""Runs: the folder of a run, files that are replaced whole, and summaries over seeds."""

from __future__ import annotations

from agop.runs.fitted import FITTED_ACCURACY, Fit
from agop.runs.folder import Run, machine, versions
from agop.runs.lines import Line, hidden_layers, last_measured, measurements, select, values_of
from agop.runs.summary import BAND_SEEDS, LEAST_FALL, SeedSummary, summarise_along, summarise_seeds

__all__ = [
    "BAND_SEEDS",
    "FITTED_ACCURACY",
    "LEAST_FALL",
    "Fit",
    "Line",
    "Run",
    "SeedSummary",
    "hidden_layers",
    "last_measured",
    "machine",
    "measurements",
    "select",
    "summarise_along",
    "summarise_seeds",
    "values_of",
    "versions",
]
