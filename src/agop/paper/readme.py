"""A page beside the numbers of a figure: claim, command, machine, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agop.paper.figure import Verdict
from agop.runs import Run
from agop.runs.files import write_text_atomic

__all__ = ["write_reproduction_readme"]

_MARKS = {True: "holds", False: "does not hold", None: "undecided"}


def write_reproduction_readme(run: Run, command: str, picture: str | None) -> Path:
    """Write ``README.md`` into the folder of a figure and return its path.

    Parameters
    ----------
    run
        Folder that ``agop.paper.folder.reproduce`` made.
    command
        The command that made it.
    picture
        Name of the picture in the folder, None if there is none.
    """
    info = run.info()
    settings, verdicts = info["settings"], info["verdicts"]
    machine = info["machine"]
    held, failed, open_ = (sum(v["holds"] is what for v in verdicts) for what in (True, False, None))
    lines = [
        f"# {settings['figure']}, scale {settings['scale']}",
        "",
        f"```console\n$ {command}\n```",
        "",
        f"The paper ({info['paper']}): {info['claim']}",
        "",
        f"Found: {held} of {len(verdicts)} checks hold, {failed} do not"
        + (f", {open_} are undecided." if open_ else "."),
        "",
        "| verdict | claim | found |",
        "|---|---|---|",
        *(f"| {_MARKS[each['holds']]} | {each['claim']} | {Verdict.told(each)} |" for each in verdicts),
        "",
        *([f"![{settings['figure']}]({picture})", ""] if picture else []),
        "| run | training rows | seeds | seconds |",
        "|---|---|---|---|",
        *(_row(part) for part in info["parts"]),
        "",
        f"Machine: {machine['cpu']}, cores: {machine['cores']}, threads: {machine['threads']}"
        + (f", {', '.join(machine['gpus'])}" if machine["gpus"] else "")
        + f"; {info['seconds']:.0f} s for all runs of the figure, which other figures may share.",
        *(f"\nNote: {note}" for note in info["notes"]),
    ]
    path = run.path / "README.md"
    write_text_atomic(path, "\n".join(lines) + "\n")
    return path


def _row(part: Mapping[str, Any]) -> str:
    settings = part["settings"]
    per_class = settings.get("per_class")
    rows = f"{per_class} a class" if per_class else settings.get("samples") or "all there are"
    seeds = ", ".join(map(str, settings.get("seeds", [settings.get("seed")])))
    return f"| {part['name']} | {rows} | {seeds} | {part['seconds']:.1f} |"
