"""Charts, documents, pages and figures for print; no subject is known here."""

from __future__ import annotations

from agop.charts.page.html import write_page
from agop.charts.print.figures import save_figures

__all__ = ["save_figures", "write_page"]
