"""Command line: argument parsing and printing, no arithmetic; a module a command, which registers with ``app``."""

from agop.cli.app import app

__all__ = ["app"]
