"""Figures as a kind of run: reports are of the runs behind a figure."""

from __future__ import annotations

from typing import NoReturn

from agop.charts.document import NumberTable
from agop.charts.kind import Kind, register
from agop.errors import InputError
from agop.runs import Run

__all__ = ["FIGURE_KIND"]


def _read(run: Run) -> NoReturn:
    advice = "Take one of the runs in the folder parts beside it; the figure itself has a README.md."
    raise InputError(f"{run.path} to hold one run", "a figure of agop reproduce", advice)


FIGURE_KIND = register(
    Kind(
        "figure",
        "figure",
        Run,
        _read,
        plots=lambda results: [],
        findings=lambda results: [],
        table=lambda result: NumberTable("", [], []),
        heading=lambda result: "",
    )
)
"""Folders of ``agop reproduce``, which say where to look."""
