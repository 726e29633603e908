"""Result of a measured network, as reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agop.charts.kind import nothing_measured
from agop.collapse.lines import checked_lines
from agop.errors import DataFileError
from agop.network.output_layer import output_layer
from agop.network.record import NetworkRecord
from agop.network.record.tables import rows_text
from agop.network.tracked_run import whole_lines
from agop.runs import Line, Run, TrainingFit, distinct, last_measured, select, values_of, with_columns
from agop.runs.storage import strict_json

__all__ = ["NetworkResult", "rows_caption"]


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """A network, measured once or while it learned.

    Attributes
    ----------
    name
        Name of the run in this report.
    info
        ``run.json``; at least "settings".
    lines
        ``metrics.jsonl``: each line has "seed", "epoch", "layer" and "stage"; of one measurement both are 0.
    record
        Record of the last measurement of the first seed; None if only numbers are there.
    epochs
        ``epochs.jsonl``: running loss and accuracy of every epoch; may be empty.
    unit
        Unit of "epoch", "epoch" or "step".
    """

    name: str
    info: Mapping[str, Any]
    lines: Sequence[Line]
    record: NetworkRecord | None = None
    epochs: Sequence[Line] = ()
    unit: str = "epoch"

    @classmethod
    def read(cls, run: Run) -> NetworkResult:
        """Result of a folder of a training, of a tracker or of one measurement."""
        info = run.info()
        lines = with_columns(_lines(run, info), "layer", "stage")
        lines = checked_lines(distinct(lines, run.path, "seed", "epoch", "step", "layer", "stage"), run.path)
        if not lines:
            raise nothing_measured(run)
        unit = "step" if "step" in lines[0] and "epoch" not in lines[0] else "epoch"
        accuracy = {_accuracy_column(info): info["accuracy"]} if "accuracy" in info else {}
        wanted = [{**accuracy, **line, "seed": line.get("seed", 0), "epoch": line.get(unit, 0)} for line in lines]
        files = [run.path / "network.safetensors", *sorted(run.path.glob("seed*/network.safetensors"), key=_seed)]
        file = next((Run(file.parent).tensors_file(file.name) for file in files if file.exists()), None)
        record = None if file is None else NetworkRecord.load(file)
        return cls(run.name, info, wanted, record, _epochs(run), unit)

    @classmethod
    def of(cls, record: NetworkRecord, run: Run | None = None) -> NetworkResult:
        """Result of a record in hand, and of the run that made it where there is one."""
        info: Mapping[str, Any] = {"settings": record.settings, "notes": list(record.notes)}
        info = info if run is None else run.info()
        lines = [{"seed": 0, "epoch": 0, _accuracy_column(info): record.accuracy, **line} for line in record.lines()]
        return cls("network" if run is None else run.name, info, lines, record)

    @cached_property
    def last(self) -> list[Line]:
        """Lines of the last measurement of each seed."""
        return last_measured(self.lines)

    @property
    def rows(self) -> str:
        """Text on the rows that were measured, such as "each of 40 to 360 rows"; empty if that is not known."""
        settings = self.info["settings"]
        mode = settings.get("rows") or settings.get("measure_rows")
        mode = self.record.settings.get("rows") if mode is None and self.record is not None else mode
        return rows_text(mode, values_of(self.last, "n_rows"))

    def fit(self) -> TrainingFit:
        """Fit of the worst seed at its last measurement; where that is known, against the most frequent class."""
        majority = self.info.get("majority", 0.0) if self.record is None else self.record.samples.majority
        return self._out_of_reach() or TrainingFit.of(self.lines, majority=majority)

    def _out_of_reach(self) -> TrainingFit | None:
        """Fit of a regression that no weights of its last, linear layer would fit; None of any other."""
        last, is_test = self.last, _accuracy_column(self.info) == "test_accuracy"
        layer = None if is_test else output_layer(last)
        lines = [] if layer is None else select(last, stage="input", layer=layer)
        left = [line["nrc4_prediction_error"] for line in lines if line.get("nrc4_prediction_error") is not None]
        fit = TrainingFit("read_out", 1 - max(left)) if left else TrainingFit()
        return fit if fit.fitted is False else None


def rows_caption(results: Sequence[NetworkResult]) -> str:
    """Sentence on the rows that were measured, to end a caption; empty if they are not known."""
    known = {result.name: result.rows for result in results if result.rows}
    same = len(known) == len(results) and len(set(known.values())) == 1
    texts = [results[0].rows] if same else [f"{name}: {rows}" for name, rows in known.items()]
    return f"Measured: {'; '.join(texts)}." if texts else ""


def _accuracy_column(info: Mapping[str, Any]) -> str:
    """Column of the accuracy on the measured rows, by whether these are test rows."""
    return "test_accuracy" if info["settings"].get("test") else "accuracy"


def _lines(run: Run, info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines of a run; of a training that goes on those of its seeds, which it gathers at the end of each."""
    seeds = {} if info.get("finished") else {_seed(file): Run(file.parent) for file in run.path.glob("seed*/run.json")}
    if not seeds:
        return whole_lines(run)
    gathered = [line for line in run.metrics() if line.get("seed") not in seeds]
    found = ({"seed": seed, **line} for seed, each in sorted(seeds.items()) for line in whole_lines(each))
    return [*gathered, *found]


def _epochs(run: Run) -> list[dict[str, Any]]:
    contents = run.contents("epochs.jsonl")
    try:
        return [dict(strict_json(line)) for line in contents.splitlines()]
    except (RecursionError, TypeError, ValueError) as error:
        raise DataFileError(
            f"{run.path / 'epochs.jsonl'} to hold JSON objects", str(error), "Remove or mend it."
        ) from error


def _seed(file: Path) -> int:
    """Seed of the folder of a file, such as seed3/run.json."""
    digits = file.parent.name.removeprefix("seed")
    return int(digits) if digits.isdecimal() else 0
