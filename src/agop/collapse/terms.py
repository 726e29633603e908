"""Meaning and source of the terms of neural collapse that reports use."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DEEP_RFM_PAPER", "TERMS"]

DEEP_RFM_PAPER = "Beaglehole, Súkeník, Mondelli, Belkin 2024, arXiv:2402.13728"
_PAPYAN = "Papyan, Han, Donoho 2020, PNAS 117:40"

TERMS: Mapping[str, tuple[str, str]] = {
    "NC1": (
        "tr Σ_W / tr Σ_B: the variance within classes over that between class means. 0 if every sample sits on the "
        "mean of its class.",
        f"{_PAPYAN}; trace form: {DEEP_RFM_PAPER}",
    ),
    "NC2": (
        "Mean squared deviation of the cosines between centered class means from those of a simplex equiangular "
        "tight frame (ETF): 1 on the diagonal, −1/(C − 1) elsewhere.",
        f"{_PAPYAN}; {DEEP_RFM_PAPER}",
    ),
    "Gram": (
        "Cosines between features about the mean of the class means; collapsed features give 1 within and "
        "−1/(C − 1) between classes.",
        DEEP_RFM_PAPER,
    ),
    "accuracy": ("Share of samples whose largest output is that of their class.", "agop"),
}
"""Each term with its meaning and source."""
