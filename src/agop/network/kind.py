"""Networks as a kind of run: measured once, by a tracker, or in a training."""

from __future__ import annotations

from agop.charts.kind import Kind, register
from agop.charts.seed_curves import SEED_BAND
from agop.collapse.terms import DEEP_RFM_PAPER
from agop.collapse.terms import TERMS as COLLAPSE
from agop.network.plots.collapse import NETWORK_PLOTS, network_numbers
from agop.network.plots.findings import network_findings
from agop.network.plots.summary import network_data, network_summary
from agop.network.record import NetworkRecord
from agop.network.result import NetworkResult
from agop.network.tracker import Tracker
from agop.outer_product.terms import RFM_PAPER
from agop.outer_product.terms import TERMS as AGOP

__all__ = ["NETWORK"]

_NRC_PAPER = "Rangamani, Unal 2026, arXiv:2603.23805"


def _heading(result: NetworkResult) -> str:
    name = result.info["settings"].get("model", result.name)
    return "Network" if name == "network" else f"Network {name}"


def _notes(result: NetworkResult) -> list[str]:
    missing = "There is no network.safetensors in the run, so that matrices are not shown."
    return [missing] if result.record is None else []


NETWORK = register(
    Kind(
        "network",
        "network",
        NetworkResult,
        NetworkResult.read,
        NETWORK_PLOTS,
        network_findings,
        network_numbers,
        _heading,
        _notes,
        terms={
            **COLLAPSE,
            **AGOP,
            "seed band": SEED_BAND,
            "NFM": ("Neural feature matrix, WᵀW for the weight W of a layer.", RFM_PAPER),
            "NFA": (
                "Neural feature ansatz: WᵀW is proportional to a power of the AGOP with respect to the input of the "
                "layer. Shown is the correlation of the entries of both matrices; 1 if they are proportional.",
                RFM_PAPER,
            ),
            "FACT": (
                "Features at Convergence Theorem: where the gradient of L with weight decay is 0, WᵀW is proportional "
                "to −Wᵀ∂L/∂W. Shown is the correlation of the entries of WᵀW and its symmetric part.",
                "Boix-Adserà, Mallinar, Simon, Belkin 2025, arXiv:2507.05644",
            ),
            "random labels": (
                "The same features with labels that were drawn at random, each class as often as it is: what a measure "
                "of collapse is without any relation of features and classes. Tables have the least of the draws.",
                "agop.collapse.Chance",
            ),
            "attribution": (
                "With W = U S Vᵀ, NC1 of Wφ is that of S Vᵀφ, since U is an isometry. The fall of log NC1 from φ to Wφ "
                "is the part of the right singular structure, which WᵀW and so the AGOP determine; the rest, from Wφ "
                "to σ(Wφ), is the part of the nonlinearity.",
                f"{DEEP_RFM_PAPER}, section 5",
            ),
            "stage (network)": (
                "φ: what a layer reads; Wφ: after its linear map; σ(Wφ): after the nonlinearity; AGOP½φ and AGOP¼φ: "
                "the input mapped by a power of the AGOP in place of W; AGOP¼ where WᵀW is near AGOP½.",
                DEEP_RFM_PAPER,
            ),
            "NRC": (
                "Of a regression of t targets. NRC1: share of the variance of the features outside their t leading "
                "directions. NRC2: linear CKA of features and targets. NRC3: alignment of the leading directions of "
                "the features with those of the weight that reads them. NRC4: share of the variance of the targets "
                "that a linear read-out of the features leaves. Collapsed features have 0, 1, 1 and 0.",
                _NRC_PAPER,
            ),
            "loss": ("Mean over samples of the squared or cross-entropy loss that is trained.", "agop"),
        },
        accepts={
            NetworkRecord: NetworkResult.of,
            Tracker: lambda tracker: NetworkResult.read(tracker.run),
        },
        load=NetworkRecord.load,
        data=network_data,
        summary=network_summary,
    )
)
"""Runs of ``agop train``, ``agop measure`` and trackers, and records."""
