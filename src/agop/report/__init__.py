"""Figures and one offline page that show a run."""

from agop.report.figures import save_deep_rfm_figures
from agop.report.findings import deep_rfm_findings
from agop.report.page import write_deep_rfm_report
from agop.report.reproduction import save_reproduction_picture, write_reproduction_readme

__all__ = [
    "deep_rfm_findings",
    "save_deep_rfm_figures",
    "save_reproduction_picture",
    "write_deep_rfm_report",
    "write_reproduction_readme",
]
