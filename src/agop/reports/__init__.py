"""One page for people from runs, records and models: their kind is asked for plots, findings and numbers."""

from agop.reports.contents import document_of, plots_of
from agop.reports.page import report
from agop.reports.results import read_results, result_of

__all__ = ["document_of", "plots_of", "read_results", "report", "result_of"]
