"""Neural collapse and AGOP during training with Lightning (extra ``lightning``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import torch.distributed as dist
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.utilities import rank_zero_info
from typing_extensions import override

from agop.datasets import shard_batches
from agop.errors import InputError
from agop.network.record import NetworkRecord
from agop.network.tracker import Tracker, Unit
from agop.ranks import Ranks
from agop.runs import Run

__all__ = ["CollapseCallback"]

_SHARDED = (DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy)


class CollapseCallback(pl.Callback):
    """Measure the network at the ends of training epochs or steps, see :class:`~agop.network.Tracker`.

    The first and the last one are always measured, and those between as ``every`` and ``time_share`` say; the console
    says once if some have to wait. Indices are ``trainer.current_epoch``, from 0, or ``trainer.global_step``. All
    processes measure together: each takes every n-th batch of the loader, and that of rank 0 writes. A checkpoint keeps
    the name of the folder: training that is resumed goes on there and repeats no line. Where ``fast_dev_run`` is set
    nothing is measured.

    The numbers of :meth:`~agop.network.NetworkRecord.scalars` are logged. Those of epochs go through ``log_dict``, so
    that other callbacks can monitor them; those of steps, and those of an epoch that only the end of the training shows
    to be the last, go to the loggers at once. After the training ``trainer.callback_metrics`` has those of the last
    epoch.

    Parameters
    ----------
    loader
        Batches to measure: the same samples in every pass and every process, in a fixed order where there are several
        processes, without augmentation and without a sampler for distributed training.
    out
        Folder of the run; "agop" in ``trainer.log_dir`` if None.
    every, unit, time_share
        Arguments of the tracker.
    **options
        Options of :class:`~agop.network.MeasureOptions` by name; ``forward`` if the module is not called on the
        inputs of a batch.

    Raises
    ------
    InputError
        If the strategy splits parameters over processes, the folder holds a run and training starts anew, or batches of
        several processes come in no fixed order.

    Examples
    --------
    >>> import torch
    >>> loader = [(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]))]
    >>> trainer_options = {"callbacks": [CollapseCallback(loader, every=5, layers="net.*")]}
    """

    def __init__(
        self,
        loader: Iterable[Any],
        out: str | os.PathLike[str] | None = None,
        *,
        every: int = 1,
        unit: Unit = "epoch",
        time_share: float | None = 0.1,
        **options: Any,
    ) -> None:
        super().__init__()
        self._loader, self._out, self._unit = loader, out, unit
        self._options = {"every": every, "unit": unit, "time_share": time_share, **options}
        self._folder: str | None = None
        self._resumed = self._is_on = False
        self._tracker: Tracker | None = None

    @property
    @override
    def state_key(self) -> str:
        """Key of the state in a checkpoint: one callback for each folder and unit."""
        return f"{type(self).__qualname__}{(self._out and str(self._out), self._unit)!r}"

    @override
    def state_dict(self) -> dict[str, Any]:
        """Folder of the run."""
        return {"folder": self._folder}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on in the folder of the run that the checkpoint is from."""
        self._folder = state_dict["folder"]
        self._resumed = self._folder is not None

    @override
    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse strategies that leave no process the whole network."""
        if stage == "fit" and isinstance(trainer.strategy, _SHARDED):
            name = type(trainer.strategy).__name__
            raise InputError(
                "a strategy that keeps whole parameters", name, "Train with strategy='ddp', or measure later."
            )

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the folder and start the clock."""
        self._is_on, self._tracker = not trainer.fast_dev_run, None  # type: ignore[attr-defined]
        if not self._is_on:
            return
        given = self._out or (self._folder if self._resumed else None)
        folder = str(given or Path(trainer.log_dir or trainer.default_root_dir, "agop"))  # log_dir is a collective
        may_go_on = self._resumed or folder == self._folder  # from a checkpoint, or fit again to train on
        self._folder, self._resumed = folder, False
        group = _group(trainer)
        with Ranks(group).together():
            if trainer.is_global_zero and not may_go_on and Run(Path(folder)).is_started():
                advice = "Choose another folder, or go on from a checkpoint of that training with ckpt_path=...."
                raise InputError(f"no run in {folder}", "one of another training", advice)
            place = (0, 1) if group is None else (trainer.global_rank, trainer.world_size)
            own = shard_batches(self._loader, *place)
            options = dict(self._options)
            if options.get("ood_loader") is not None:
                options["ood_loader"] = shard_batches(options["ood_loader"], *place)
        if trainer.is_global_zero or group is not None:
            self._tracker = Tracker(pl_module, own, folder, group=group, **options)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure if that is due, and log it in every process."""
        if self._is_on and self._unit == "epoch":
            epoch, step = trainer.current_epoch, trainer.global_step
            scalars = trainer.strategy.broadcast(self._found(lambda tracker: tracker.step(epoch, step=step)))
            if scalars:
                pl_module.log_dict(scalars, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)

    @override
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure if that is due."""
        epoch, step = trainer.current_epoch, trainer.global_step
        if self._is_on and self._unit == "step" and step > 0:  # after an optimizer step
            self._log(trainer, self._found(lambda tracker: tracker.step(step, epoch=epoch)))

    @override
    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure the last epoch or step unless it was, and note the end in ``run.json``."""
        if self._is_on:
            scalars = trainer.strategy.broadcast(self._found(Tracker.finish))
            self._log(trainer, scalars)
            if self._unit == "epoch":
                trainer.callback_metrics.update({name: torch.tensor(value) for name, value in scalars.items()})

    def _found(self, measure: Callable[[Tracker], NetworkRecord | None]) -> dict[str, float]:
        """Numbers that a call of the tracker found; nothing in a process without one."""
        if self._tracker is None:
            return {}
        was_postponed = self._tracker.postponed
        record = measure(self._tracker)
        if self._tracker.postponed != was_postponed:
            rank_zero_info(f"{type(self).__name__}: {self._tracker.postponed}")
        return {} if record is None else record.scalars()

    def _log(self, trainer: pl.Trainer, scalars: dict[str, float]) -> None:
        """Send numbers, if there are any, to the loggers of the process of rank 0."""
        if scalars and self._tracker is not None and trainer.is_global_zero:
            line = self._tracker.lines[0]
            step = line["step"] - (self._unit == "epoch")  # the one of Lightning's own numbers at the end of an epoch
            for logger in trainer.loggers:
                logger.log_metrics({**scalars, "epoch": line["epoch"]}, step=step)


def _group(trainer: pl.Trainer) -> dist.ProcessGroup | None:
    """All processes of a training; None where it is one, or they do not talk through ``torch.distributed``."""
    return dist.group.WORLD if trainer.world_size > 1 and dist.is_available() and dist.is_initialized() else None
