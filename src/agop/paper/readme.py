"""A page beside the numbers of a figure: claim, command, machine, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agop.charts.chart import Chart, Grid
from agop.charts.seed_curves import seed_caption
from agop.paper.figure import Verdict
from agop.paper.figures import FIGURES
from agop.runs import Run
from agop.runs.files import write_text_atomic

__all__ = ["MARKS", "caption_of", "found_text", "run_row", "write_reproduction_readme"]

MARKS = {True: "holds", False: "does not hold", None: "undecided"}
"""What is said of a verdict."""


def write_reproduction_readme(run: Run, command: str, picture: str | None) -> Path:
    r"""Write ``README.md`` into the folder of a figure and return its path.

    Parameters
    ----------
    run
        Folder that ``agop.paper.folder.reproduce`` made.
    command
        The command that made it.
    picture
        Name of the picture in the folder, None if there is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(Path(folder, "run"), {"figure": "central-subspace", "scale": "quick"}, kind="figure")
    ...     verdict = {"claim": "The angle is below 25.", "holds": True, "numbers": {"angle": 12.5}, "note": ""}
    ...     run.record(claim="It is found.", paper="Somebody 2026", verdicts=[verdict], parts=[], notes=[], seconds=3.0)
    ...     text = write_reproduction_readme(run, "agop reproduce central-subspace", None).read_text()
    >>> print(*text.splitlines()[6:13], sep="\n")
    The paper (Somebody 2026): It is found.
    <BLANKLINE>
    Found: 1 of 1 checks holds.
    <BLANKLINE>
    | verdict | claim | found |
    |---|---|---|
    | holds | The angle is below 25. | angle = 12.5 |
    """
    info = run.info()
    settings, verdicts, machine = info["settings"], info["verdicts"], info["machine"]
    caption = caption_of(info, FIGURES[settings["figure"]].chart(run)) if picture else ""
    lines = [
        f"# {settings['figure']}, scale {settings['scale']}",
        "",
        f"```console\n$ {command}\n```",
        "",
        f"The paper ({info['paper']}): {info['claim']}",
        "",
        f"Found: {found_text(verdicts)}",
        "",
        "| verdict | claim | found |",
        "|---|---|---|",
        *(f"| {MARKS[each['holds']]} | {each['claim']} | {Verdict.told(each)} |" for each in verdicts),
        "",
        *([f"![{settings['figure']}]({picture})", "", caption, ""] if picture else []),
        "| run | training rows | seeds | seconds |",
        "|---|---|---|---|",
        *(f"| {' | '.join(run_row(part))} |" for part in info["parts"]),
        "",
        f"Machine: {machine['cpu']}, cores: {machine['cores']}, threads: {machine['threads']}"
        + (f", {', '.join(machine['gpus'])}" if machine["gpus"] else "")
        + f"; {info['seconds']:.0f} s for all runs of the figure, which other figures may share.",
        *(f"\nNote: {note}" for note in info["notes"]),
    ]
    path = run.path / "README.md"
    write_text_atomic(path, "\n".join(lines) + "\n")
    return path


def found_text(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """How many checks hold, and of the others how many do not or are undecided.

    Examples
    --------
    >>> found_text([{"holds": True}, {"holds": True}, {"holds": False}]), found_text([{"holds": True}, {"holds": None}])
    ('2 of 3 checks hold, 1 does not.', '1 of 2 checks holds, 1 is undecided.')
    """
    held, failed, undecided = (sum(verdict["holds"] is what for verdict in verdicts) for what in (True, False, None))
    told = [f"{held} of {len(verdicts)} checks {'holds' if held == 1 else 'hold'}"]
    told += [f"{failed} {'does' if failed == 1 else 'do'} not"] * (failed > 0)
    told += [f"{undecided} {'is' if undecided == 1 else 'are'} undecided"] * (undecided > 0)
    return ", ".join(told) + "."


def caption_of(info: Mapping[str, Any], chart: Chart | Grid) -> str:
    """Caption of the picture of a figure: what is drawn, the number of rows and seeds, and how seeds are drawn.

    Parameters
    ----------
    info
        ``run.json`` of the folder of the figure.
    chart
        Its chart.

    Examples
    --------
    >>> parts = [{"settings": {"samples": 2000, "seeds": [0, 1]}}, {"settings": {"per_class": 50, "seed": 0}}]
    >>> caption_of({"settings": {"figure": "none"}, "parts": parts}, Grid({}))
    'Training rows: 2,000 or 50 a class. Seeds of a run: 2 or 1.'
    """
    figure, settings = FIGURES.get(info["settings"]["figure"]), [part["settings"] for part in info["parts"]]
    panels = [panel for row in chart.rows.values() for panel in row.values()] if isinstance(chart, Grid) else []
    drawn = seed_caption(curve for panel in panels for curve in panel.curves)
    if figure is not None and figure.data is None:  # it makes its data, in a run for each seed
        return f"{figure.caption} Seeds: {len({seed for each in settings for seed in _seeds(each)})}{drawn}."
    rows, counts = map(_rows, settings), (str(len(_seeds(each))) for each in settings)
    numbers = f"Training rows: {_either(rows)}. Seeds of a run: {_either(counts)}{drawn}."
    return f"{figure.caption} {numbers}" if figure is not None and figure.caption else numbers


def _either(texts: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(texts))


def _rows(settings: Mapping[str, Any]) -> str:
    if per_class := settings.get("per_class"):
        return f"{per_class:,} a class"
    return f"{settings['samples']:,}" if settings.get("samples") else "all there are"


def _seeds(settings: Mapping[str, Any]) -> list[int]:
    return list(settings.get("seeds", [settings.get("seed")]))


def run_row(part: Mapping[str, Any]) -> list[str]:
    """Name, training rows, seeds and seconds of a run behind a figure, as they are printed."""
    settings = part["settings"]
    seeds = _seeds(settings)
    told = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return [part["name"], _rows(settings), told, f"{part['seconds']:.1f}"]
