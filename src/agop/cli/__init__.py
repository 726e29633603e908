"""Command line: argument parsing and printing, no arithmetic."""

from agop.cli.app import app
from agop.cli.deep_rfm import deep_rfm
from agop.cli.explain import explain_model
from agop.cli.figures import figures
from agop.cli.fit import fit
from agop.cli.measure import measure
from agop.cli.predict import predict
from agop.cli.report import report
from agop.cli.reproduce import reproduce
from agop.cli.train import train

__all__ = ["app", "deep_rfm", "explain_model", "figures", "fit", "measure", "predict", "report", "reproduce", "train"]
