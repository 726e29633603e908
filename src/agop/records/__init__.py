"""What a run found, as frozen values."""

from agop.records.collapse import Collapse
from agop.records.deep_rfm import DeepRFMRecord, StageRecord, deep_rfm_records
from agop.records.explanation import Explanation, explain_agop
from agop.records.fitted import FITTED_ACCURACY, Fit
from agop.records.layer import LEAST_FALL, Attribution, LayerRecord, Stage
from agop.records.lines import Line, hidden_layers, last_measured, measurements, select, values_of
from agop.records.network import NetworkRecord
from agop.records.picture import class_sorted_gram
from agop.records.summary import BAND_SEEDS, SeedSummary, summarise_along, summarise_seeds

__all__ = [
    "BAND_SEEDS",
    "FITTED_ACCURACY",
    "LEAST_FALL",
    "Attribution",
    "Collapse",
    "DeepRFMRecord",
    "Explanation",
    "Fit",
    "LayerRecord",
    "Line",
    "NetworkRecord",
    "SeedSummary",
    "Stage",
    "StageRecord",
    "class_sorted_gram",
    "deep_rfm_records",
    "explain_agop",
    "hidden_layers",
    "last_measured",
    "measurements",
    "select",
    "summarise_along",
    "summarise_seeds",
    "values_of",
]
