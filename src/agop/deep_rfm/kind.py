"""Deep RFM as a kind of run."""

from __future__ import annotations

from agop.charts.kind import Kind, register
from agop.charts.seed_curves import SEED_BAND
from agop.collapse.terms import DEEP_RFM_PAPER
from agop.collapse.terms import TERMS as COLLAPSE
from agop.deep_rfm.estimator import DeepRFMClassifier
from agop.deep_rfm.findings import deep_rfm_findings
from agop.deep_rfm.plots import DEEP_RFM_PLOTS, deep_rfm_numbers
from agop.deep_rfm.result import DeepRFMResult
from agop.deep_rfm.summary import deep_rfm_data, deep_rfm_summary
from agop.outer_product.terms import TERMS as AGOP

__all__ = ["DEEP_RFM"]


def _notes(result: DeepRFMResult) -> list[str]:
    missing = "There are no tensors in the run, so that Gram matrices and spectra are not shown."
    return [] if result.tensors else [missing]


DEEP_RFM = register(
    Kind(
        "deep-rfm",
        "Deep RFM",
        DeepRFMResult,
        DeepRFMResult.read,
        DEEP_RFM_PLOTS,
        deep_rfm_findings,
        deep_rfm_numbers,
        heading=lambda result: "Deep RFM",
        notes=_notes,
        terms={
            **COLLAPSE,
            **AGOP,
            "seed band": SEED_BAND,
            "stage (Deep RFM)": (
                "X: the input of a layer; X M½: after the root of its AGOP M; Φ(X M½): after the random features.",
                f"{DEEP_RFM_PAPER}, algorithm 1",
            ),
            "control": ("The same network with the identity in place of every AGOP.", DEEP_RFM_PAPER),
        },
        accepts={DeepRFMClassifier: DeepRFMResult.of},
        data=deep_rfm_data,
        summary=deep_rfm_summary,
    )
)
"""Runs of ``agop deep-rfm`` and fitted classifiers."""
