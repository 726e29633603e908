"""Public names, and the module of each, which is imported when the name is first used."""

from .page.html import write_page as write_page
from .print.figures import save_figures as save_figures
