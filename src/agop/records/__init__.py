"""What a run found, as frozen values."""

from agop.records.collapse import Collapse
from agop.records.deep_rfm import DeepRFMRecord, StageRecord, deep_rfm_records
from agop.records.picture import class_sorted_gram
from agop.records.summary import SeedSummary, summarise_seeds

__all__ = [
    "Collapse",
    "DeepRFMRecord",
    "SeedSummary",
    "StageRecord",
    "class_sorted_gram",
    "deep_rfm_records",
    "summarise_seeds",
]
