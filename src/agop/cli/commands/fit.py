"""Options of ``agop fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agop.cli.app import app
from agop.cli.options import settings_as_options
from agop.tables import FitSettings

__all__ = ["fit"]


@app.command("fit")
@settings_as_options("table")
def fit(
    settings: FitSettings,
    out: Annotated[Path, typer.Option(help="Model file, by custom .safetensors; replaced if it exists.")],
) -> None:
    """Fit a recursive feature machine to a table, all other columns as they are, and write it to OUT.

    Kernel, bandwidth, ridge, power and iterate are chosen by left-out predictions. Rows without a target are left out.
    Processes that torchrun starts share the matrices over pairs of rows, and the first writes.
    """
    from agop.cli.fit import fit

    fit(settings, out)
