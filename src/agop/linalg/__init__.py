"""Positive semi-definite matrices: powers, and maps by their spectra."""

from __future__ import annotations

from agop.linalg.powers import effective_rank, largest_positive, psd_eigen, psd_power
from agop.linalg.products import gram, product, triangular_factor
from agop.linalg.spectra import Spectrum, participation_ratio, stable_rank

__all__ = [
    "Spectrum",
    "effective_rank",
    "gram",
    "largest_positive",
    "participation_ratio",
    "product",
    "psd_eigen",
    "psd_power",
    "stable_rank",
    "triangular_factor",
]
