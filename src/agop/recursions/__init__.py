"""Recursions: generators of frozen steps."""

from agop.recursions.budget import within_time
from agop.recursions.deep_rfm import DeepRFMLayer, LayerMap, deep_rfm, normalise_rows
from agop.recursions.rfm import RFMStep, rfm
from agop.recursions.tuning import BANDWIDTH_FACTORS, RIDGES, LeaveOneOutTuner, Tuned, best_candidate, median_distance

__all__ = [
    "BANDWIDTH_FACTORS",
    "RIDGES",
    "DeepRFMLayer",
    "LayerMap",
    "LeaveOneOutTuner",
    "RFMStep",
    "Tuned",
    "best_candidate",
    "deep_rfm",
    "median_distance",
    "normalise_rows",
    "rfm",
    "within_time",
]
