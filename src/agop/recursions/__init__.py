"""Recursions: generators of frozen steps."""

from agop.recursions.budget import within_time
from agop.recursions.candidates import Candidate, best_candidate
from agop.recursions.deep_rfm import AGOPScale, DeepRFMLayer, LayerMap, deep_rfm, normalise_rows
from agop.recursions.left_out import DistinctSamples
from agop.recursions.rfm import RFMStep, rfm
from agop.recursions.tuning import BANDWIDTH_FACTORS, RIDGES, LeaveOneOutTuner, Tuned, median_distance

__all__ = [
    "BANDWIDTH_FACTORS",
    "RIDGES",
    "AGOPScale",
    "Candidate",
    "DeepRFMLayer",
    "DistinctSamples",
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
