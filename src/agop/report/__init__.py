"""One page for people from runs, records and models."""

from __future__ import annotations

from agop.report.sources import read_results
from agop.report.write import document_of, plots_of, report

__all__ = ["document_of", "plots_of", "read_results", "report"]
