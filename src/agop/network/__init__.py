"""Trained networks, measured at every layer."""

from agop.network.kind import NETWORK
from agop.network.measure import measure
from agop.network.options import MeasureOptions
from agop.network.passes.directions import Exact, Rademacher
from agop.network.passes.forward import default_forward, next_token_forward
from agop.network.record import (
    Ansatz,
    Attribution,
    FeatureSummary,
    LayerRecord,
    NetworkRecord,
    Stage,
    neural_feature_matrix,
    nfa_correlation,
)
from agop.network.run import MeasureSettings, merge_runs, run_measure
from agop.network.tracker import Tracker

__all__ = [
    "NETWORK",
    "Ansatz",
    "Attribution",
    "Exact",
    "FeatureSummary",
    "LayerRecord",
    "MeasureOptions",
    "MeasureSettings",
    "NetworkRecord",
    "Rademacher",
    "Stage",
    "Tracker",
    "default_forward",
    "measure",
    "merge_runs",
    "neural_feature_matrix",
    "next_token_forward",
    "nfa_correlation",
    "run_measure",
]
