"""Meaning and source of the terms of the average gradient outer product that reports use."""

from __future__ import annotations

from collections.abc import Mapping

from agop.collapse.terms import DEEP_RFM_PAPER

__all__ = ["RFM_PAPER", "TERMS"]

RFM_PAPER = "Radhakrishnan, Beaglehole, Pandit, Belkin 2024, Science 383:1461"

TERMS: Mapping[str, tuple[str, str]] = {
    "AGOP": (
        "Average gradient outer product, (1/n) Σ J(x_i)ᵀ J(x_i) for a predictor with Jacobian J: the directions of "
        "the input that the predictor changes along, weighted by how steeply.",
        RFM_PAPER,
    ),
    "spectrum": (
        "Eigenvalues of the AGOP. The effective rank (tr M)² / ‖M‖² counts the directions that matter; features "
        "that have collapsed need C − 1 of them.",
        DEEP_RFM_PAPER,
    ),
}
"""Each term with its meaning and source."""
