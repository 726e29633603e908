"""Run folder of a network that is measured while it trains."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agop.errors import DataFileError
from agop.network.indices import Indices
from agop.network.record import NetworkRecord
from agop.ranks import Ranks
from agop.runs import Run

__all__ = ["TrackedRun", "whole_lines"]


def whole_lines(run: Run) -> list[dict[str, Any]]:
    """Lines of the measurements that a tracker wrote as a whole; all lines of a run that has none.

    Raises
    ------
    DataFileError
        If the run does not say how many these are, as those of other versions.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(folder, {"unit": "epoch"}, kind="network")
    ...     run.append([{"epoch": 0, "layer": "fc"}, {"epoch": 1, "layer": "fc"}])
    ...     run.record(measured={"lines": 1, "seconds": 0.5})
    ...     whole_lines(run)
    [{'epoch': 0, 'layer': 'fc'}]
    """
    info = run.info()
    tracked = "unit" in info["settings"]
    return run.metrics()[: _measured(info).get("lines", 0)] if tracked else run.metrics()


def _measured(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lines of whole measurements, and seconds of the last one, as a tracker noted them."""
    measured = info.get("measured", {})
    if not isinstance(measured, dict) or not isinstance(measured.get("lines", 0), int):
        raise DataFileError(
            "run.json to count the lines that were measured", repr(measured)[:80], "Measure into a new folder."
        )
    return measured


def _indices_of(lines: Sequence[Mapping[str, Any]], unit: str, run: Run) -> Indices:
    """Indices of the lines of a run; DataFileError if one has none that a training can have."""
    try:
        return Indices(line[unit] for line in lines)
    except (KeyError, ValueError) as error:
        expected = f"an integer {unit} in each line of {run.path / 'metrics.jsonl'}"
        raise DataFileError(expected, str(error), "Measure into a new folder.") from error


class TrackedRun:
    """Run folder of the measurements of a training: the first rank writes it, and all know what it has.

    A folder of the same settings goes on: whole measurements are kept, and one of which only a part was written is
    dropped.

    Parameters
    ----------
    out
        The folder.
    unit
        Name of the column of the index.
    settings, execution
        Options that decide what is found, and others.
    ranks
        Processes that make the same calls.

    Attributes
    ----------
    run
        The run folder.
    writes
        Whether this process writes it.
    measured
        Indices that were measured.
    seconds
        Seconds of the last measurement; None before the first.
    postponed
        Sentence on measurements that were postponed; None if none was.

    Raises
    ------
    InputError
        If the folder holds other files, or a run with other settings.
    DataFileError
        If the lines of a run in the folder do not have its index.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        unit: str,
        settings: Mapping[str, Any],
        execution: Mapping[str, Any],
        ranks: Ranks,
    ) -> None:
        self._unit, self.writes = unit, ranks.rank == 0
        self.run = Run.create(out, settings, kind="network") if self.writes else Run(Path(out))
        if self.writes:
            self.run.record(execution=execution)
        lines = whole_lines(self.run) if self.writes else []
        found = (self.run.info(), _indices_of(lines, unit, self.run), len(lines)) if self.writes else None
        known = ranks.exchange(found)[0]
        assert known is not None  # noqa: S101 - the first rank writes
        info, self.measured, self._n_lines = known
        self._total = info.get("seconds", 0.0)
        self.seconds: float | None = _measured(info).get("seconds")
        self.postponed: str | None = info.get("postponed")
        if self.writes:
            self.run.rewrite(lines)

    def append(self, lines: Sequence[Mapping[str, Any]], record: NetworkRecord | None) -> None:
        """Write the lines of a measurement, and its record in place of the one before if there is one."""
        if not self.writes:
            return
        if record is not None:
            record.save(self.run.path / "network.safetensors")
        self.run.append(lines)
        self._n_lines += len(lines)

    def complete(self, index: int, seconds: float, notes: Sequence[str], majority: float) -> None:
        """Mark what was appended as a whole measurement, with the share of the most frequent class of its samples."""
        self.measured.add(index)
        self.seconds, self._total = seconds, self._total + seconds
        if self.writes:
            measured = {"lines": self._n_lines, "seconds": seconds}
            notes = [*notes, *filter(None, [self.postponed])]
            self.run.record(measured=measured, seconds=self._total, notes=notes, majority=majority)

    def postpone(self, index: int) -> None:
        """Say once that measurements are postponed."""
        if self.postponed is None:
            self.postponed = (
                "measurements that would take more than their share of the time are postponed, the first at "
                f"{self._unit} {index}; time_share=None lifts the limit"
            )
            if self.writes:
                self.run.record(postponed=self.postponed, notes=[*self.run.info().get("notes", []), self.postponed])

    def finish(self) -> None:
        """Note the end of the training."""
        if self.writes:
            self.run.finish()
