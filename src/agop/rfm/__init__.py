"""Recursive feature machines: the recursion, its choices, and scikit-learn estimators."""

from __future__ import annotations

from agop.rfm.choice import Choice, Course, Loss, Search
from agop.rfm.cross_fit import CrossFitted, Fold, cross_fit, folds, tuned
from agop.rfm.estimators import RFMClassifier, RFMRegressor
from agop.rfm.recursion import Limits, RFMStep, in_turn, rfm
from agop.rfm.samples import Samples, distinct_rows
from agop.rfm.selection import PATIENCE, exhausted, within_time
from agop.rfm.tree import TreeRFMClassifier, TreeRFMRegressor
from agop.rfm.tuning import RIDGES, Candidate, Setting

__all__ = [
    "PATIENCE",
    "RIDGES",
    "Candidate",
    "Choice",
    "Course",
    "CrossFitted",
    "Fold",
    "Limits",
    "Loss",
    "RFMClassifier",
    "RFMRegressor",
    "RFMStep",
    "Samples",
    "Search",
    "Setting",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "cross_fit",
    "distinct_rows",
    "exhausted",
    "folds",
    "in_turn",
    "rfm",
    "tuned",
    "within_time",
]
