"""Measured networks: values that are saved, loaded, merged and printed."""

from agop.network.record.ansatz import Ansatz, neural_feature_matrix, nfa_correlation
from agop.network.record.attribution import Attribution
from agop.network.record.features import FeatureSummary
from agop.network.record.layer import LayerRecord
from agop.network.record.network import NetworkRecord
from agop.network.record.stage import STAGES, Stage

__all__ = [
    "STAGES",
    "Ansatz",
    "Attribution",
    "FeatureSummary",
    "LayerRecord",
    "NetworkRecord",
    "Stage",
    "neural_feature_matrix",
    "nfa_correlation",
]
