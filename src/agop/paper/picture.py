"""The picture of a reproduced figure: its chart, drawn for print."""

from __future__ import annotations

from agop.charts.chart import Grid
from agop.charts.print.figures import save_charts
from agop.errors import InputError
from agop.paper.figures import FIGURES
from agop.runs import Run

__all__ = ["save_reproduction_picture"]


def save_reproduction_picture(run: Run) -> str:
    """Write ``figure.svg``, and ``figure.png`` for pictures made of pixels; return the name of the smaller file.

    Raises
    ------
    InputError
        If the folder is not of a figure that can be drawn.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> lines = [{"seed": 1, "rows": n, "iteration": 0, "shuffled": s} for n in (100, 200) for s in (False, True)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(Path(folder, "run"), {"figure": "central-subspace"}, kind="figure")
    ...     run.rewrite({**line, "angle": 2000 / line["rows"], "test_error": 0.5} for line in lines)
    ...     name = save_reproduction_picture(run)
    ...     name, (run.path / name).read_text()[:5]
    ('figure.svg', '<?xml')
    """
    name = run.info()["settings"].get("figure")
    if name not in FIGURES:
        raise InputError(f"a figure out of {', '.join(FIGURES)}", repr(name), "Make it with agop reproduce.")
    chart = FIGURES[name].chart(run)
    files = ["figure.svg"] if isinstance(chart, Grid) else ["figure.svg", "figure.png"]
    for file in files:
        save_charts([chart], run.path / file)
    return files[-1]
