"""Recursions: generators of frozen steps."""

from agop.recursions.budget import within_time
from agop.recursions.choice import PATIENCE, Choice, Course, Loss, choose, exhausted, left_out_predictions
from agop.recursions.cross_fit import Candidate, CrossFitted, Fold, cross_fit, folds, tuned
from agop.recursions.deep_rfm import AGOPScale, DeepRFMLayer, LayerMap, deep_rfm, normalise_rows
from agop.recursions.rfm import RFMStep, rfm
from agop.recursions.samples import DistinctSamples
from agop.recursions.tuning import BANDWIDTH_FACTORS, RIDGES, Setting, Tuner, median_distance

__all__ = [
    "BANDWIDTH_FACTORS",
    "PATIENCE",
    "RIDGES",
    "AGOPScale",
    "Candidate",
    "Choice",
    "Course",
    "CrossFitted",
    "DeepRFMLayer",
    "DistinctSamples",
    "Fold",
    "LayerMap",
    "Loss",
    "RFMStep",
    "Setting",
    "Tuner",
    "choose",
    "cross_fit",
    "deep_rfm",
    "exhausted",
    "folds",
    "left_out_predictions",
    "median_distance",
    "normalise_rows",
    "rfm",
    "tuned",
    "within_time",
]
