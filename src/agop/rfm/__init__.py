"""Recursive feature machines: the recursion, its choices, and scikit-learn estimators."""

from __future__ import annotations

from agop.rfm.classifier import RFMClassifier
from agop.rfm.clock import within_time
from agop.rfm.cost import FitCost
from agop.rfm.cross_fit import cross_fit
from agop.rfm.distinct import distinct_rows
from agop.rfm.learned_table import learned_settings
from agop.rfm.recursion import Limits, RFMStep, rfm
from agop.rfm.regressor import RFMRegressor
from agop.rfm.samples import Samples
from agop.rfm.sharing import require_same_samples
from agop.rfm.stated_score import StatedScore
from agop.rfm.tree import TreeRFMClassifier, TreeRFMRegressor
from agop.rfm.tuning import Setting

__all__ = [
    "FitCost",
    "Limits",
    "RFMClassifier",
    "RFMRegressor",
    "RFMStep",
    "Samples",
    "Setting",
    "StatedScore",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "cross_fit",
    "distinct_rows",
    "learned_settings",
    "require_same_samples",
    "rfm",
    "within_time",
]
