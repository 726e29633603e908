"""Experiments of the paper, each a function of its settings and a run folder."""

from agop.experiments.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.experiments.measure import MeasureSettings, run_measure

__all__ = ["DeepRFMSettings", "MeasureSettings", "run_deep_rfm", "run_measure"]
