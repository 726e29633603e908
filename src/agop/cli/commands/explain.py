"""Options of ``agop explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.charts.print.style import SUFFIXES
from agop.cli.app import app
from agop.cli.options import settings_as_options
from agop.tables import ExplainSettings

__all__ = ["explain"]


@app.command("explain")
@settings_as_options("model", "table")
def explain(
    settings: ExplainSettings,
    out: Annotated[Path | None, typer.Option(help=f"Picture: {', '.join(SUFFIXES)}.")] = None,
    run: Annotated[Path | None, typer.Option(help="Folder for the numbers; an unfinished one is continued.")] = None,
) -> None:
    """Say which columns matter, which pairs of them interact, and along which directions the prediction is steep.

    With --run it is written into a folder, run.json, explanation.json and report.html; with --folds also the error of
    a cross-validation, metrics.jsonl.
    """
    from agop.cli.explain import explain_model

    explain_model(settings, out, run)
