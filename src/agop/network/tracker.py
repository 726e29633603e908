"""Measure a network again and again while it trains, within a share of the time."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from torch import Tensor, nn

from agop.errors import InputError
from agop.network.measure import measure
from agop.network.options import MeasureOptions
from agop.network.record import NetworkRecord
from agop.runs import Run
from agop.runs.storage import JSON, to_json

__all__ = ["Tracker", "Unit"]

Unit: TypeAlias = Literal["epoch", "step"]
"""Unit of the index of a training loop."""


class Tracker:
    r"""Measurements of a network during training, kept in a run folder.

    A measurement is due at every ``every``-th index. With s the seconds spent on measurements so far, d those of the
    last one and t those since the tracker was made, it takes place if

    .. math:: s + d \le \mathrm{time\_share} \cdot (t + d),

    and is postponed to the next step where that holds otherwise. The first one always takes place.

    ``metrics.jsonl`` of the folder has a line for each measurement, layer and stage, with the accuracy on the rows that
    were measured unless a scalar of that name is given; ``run.json`` has the settings, the seconds of each measurement
    and the notes of the last one; ``network.safetensors``, if it is asked for, the record of the last one. A tracker in
    the folder of an earlier one with the same settings goes on there: what was measured is kept and not measured again,
    and a measurement of which only a part was written is dropped.

    Parameters
    ----------
    model, loader
        Model and batches, as for :func:`~agop.network.measure`.
    out
        Folder of the run: a new one, or that of an earlier session.
    unit
        Name of the column of the index.
    every
        A measurement is due where the index is a multiple of this.
    time_share
        Largest share of the time that measurements may take, 0 < share <= 1; no limit if None.
    resume
        Whether the folder may hold a run.
    keep_record
        Whether to write the record of every measurement as ``network.safetensors``, in place of the one before. The
        eigenvectors of the AGOPs make it several times as large as the weights.
    **options
        Options of :class:`~agop.network.MeasureOptions` by name.

    Attributes
    ----------
    run
        The run folder.
    lines
        Lines of the last measurement, as they were written.

    Raises
    ------
    InputError
        If an argument is out of range, or the folder holds other files or a run with other settings.
    TypeError
        If there is no option of a name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> inputs, labels = torch.randn(40, 3), torch.arange(40) % 2
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tracker = Tracker(model, [(inputs, labels)], Path(folder, "run"), every=2, time_share=None)
    ...     for epoch in range(5):
    ...         loss = nn.functional.cross_entropy(model(inputs), labels)
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    ...         record = tracker.step(epoch, loss=loss)
    ...     tracker.finish()
    ...     lines = tracker.run.metrics()
    >>> sorted({line["epoch"] for line in lines}), lines[0]["layer"], lines[0]["stage"]
    ([0, 2, 4], '0', 'input')
    """

    def __init__(
        self,
        model: nn.Module,
        loader: Iterable[Any],
        out: str | os.PathLike[str],
        *,
        unit: Unit = "epoch",
        every: int = 1,
        time_share: float | None = 0.1,
        resume: bool = True,
        keep_record: bool = False,
        **options: Any,
    ) -> None:
        _check(unit, every, time_share)
        self._model, self._loader, self._options = model, loader, MeasureOptions(**options)
        self._unit, self._every, self._time_share, self._keep_record = unit, every, time_share, keep_record
        self._last: float | None = None
        self._spent = 0.0
        self._due = False
        found, execution = self._options.as_settings()
        self.run = Run.create(out, {"unit": unit, "every": every, **found}, resume, kind="network")
        self.run.record(execution={"time_share": time_share, **execution})
        self._measured: dict[int, float] = {part[unit]: part["seconds"] for part in self.run.info().get("measured", [])}
        self.run.rewrite(line for line in self.run.metrics() if line.get(unit) in self._measured)
        self.lines: list[dict[str, Any]] = []
        self._begin = time.monotonic()

    def step(self, index: int, **scalars: float | Tensor | None) -> NetworkRecord | None:
        """Measure the network if that is due and fits, and write what was found.

        Parameters
        ----------
        index
            Number of the epoch or step that has just ended.
        **scalars
            Further numbers for the lines, such as the loss; tensors of one element are read only if they are needed.

        Returns
        -------
        NetworkRecord or None
            None if there was no measurement: not due, postponed, or made in an earlier session.

        Raises
        ------
        InputError
            If the network cannot be measured, see :func:`~agop.network.measure`, or a scalar has the name of a column.
        """
        index = operator.index(index)
        if index in self._measured:
            return None
        self._due = self._due or index % self._every == 0
        if not self._due or not self._fits():
            return None
        begin = time.monotonic()
        columns = {
            name: to_json(value.item() if isinstance(value, Tensor) else value) for name, value in scalars.items()
        }
        record = measure(self._model, self._loader, self._options)
        self.lines = self._lines(record, index, columns)
        if self._keep_record:
            record.save(self.run.path / "network.safetensors")
        self.run.append(self.lines)
        self._due = False
        self._last = self._measured[index] = time.monotonic() - begin
        self._spent += self._last
        measured = [{self._unit: index, "seconds": seconds} for index, seconds in self._measured.items()]
        seconds, notes = sum(self._measured.values()), list(record.notes)
        self.run.record(measured=measured, seconds=seconds, notes=notes)  # last: marks the lines as complete
        return record

    def finish(self) -> None:
        """Note the end of the training in ``run.json``."""
        self.run.finish()

    def _fits(self) -> bool:
        """Whether one more measurement as long as the last keeps to the share of the time."""
        if self._time_share is None or self._last is None:
            return True
        elapsed = time.monotonic() - self._begin
        return self._spent + self._last <= self._time_share * (elapsed + self._last)

    def _lines(self, record: NetworkRecord, index: int, columns: Mapping[str, JSON]) -> list[dict[str, Any]]:
        lines = list(record.lines())
        taken = {self._unit}.union(*lines) & columns.keys() if lines else {self._unit} & columns.keys()
        if taken:
            raise InputError(
                "scalars with names of their own",
                ", ".join(sorted(taken)),
                'Rename them, for example "train_accuracy".',
            )
        accuracy = columns.get("accuracy", record.accuracy)
        return [{self._unit: index, **columns, "accuracy": accuracy, **line} for line in lines]


def _check(unit: str, every: int, time_share: float | None) -> None:
    if unit not in ("epoch", "step"):
        raise InputError('unit to be "epoch" or "step"', repr(unit), "Use one of them.")
    if operator.index(every) < 1:
        raise InputError("every >= 1", str(every), "Measure at every index with every=1.")
    if time_share is not None and not 0 < time_share <= 1:
        raise InputError(
            "0 < time_share <= 1, or None", str(time_share), "0.1 lets measurements take a tenth of the time."
        )
