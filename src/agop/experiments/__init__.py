"""Experiments of the paper, each a function of its settings and a run folder."""

from agop.experiments.deep_rfm import DeepRFMSettings, FeaturesName, run_deep_rfm
from agop.experiments.explain import ExplainSettings, run_explain
from agop.experiments.measure import MeasureSettings, run_measure
from agop.experiments.nets import build_network
from agop.experiments.train_settings import TrainSettings
from agop.experiments.training import run_train, trained_network

__all__ = [
    "DeepRFMSettings",
    "ExplainSettings",
    "FeaturesName",
    "MeasureSettings",
    "TrainSettings",
    "build_network",
    "run_deep_rfm",
    "run_explain",
    "run_measure",
    "run_train",
    "trained_network",
]
