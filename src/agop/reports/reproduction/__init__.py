"""Pictures and a page for the figures that ``agop reproduce`` makes."""

from agop.reports.reproduction.picture import save_reproduction_picture
from agop.reports.reproduction.readme import write_reproduction_readme

__all__ = ["save_reproduction_picture", "write_reproduction_readme"]
