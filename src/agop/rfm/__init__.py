"""Recursive feature machines: the recursion, its choices, and scikit-learn estimators."""

from __future__ import annotations

from agop.rfm.budget import within_time
from agop.rfm.choice import PATIENCE, Choice, Course, Loss, choose, exhausted, left_out_predictions
from agop.rfm.cross_fit import Candidate, CrossFitted, Fold, cross_fit, folds, tuned
from agop.rfm.estimators import RFMClassifier, RFMRegressor
from agop.rfm.recursion import RFMStep, rfm
from agop.rfm.samples import DistinctSamples
from agop.rfm.tree import TreeRFMClassifier, TreeRFMRegressor
from agop.rfm.tuning import BANDWIDTH_FACTORS, RIDGES, Setting, Tuner

__all__ = [
    "BANDWIDTH_FACTORS",
    "PATIENCE",
    "RIDGES",
    "Candidate",
    "Choice",
    "Course",
    "CrossFitted",
    "DistinctSamples",
    "Fold",
    "Loss",
    "RFMClassifier",
    "RFMRegressor",
    "RFMStep",
    "Setting",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "Tuner",
    "choose",
    "cross_fit",
    "exhausted",
    "folds",
    "left_out_predictions",
    "rfm",
    "tuned",
    "within_time",
]
