"""A figure in its folder: the runs behind it, their lines in one file, and the verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agop.datasets import STANDARDIZATIONS, Dataset, Standardization
from agop.errors import InputError
from agop.paper.figure import Figure, Observe, Part
from agop.paper.scales import Scale
from agop.runs import Run
from agop.runs.storage import write_json

__all__ = ["reproduce"]


def reproduce(
    figure: Figure,
    out: Path,
    *,
    load: Callable[[str], Dataset],
    scale: Scale = "quick",
    data: tuple[str, ...] = (),
    device: str = "auto",
    standardize: Standardization | None = None,
    observe: Observe = lambda text: None,
) -> Run:
    """Make the runs of a figure that are not there yet, and write its lines and verdicts.

    ``out/parts`` has a run folder for each part, shared by the figures; a finished one is only read, an
    interrupted one goes on. ``out/NAME`` is the run folder of the figure: ``metrics.jsonl`` has the lines of all
    parts with the columns "part" and "data" and those of the part; ``verdicts.json`` the verdicts; ``run.json`` also
    the claim, and for each part its settings and the seconds it took.

    Parameters
    ----------
    figure
        Figure to reproduce.
    out
        Folder of all figures of one scale.
    load
        Data set of a name.
    scale, data, device
        Scale, data sets and device of the runs; the data sets of the scale if none are named, a GPU if there is one.
    standardize
        Pixels that share a mean and a deviation in every run; if None a feature in Deep RFM and the theory, as
        published, and a channel in networks.
    observe
        Called with a line about the progress.

    Raises
    ------
    InputError
        If the scale, a data set or ``standardize`` is unknown or not for this figure, or the folder holds a run
        with other settings.

    Examples
    --------
    A figure that makes its data, smaller than any of its scales:

    >>> import tempfile
    >>> from dataclasses import replace
    >>> from agop.datasets import load
    >>> from agop.paper import FIGURES
    >>> figure = FIGURES["central-subspace"]
    >>> def small(scale, data, device):
    ...     part = figure.parts(scale, data, device)[0]
    ...     return [replace(part, settings=replace(part.settings, dimension=6, rows=(20, 300), iterations=2))]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = reproduce(replace(figure, parts=small), Path(folder), load=load)
    ...     verdicts, lines = run.info()["verdicts"], list(run.metrics())
    >>> [verdict["holds"] for verdict in verdicts]
    [False, False, False, True]
    >>> [round(line["angle"]) for line in lines if line["rows"] == 300 and not line["shuffled"]]
    [26, 16, 10]
    """
    names = figure.data_sets(scale, data)
    if standardize not in (None, *STANDARDIZATIONS):
        expected = f"standardize as one of {', '.join(STANDARDIZATIONS)}"
        raise InputError(expected, repr(standardize), "Choose one, or None for that of the figure.")
    if figure.data is None and standardize is not None:
        raise InputError(f"no standardization for {figure.name}", repr(standardize), "It makes its data: leave it out.")
    settings = {"figure": figure.name, "scale": scale, "data": names, "standardize": standardize}
    run = Run.create(out / figure.name, settings, kind="figure")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = [part.standardized(standardize) for part in figure.parts(scale, names, device)]
    (out / "parts").mkdir(exist_ok=True)
    finished = []
    for part in parts:
        observe(part.name)
        dataset = None if figure.data is None else load(part.data)
        finished.append(part.run(part.settings, dataset, out / "parts" / part.name, _named(observe, part.name)))
    infos = [found.info() for found in finished]
    run.rewrite(line for part, found in zip(parts, finished, strict=True) for line in _lines(figure, part, found))
    if figure.tensors:
        run.save_tensors(dict(_tensors(figure, finished)))
    run.record(
        claim=figure.claim,
        paper=figure.paper,
        budget_seconds=figure.budget,
        parts=[_summary(part, info) for part, info in zip(parts, infos, strict=True)],
        notes=list(dict.fromkeys(note for info in infos for note in info.get("notes", []))),
    )
    verdicts = [asdict(verdict) for verdict in figure.verdicts(run)]
    write_json(run.path / "verdicts.json", verdicts)
    run.record(verdicts=verdicts, seconds=sum(info["seconds"] for info in infos))
    run.finish()
    return run


def _named(observe: Observe, name: str) -> Observe:
    return lambda text: observe(f"{name}: {text}")


def _lines(figure: Figure, part: Part, run: Run) -> Iterator[dict[str, Any]]:
    """Lines of a part with its columns; of the others those that the figure keeps."""
    for line in part.lines(run):
        kept = {name: line[name] for name in figure.measures if name in line} if figure.measures else line
        yield {"part": part.name, "data": part.data, **part.columns, **kept}


def _tensors(figure: Figure, runs: list[Run]) -> Iterator[tuple[str, Tensor]]:
    """Tensors of the parts that the figure keeps, under "PART/name"."""
    for run in runs:
        for name, tensor in run.load_tensors().items():
            if re.fullmatch(figure.tensors, name):
                yield f"{run.path.name}/{name}", tensor


def _summary(part: Part, info: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": part.name,
        "settings": asdict(part.settings),
        "seconds": info["seconds"],
        "machine": info["machine"],
    }
