"""Meaning and source of the terms of the average gradient outer product that reports use."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TERMS"]

TERMS: Mapping[str, tuple[str, str]] = {
    "AGOP": (
        "Average gradient outer product, (1/n) Σ J(x_i)ᵀ J(x_i) for a predictor with Jacobian J: the directions of "
        "the input that the predictor changes along, weighted by how steeply.",
        "Radhakrishnan, Beaglehole, Pandit, Belkin 2024, Science 383:6690",
    ),
    "spectrum": (
        "Eigenvalues of the AGOP. The effective rank (tr M)² / ‖M‖² counts the directions that matter; features "
        "that have collapsed need C − 1 of them.",
        "Beaglehole, Súkeník, Mondelli, Belkin 2024, arXiv:2402.13728",
    ),
}
"""Each term with its meaning and source."""
