"""Deep RFM at the three scales: the runs that several figures share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agop.charts.findings import number_text
from agop.datasets import Dataset
from agop.deep_rfm import DeepRFMRecord, DeepRFMSettings, run_deep_rfm
from agop.paper.figure import Observe, Part
from agop.paper.scales import Scale
from agop.runs import Run

__all__ = ["FEATURES", "MAPS", "SIZES", "deep_rfm_part", "deep_rfm_settings"]

FEATURES = ("relu", "cosine")
"""Random maps of the published experiments."""

MAPS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "relu": {"features": "relu"},
        "cosine": {"features": "cosine"},
        "cosine-row-norm": {"features": "cosine", "gamma": 0.02, "agop_scale": "row-norm"},
        "gaussian": {"features": "cosine-gaussian", "features_bandwidth": 2.0},
        "gaussian-row-norm": {"features": "cosine-gaussian", "features_bandwidth": 0.7, "agop_scale": "row-norm"},
    }
)
"""Random maps, the published ones first, and the settings that make them."""

_DIMENSIONS = {"digits": 64, "mnist": 784, "fashion_mnist": 784, "cifar10": 3072, "svhn": 3072}
_GAMMAS = {"digits": 0.05, "mnist": 0.05, "fashion_mnist": 0.05}


SIZES: Mapping[Scale, DeepRFMSettings] = MappingProxyType(
    {
        "quick": DeepRFMSettings(samples=500, test_samples=360, width=128),
        "cpu": DeepRFMSettings(samples=2000, test_samples=1000, seeds=(0, 1)),
        "paper": DeepRFMSettings(depth=20, seeds=(0, 1, 2), dtype="float32"),
    }
)
"""Size of the runs. Quick: 500 rows, 128 features, one seed. Cpu: 2,000 rows. Paper: all rows there are, in float32."""


def deep_rfm_settings(
    scale: Scale, data: str, features: str, device: str, *, shuffled: bool = False
) -> DeepRFMSettings:
    """Deep RFM with the paper's kernel (Laplace, L = 2, no ridge), one of ``MAPS``, and the control without the AGOP.

    With ``shuffled`` the labels are in a random order, and there is no control. At the scale of the paper there are as
    many cosine features as the data have, as in the published scripts.
    """
    size = SIZES[scale]
    as_wide = scale == "paper" and features != "relu"
    published: dict[str, Any] = {
        "data": data,
        "width": _DIMENSIONS.get(data, size.width) if as_wide else size.width,
        "gamma": _GAMMAS.get(data, 0.1),
        "control": not shuffled,
        "permute_labels": shuffled,
        "device": device,
    }
    return replace(size, **{**published, **MAPS[features]})


def deep_rfm_part(scale: Scale, data: str, features: str, device: str, *, shuffled: bool = False) -> Part:
    """Run of ``deep_rfm_settings``."""
    settings = deep_rfm_settings(scale, data, features, device, shuffled=shuffled)
    name = f"deep-rfm-{data}-{features}{'-shuffled' if shuffled else ''}"
    return Part(name, data, {"features": features, "shuffled": shuffled}, settings, _run)


def _run(settings: DeepRFMSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    def layer(control: bool, seed: int, record: DeepRFMRecord) -> None:
        collapse: Any = record.stages["input"].collapse
        nc1 = number_text(None if collapse is None else collapse.nc1_trace_ratio)
        observe(f"{'control, ' if control else ''}seed {seed}, layer {record.layer}: NC1 {nc1}")

    return run_deep_rfm(settings, dataset, out, layer)
