"""Recursions: generators of frozen steps."""

from agop.recursions.budget import within_time
from agop.recursions.deep_rfm import DeepRFMLayer, LayerMap, deep_rfm, normalise_rows
from agop.recursions.rfm import RFMStep, rfm

__all__ = ["DeepRFMLayer", "LayerMap", "RFMStep", "deep_rfm", "normalise_rows", "rfm", "within_time"]
