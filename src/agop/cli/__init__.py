"""Command line: argument parsing and printing, no arithmetic."""

from agop.cli.app import app
from agop.cli.deep_rfm import deep_rfm
from agop.cli.explain import explain_model
from agop.cli.fit import fit
from agop.cli.measure import measure
from agop.cli.predict import predict
from agop.cli.reproduce import reproduce
from agop.cli.train import train

__all__ = ["app", "deep_rfm", "explain_model", "fit", "measure", "predict", "reproduce", "train"]
