"""Processes that work together: what they exchange, and how an error in one of them ends all.

All that is sent between processes goes through this room. What many processes compute asks
:class:`~agop.ranks.Ranks` for sums, for the outlines of what the others hold and for shares of the work, and
:class:`~agop.ranks.Panels` for its rows of a matrix over pairs; a process alone asks for the same, and nothing is
sent. It knows no statistic, model or file, and imports the errors alone.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in __init__.pyi
