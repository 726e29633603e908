"""Public names, and the module of each, which is imported when the name is first used."""

from .files import load as load
from .files import save as save
