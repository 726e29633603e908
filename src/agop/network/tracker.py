"""Measure a network again and again while it trains, within a share of the time."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from torch import nn

from agop.charts.notebook import NotebookMixin
from agop.errors import InputError
from agop.inputs import usable_device
from agop.network.capture.checks import check_loader
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import Weights
from agop.network.indices import LARGEST
from agop.network.measure import measure
from agop.network.options import MeasureOptions
from agop.network.record import NetworkRecord
from agop.network.scalars import Scalar, as_they_are, check_scalars, columns_of, read
from agop.network.schedule import Schedule
from agop.network.tracked_run import TrackedRun
from agop.ranks import Ranks
from agop.runs import Run
from agop.runs.storage import JSON

__all__ = ["Tracker", "Unit"]

Unit: TypeAlias = Literal["epoch", "step"]
"""Unit of the index of a training loop."""


class Tracker(NotebookMixin):
    r"""Measurements of a network during training, kept in a run folder.

    The first and the last step are always measured; between them a measurement is due at every ``every``-th index. With
    t the seconds since the first measurement, s those of them that measurements took and d those that the last one
    took, it takes place if

    .. math:: s + d \le \mathrm{time\_share} \cdot (t + d),

    and is postponed to the next step where that holds otherwise, which ``run.json`` says once.

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
        Largest share of the time that measurements between the first and the last may take, 0 < share <= 1; no limit if
        None.
    keep_record
        Whether to write the record of every measurement as ``network.safetensors``, in place of the one before. The
        eigenvectors of the AGOPs make it several times as large as the weights.
    log
        Function to call with :meth:`~agop.network.NetworkRecord.scalars` and the index after each measurement, such as
        ``lambda scalars, step: wandb.log(scalars, step=step)``. What it raises comes after everything was written.
    **options
        Keywords of :func:`~agop.network.measure`: options of :class:`~agop.network.MeasureOptions` by name, and
        ``group``, the process group of ``torch.distributed`` whose ranks make the same calls, with their parts of the
        data. The clock of the first one decides, and it alone writes and logs.

    Attributes
    ----------
    lines
        Lines of the last measurement, as they were written.

    Raises
    ------
    InputError
        If an argument is out of range, the model, the loader or a selected layer is unusable, or the folder holds other
        files or a run with other settings.
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
    ...     tracker = Tracker(model, [(inputs, labels)], Path(folder, "run"), every=3, time_share=None)
    ...     for epoch in range(6):
    ...         loss = nn.functional.cross_entropy(model(inputs), labels)
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    ...         record = tracker.step(epoch, loss=loss)
    ...     record = tracker.finish()
    ...     lines = tracker.run.metrics()
    >>> sorted({line["epoch"] for line in lines}), lines[0]["layer"], lines[0]["stage"]
    ([0, 3, 5], '0', 'input')
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
        keep_record: bool = False,
        log: Callable[[dict[str, float], int], object] | None = None,
        **options: Any,
    ) -> None:
        self._ranks = Ranks(options.pop("group", None))
        with self._ranks.together():
            _check(unit, log)
            self._schedule = Schedule(every, time_share)
            self._model, self._loader, self._options = model, loader, MeasureOptions(**options)
            _check_measurable(model, loader, self._options)
            self._unit, self._keep_record, self._log = unit, keep_record, log
            found, execution = self._options.as_settings()
            settings, execution = {"unit": unit, "every": every, **found}, {"time_share": time_share, **execution}
            self._tracked = TrackedRun(out, unit, settings, execution, self._ranks)
        self._unmeasured: tuple[int, dict[str, Any]] | None = None
        self.lines: list[dict[str, Any]] = []
        if self._tracked.seconds is not None:
            self._schedule.count(self._tracked.seconds)

    @property
    def run(self) -> Run:
        """The run folder."""
        return self._tracked.run

    @property
    def postponed(self) -> str | None:
        """Sentence on measurements that were postponed; None if none was."""
        return self._tracked.postponed

    def step(self, index: int, **scalars: Scalar) -> NetworkRecord | None:
        """Measure the network if that is due and fits, and write what was found.

        Parameters
        ----------
        index
            Number of the epoch or step that has just ended.
        **scalars
            Further numbers for the lines, such as the loss. Tensors of one element are read, and functions of the
            record called, only if there is a measurement.

        Returns
        -------
        NetworkRecord or None
            None if there was no measurement: not due, postponed, or made before.

        Raises
        ------
        InputError
            If the network cannot be measured, see :func:`~agop.network.measure`, or a scalar has several elements or
            the name of a column, or the index has more than 64 bits.
        """
        index, self._unmeasured = operator.index(index), None
        if abs(index) > LARGEST:
            raise InputError("an index of 64 bits", "a larger one", "Count epochs or steps from 0.")
        check_scalars(scalars)
        if index in self._tracked.measured:
            return None
        if self._schedule.wants(index, lambda fits: self._ranks.exchange(fits)[0]):
            return self._measure(index, scalars)
        self._unmeasured = index, as_they_are(scalars)
        if self._schedule.is_due:
            self._tracked.postpone(index)
        return None

    def finish(self) -> NetworkRecord | None:
        """Measure the last step unless it was, and note the end of the training in ``run.json``.

        The model is to be as that step left it; its scalars are those that ``step`` was given.

        Returns
        -------
        NetworkRecord or None
            None if the last step was measured.

        Raises
        ------
        InputError
            If the network cannot be measured; the end is noted all the same.
        """
        last, self._unmeasured = self._unmeasured, None
        try:
            return None if last is None else self._measure(*last)
        finally:
            self._tracked.finish()

    def _measure(self, index: int, scalars: Mapping[str, Any]) -> NetworkRecord:
        begin, numbers = time.monotonic(), read(scalars)
        record = measure(self._model, self._loader, self._options, group=self._ranks.group)
        with self._ranks.together():
            columns = columns_of(numbers, record)
            self.lines = self._lines(record, index, columns)
            self._tracked.append(self.lines, record if self._keep_record else None)
            seconds = time.monotonic() - begin
            self._schedule.count(seconds)
            self._tracked.complete(index, seconds, record.notes, record.samples.majority)
            if self._log is not None and self._tracked.writes:
                self._log(record.scalars(), index)
        return record

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


def _check(unit: str, log: object) -> None:
    if unit not in ("epoch", "step"):
        raise InputError('unit to be "epoch" or "step"', repr(unit), "Use one of them.")
    if log is not None and not callable(log):
        raise InputError("log to be a function of scalars and index", repr(log), "None logs nothing.")


def _check_measurable(model: nn.Module, loader: Iterable[Any], options: MeasureOptions) -> None:
    """Raise before the training for what would end its first measurement."""
    check_loader(loader, twice=options.looks_twice, max_samples=options.max_samples)
    if options.device is not None:
        usable_device(options.device)
    with undisturbed(model):
        Weights(model, options.layers)
