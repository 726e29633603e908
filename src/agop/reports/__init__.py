"""Figures and one offline page that show a run."""

from agop.reports.figures import save_deep_rfm_figures
from agop.reports.findings import deep_rfm_findings
from agop.reports.page import write_deep_rfm_report
from agop.reports.reproduction import save_reproduction_picture, write_reproduction_readme

__all__ = [
    "deep_rfm_findings",
    "save_deep_rfm_figures",
    "save_reproduction_picture",
    "write_deep_rfm_report",
    "write_reproduction_readme",
]
