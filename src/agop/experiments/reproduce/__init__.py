"""Figures of the paper, each from one command: the runs behind it, and verdicts computed from them."""

from agop.experiments.reproduce.figure import SCALES, Figure, Part, Scale, Verdict
from agop.experiments.reproduce.folder import reproduce
from agop.experiments.reproduce.registry import FIGURES, figures_named

__all__ = ["FIGURES", "SCALES", "Figure", "Part", "Scale", "Verdict", "figures_named", "reproduce"]
