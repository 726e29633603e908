"""Command line: argument parsing and printing, no arithmetic."""

from agop.cli.app import app
from agop.cli.deep_rfm import deep_rfm
from agop.cli.measure import measure

__all__ = ["app", "deep_rfm", "measure"]
