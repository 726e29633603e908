"""Deep RFM: random features, the recursion, its record, estimator, run and plots."""

from __future__ import annotations

from agop.deep_rfm.estimator import DeepRFMClassifier
from agop.deep_rfm.gram_picture import class_sorted_gram
from agop.deep_rfm.kind import DEEP_RFM
from agop.deep_rfm.layer import AGOPScale, DeepRFMLayer, LayerMap, LayerSettings, normalize_rows
from agop.deep_rfm.random_features import (
    CosineFeatures,
    GaussianCosineFeatures,
    LaplaceCosineFeatures,
    RandomFeatures,
    RandomMap,
    ReLUFeatures,
)
from agop.deep_rfm.record import DeepRFMRecord, StageRecord, deep_rfm_records
from agop.deep_rfm.recursion import deep_rfm
from agop.deep_rfm.run import run_deep_rfm
from agop.deep_rfm.settings import DeepRFMSettings

__all__ = [
    "DEEP_RFM",
    "AGOPScale",
    "CosineFeatures",
    "DeepRFMClassifier",
    "DeepRFMLayer",
    "DeepRFMRecord",
    "DeepRFMSettings",
    "GaussianCosineFeatures",
    "LaplaceCosineFeatures",
    "LayerMap",
    "LayerSettings",
    "RandomFeatures",
    "RandomMap",
    "ReLUFeatures",
    "StageRecord",
    "class_sorted_gram",
    "deep_rfm",
    "deep_rfm_records",
    "normalize_rows",
    "run_deep_rfm",
]
