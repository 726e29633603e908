"""The figures of the paper, each from one command."""

from __future__ import annotations

from agop.paper.figure import SCALES, Figure, Part, Scale, Verdict
from agop.paper.figures import FIGURES, figures_named
from agop.paper.folder import reproduce
from agop.paper.kind import FIGURE_KIND
from agop.paper.picture import save_reproduction_picture
from agop.paper.readme import write_reproduction_readme
from agop.paper.training.networks import Architecture, build_network
from agop.paper.training.run import run_train, trained_network
from agop.paper.training.settings import TrainSettings

__all__ = [
    "FIGURES",
    "FIGURE_KIND",
    "SCALES",
    "Architecture",
    "Figure",
    "Part",
    "Scale",
    "TrainSettings",
    "Verdict",
    "build_network",
    "figures_named",
    "reproduce",
    "run_train",
    "save_reproduction_picture",
    "trained_network",
    "write_reproduction_readme",
]
