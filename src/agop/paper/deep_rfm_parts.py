"""Deep RFM at the three scales: the runs that several figures share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from agop.datasets import Dataset
from agop.deep_rfm import DeepRFMRecord, DeepRFMSettings, run_deep_rfm
from agop.paper.curves import number
from agop.paper.figure import Observe, Part, Scale
from agop.runs import Run

__all__ = ["FEATURES", "MAPS", "Size", "deep_rfm_part", "deep_rfm_settings", "sizes"]

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


@dataclass(frozen=True)
class Size:
    """Size of a run of Deep RFM.

    Attributes
    ----------
    cosine_width
        Number of cosine features; as many as the data have features if None, as in the published scripts.
    """

    samples: int | None
    test_samples: int | None
    depth: int
    width: int
    cosine_width: int | None
    seeds: tuple[int, ...]
    dtype: Literal["float64", "float32"] = "float64"


def sizes(scale: Scale) -> Size:
    """Quick: 500 rows, quarter width, one seed. Cpu: 2,000 rows. Paper: all rows there are, in float32."""
    return {
        "quick": Size(500, 360, 12, 128, 128, (0,)),
        "cpu": Size(2000, 1000, 12, 1024, 1024, (0, 1)),
        "paper": Size(None, None, 20, 1024, None, (0, 1, 2), "float32"),
    }[scale]


def deep_rfm_settings(
    scale: Scale, data: str, features: str, device: str, *, shuffled: bool = False
) -> DeepRFMSettings:
    """Deep RFM with the paper's kernel (Laplace, L = 2, no ridge), one of ``MAPS``, and the control without the AGOP.

    With ``shuffled`` the labels are in a random order, and there is no control.
    """
    size = sizes(scale)
    cosine_width = size.cosine_width or _DIMENSIONS.get(data, size.width)
    published = DeepRFMSettings(
        data=data,
        samples=size.samples,
        test_samples=size.test_samples,
        depth=size.depth,
        width=size.width if features == "relu" else cosine_width,
        gamma=_GAMMAS.get(data, 0.1),
        seeds=size.seeds,
        control=not shuffled,
        permute_labels=shuffled,
        dtype=size.dtype,
        device=device,
    )
    return replace(published, **MAPS[features])


def deep_rfm_part(scale: Scale, data: str, features: str, device: str, *, shuffled: bool = False) -> Part:
    """Run of ``deep_rfm_settings``."""
    settings = deep_rfm_settings(scale, data, features, device, shuffled=shuffled)
    name = f"deep-rfm-{data}-{features}{'-shuffled' if shuffled else ''}"
    return Part(name, data, {"features": features, "shuffled": shuffled}, settings, _run)


def _run(settings: DeepRFMSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    def layer(control: bool, seed: int, record: DeepRFMRecord) -> None:
        collapse: Any = record.stages["input"].collapse
        nc1 = number(None if collapse is None else collapse.nc1_trace_ratio)
        observe(f"{'control, ' if control else ''}seed {seed}, layer {record.layer}: NC1 {nc1}")

    return run_deep_rfm(settings, dataset, out, layer)
