"""Convolutional RFM as a kind of run."""

from __future__ import annotations

from agop.charts.kind import Kind, register
from agop.charts.seed_curves import SEED_BAND
from agop.collapse.terms import TERMS as COLLAPSE
from agop.conv_rfm.estimator import ConvRFMClassifier
from agop.conv_rfm.plots import CONV_RFM_PLOTS, conv_rfm_findings, conv_rfm_numbers
from agop.conv_rfm.result import ConvRFMResult
from agop.conv_rfm.summary import conv_rfm_data, conv_rfm_summary
from agop.outer_product.terms import TERMS as AGOP

__all__ = ["CONV_RFM"]

_PAPER = "Beaglehole, Radhakrishnan, Pandit, Belkin 2023, arXiv:2309.00570"


def _notes(result: ConvRFMResult) -> list[str]:
    missing = "There are no tensors in the run, so that spectra and filters are not shown."
    return [missing] if not result.tensors and any(line["iteration"] for line in result.lines) else []


CONV_RFM = register(
    Kind(
        "conv-rfm",
        "Convolutional RFM",
        ConvRFMResult,
        ConvRFMResult.read,
        CONV_RFM_PLOTS,
        conv_rfm_findings,
        conv_rfm_numbers,
        heading=lambda result: "Convolutional RFM",
        notes=_notes,
        terms={
            "accuracy": COLLAPSE["accuracy"],
            "spectrum": AGOP["spectrum"],
            "seed band": SEED_BAND,
            "patch AGOP": (
                "Average over images of the sum, over outputs and positions, of the outer product of the gradient in a "
                "patch; a power of it is the metric M of the next iterate.",
                _PAPER,
            ),
            "filter": (
                "Eigenvector of the metric of patches: a patch is seen through its products with the filters, as by "
                "the first convolution of a network, whose WᵀW takes the place of the metric.",
                _PAPER,
            ),
        },
        accepts={ConvRFMClassifier: ConvRFMResult.of},
        data=conv_rfm_data,
        summary=conv_rfm_summary,
    )
)
"""Runs of ``agop conv-rfm`` and fitted classifiers."""
