"""Trained networks, measured at every layer."""

from agop.network.kind import NETWORK
from agop.network.measure import measure
from agop.network.onset import Onset, onset_of_collapse
from agop.network.options import MeasureOptions
from agop.network.passes.directions import Exact, Rademacher
from agop.network.passes.forward import default_forward, next_token_forward
from agop.network.record import (
    Ansatz,
    Attribution,
    Fact,
    FeatureSummary,
    LayerRecord,
    NetworkRecord,
    Stage,
    features_at_convergence,
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
    "Fact",
    "FeatureSummary",
    "LayerRecord",
    "MeasureOptions",
    "MeasureSettings",
    "NetworkRecord",
    "Onset",
    "Rademacher",
    "Stage",
    "Tracker",
    "default_forward",
    "features_at_convergence",
    "measure",
    "merge_runs",
    "neural_feature_matrix",
    "next_token_forward",
    "nfa_correlation",
    "onset_of_collapse",
    "run_measure",
]
