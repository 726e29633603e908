"""The picture of a reproduced figure, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from agop.charts.print.log_ticks import label_logarithms
from agop.charts.print.style import write_figure
from agop.errors import InputError
from agop.paper.drawings.deep_rfm import draw_deep_rfm_gram, draw_deep_rfm_maps, draw_deep_rfm_metrics
from agop.paper.drawings.networks import draw_initialization, draw_network_attribution, draw_network_nfa
from agop.paper.drawings.theory import draw_theory_kernel_learning, draw_theory_recursion
from agop.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DRAWINGS", "RASTERS", "save_reproduction_picture"]

DRAWINGS: Mapping[str, Callable[[Run], Figure]] = MappingProxyType(
    {
        "deep-rfm-metrics": draw_deep_rfm_metrics,
        "deep-rfm-maps": draw_deep_rfm_maps,
        "deep-rfm-gram": draw_deep_rfm_gram,
        "network-attribution": draw_network_attribution,
        "network-nfa": draw_network_nfa,
        "initialization": draw_initialization,
        "theory-recursion": draw_theory_recursion,
        "theory-kernel-learning": draw_theory_kernel_learning,
    }
)
"""Drawing of each figure."""

RASTERS = ("deep-rfm-gram",)
"""Figures made of pixels, which are written as PNG too."""


def save_reproduction_picture(run: Run) -> str:
    """Write ``figure.svg``, and ``figure.png`` for pictures made of pixels; return the name of the smaller file.

    Raises
    ------
    InputError
        If the folder is not of a figure that can be drawn.
    MissingExtraError
        If matplotlib is not installed.
    """
    name = run.info()["settings"].get("figure")
    if name not in DRAWINGS:
        raise InputError(f"a figure out of {', '.join(DRAWINGS)}", repr(name), "Make it with agop reproduce.")
    figure = DRAWINGS[name](run)
    label_logarithms(figure)
    write_figure(figure, run.path / "figure.svg")
    if name not in RASTERS:
        return "figure.svg"
    write_figure(figure, run.path / "figure.png", dpi=110)
    return "figure.png"
