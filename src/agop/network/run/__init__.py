"""Measurements as runs: one of a model and data that are named, and one that is merged from those of parts."""

from agop.network.run.measure import run_measure
from agop.network.run.merge import merge_runs
from agop.network.run.settings import MeasureSettings

__all__ = ["MeasureSettings", "merge_runs", "run_measure"]
