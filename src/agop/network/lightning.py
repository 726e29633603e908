"""Neural collapse and AGOP during training with Lightning (extra ``lightning``)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from typing_extensions import override

from agop.errors import InputError
from agop.network.tracker import Tracker, Unit

__all__ = ["CollapseCallback"]

_SHARDED = (DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy)


class CollapseCallback(pl.Callback):
    """Measure the network at the ends of training epochs or steps, see :class:`~agop.network.Tracker`.

    Indices are ``trainer.current_epoch``, from 0, or ``trainer.global_step``. The process of rank 0 measures the whole
    loader; the others wait at their next exchange with it, so that its timeout must be longer than a measurement. A
    checkpoint keeps the name of the folder: training that is resumed goes on there and repeats no line. Where
    ``fast_dev_run`` is set nothing is measured.

    Epochs are logged by ``log_dict``, so that other callbacks can monitor them; steps go to the loggers at once. For a
    layer "fc1" the names are "nc1_trace_ratio/fc1/input" and "nc2_gram_mse/fc1/input", and so for its other stages,
    "share/fc1" for the share of its weights in the fall of NC1, and "nfa/fc1" for the Pearson correlation of the neural
    feature matrix with the root of the AGOP.

    Parameters
    ----------
    loader
        Batches to measure: the same samples in every pass, without augmentation, for one process alone.
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
        If the strategy splits parameters over processes, or the folder holds a run and training starts anew.

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
        self._resumed = False
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
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        given = self._out or (self._folder if self._resumed else None)
        folder = str(given or Path(trainer.log_dir or trainer.default_root_dir, "agop"))  # log_dir is a collective
        resume = self._resumed or folder == self._folder  # from a checkpoint, or fit again to train on
        self._folder, self._resumed = folder, False
        if trainer.is_global_zero:
            self._tracker = Tracker(pl_module, self._loader, folder, resume=resume, **self._options)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure if that is due, and log it in every process."""
        if self._unit != "epoch" or self._folder is None:
            return
        scalars = None
        if self._tracker is not None:
            record = self._tracker.step(trainer.current_epoch, step=trainer.global_step)
            scalars = None if record is None else dict(_scalars(self._tracker.lines))
        scalars = trainer.strategy.broadcast(scalars)
        if scalars:
            pl_module.log_dict(scalars, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)

    @override
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure if that is due, in the process of rank 0."""
        if self._unit != "step" or self._tracker is None or trainer.global_step == 0:  # no optimizer step yet
            return
        record = self._tracker.step(trainer.global_step, epoch=trainer.current_epoch)
        if record is not None:
            scalars = dict(_scalars(self._tracker.lines))
            for logger in trainer.loggers:
                logger.log_metrics(scalars, step=trainer.global_step)

    @override
    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the end in ``run.json``."""
        if self._tracker is not None:
            self._tracker.finish()


def _scalars(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """Names and numbers to log, those that exist."""
    for line in lines:
        layer, stage = line["layer"], line["stage"]
        named = {
            f"nc1_trace_ratio/{layer}/{stage}": line.get("nc1_trace_ratio"),
            f"nc2_gram_mse/{layer}/{stage}": line.get("nc2_gram_mse"),
            f"share/{layer}": line.get("share"),
            f"nfa/{layer}": line.get("nfa_pearson_root"),
        }
        yield from ((name, value) for name, value in named.items() if value is not None)
