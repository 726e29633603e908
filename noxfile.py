#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The checks on every supported Python: nox sets up the interpreters, the Makefile says what is run."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"


def _make(session: nox.Session, *targets: str) -> None:
    session.run("make", *targets, *session.posargs, f"VENV={session.virtualenv.location}", external=True)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def test(session: nox.Session) -> None:
    """Run the tests and the examples in the documentation."""
    _make(session, "test")


@nox.session(python="3.11", default=False)
def lint(session: nox.Session) -> None:
    """Run ruff, typos, zizmor, mypy and import-linter."""
    _make(session, "lint", "types", "layers")


@nox.session(python="3.11", default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation."""
    _make(session, "docs")


if __name__ == "__main__":
    nox.main()
