"""Public names, and the module of each, which is imported when the name is first used."""

from .contents import count_plots as count_plots
from .contents import document_of as document_of
from .contents import plots_of as plots_of
from .page import report as report
from .results import read_results as read_results
from .results import result_of as result_of
