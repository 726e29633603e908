"""Processes that work together: what they exchange, and how an error in one of them ends all.

All that is sent between processes goes through this room. What many processes compute asks
:class:`~agop.ranks.Ranks` for sums, for the outlines of what the others hold and for shares of the work, and
:class:`~agop.ranks.Panels` for its rows of a matrix over pairs; a process alone asks for the same, and nothing is
sent. It knows no statistic, model or file, and imports the errors alone.
"""

from agop.ranks.agreement import require_same
from agop.ranks.group import ALONE, Ranks
from agop.ranks.launch import is_writer, launched_group, local_device
from agop.ranks.leaves import leaves_of, mapped_leaves
from agop.ranks.panels import Panels
from agop.ranks.turns import added_in_turn

__all__ = [
    "ALONE",
    "Panels",
    "Ranks",
    "added_in_turn",
    "is_writer",
    "launched_group",
    "leaves_of",
    "local_device",
    "mapped_leaves",
    "require_same",
]
