"""Experiments of the paper, each a function of its settings and a run folder."""

from agop.experiments.deep_rfm import DeepRFMSettings, run_deep_rfm

__all__ = ["DeepRFMSettings", "run_deep_rfm"]
