"""Command line: argument parsing and printing, no arithmetic; a module a command, which registers with ``app``."""

from agop.cli import conv_rfm, deep_rfm, explain, figures, fit, measure, merge, predict, report, reproduce, train
from agop.cli.app import app

__all__ = [
    "app",
    "conv_rfm",
    "deep_rfm",
    "explain",
    "figures",
    "fit",
    "measure",
    "merge",
    "predict",
    "report",
    "reproduce",
    "train",
]
