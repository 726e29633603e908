"""Command line: parsing in ``commands``, work and printing in a module a command, no arithmetic."""

from agop.cli.app import app

__all__ = ["app"]
