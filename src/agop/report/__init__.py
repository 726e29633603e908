"""Figures and one offline page that show a run."""

from agop.report.figures import save_deep_rfm_figures
from agop.report.findings import deep_rfm_findings
from agop.report.page import write_deep_rfm_report

__all__ = ["deep_rfm_findings", "save_deep_rfm_figures", "write_deep_rfm_report"]
