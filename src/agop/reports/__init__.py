"""Pages, figures and sentences that show a run."""

from agop.reports.deep_rfm_findings import deep_rfm_findings
from agop.reports.drawing import save_figures
from agop.reports.page import write_page
from agop.reports.reproduction import save_reproduction_picture, write_reproduction_readme
from agop.reports.sources import read_results
from agop.reports.write import document_of, plots_of, report

__all__ = [
    "deep_rfm_findings",
    "document_of",
    "plots_of",
    "read_results",
    "report",
    "save_figures",
    "save_reproduction_picture",
    "write_page",
    "write_reproduction_readme",
]
