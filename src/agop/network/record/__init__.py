"""Measured networks: values that are saved, loaded, merged and printed."""

from agop.network.record.ansatz import Ansatz, neural_feature_matrix, nfa_correlation
from agop.network.record.attribution import Attribution
from agop.network.record.fact import Fact, features_at_convergence
from agop.network.record.features import FeatureSummary
from agop.network.record.layer import LayerRecord
from agop.network.record.network import NetworkRecord
from agop.network.record.stage import STAGES, Stage

__all__ = [
    "STAGES",
    "Ansatz",
    "Attribution",
    "Fact",
    "FeatureSummary",
    "LayerRecord",
    "NetworkRecord",
    "Stage",
    "features_at_convergence",
    "neural_feature_matrix",
    "nfa_correlation",
]
