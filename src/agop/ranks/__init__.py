"""Processes that work together: what they exchange, and how an error in one of them ends all."""

from agop.ranks.group import Ranks
from agop.ranks.leaves import leaves_of, mapped_leaves

__all__ = ["Ranks", "leaves_of", "mapped_leaves"]
