"""``agop train``: which part of a network collapses its features, and when?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agop import datasets
from agop.cli.app import app, progress_bar, readable_errors
from agop.cli.report import show_run
from agop.network import NetworkRecord
from agop.paper import TrainSettings, run_train
from agop.runs import Run

__all__ = ["train"]

_DEFAULT = TrainSettings()


@app.command("train")
def train(
    model: Annotated[Literal["mlp", "resnet18", "vgg11"], typer.Argument(help="Network.")],
    data: Annotated[str, typer.Argument(help=f"Data set: {', '.join(datasets.NAMES)}.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an unfinished one is continued.")],
    data_dir: Annotated[
        Path | None, typer.Option(envvar="AGOP_DATA", help="Folder with one folder a data set.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Training rows; all by default.")] = None,
    subset: Annotated[Literal["first", "random"], typer.Option(help="Which rows.")] = _DEFAULT.subset,
    test_samples: Annotated[int | None, typer.Option(min=0, help="Test rows; all by default.")] = None,
    standardize: Annotated[
        Literal["feature", "channel"], typer.Option(help="One mean and deviation a channel, or a feature (pixel).")
    ] = _DEFAULT.standardize,
    width: Annotated[int, typer.Option(min=1, help="Units of a fully connected layer.")] = _DEFAULT.width,
    fc_layers: Annotated[int, typer.Option(min=1, help="Hidden fully connected layers.")] = _DEFAULT.fc_layers,
    conv_width: Annotated[float, typer.Option(help="Factor on the numbers of channels.")] = _DEFAULT.conv_width,
    bias: Annotated[bool, typer.Option("--bias/--no-bias", help="Of fully connected layers.")] = _DEFAULT.bias,
    gain: Annotated[float, typer.Option(help="Scale of the initial hidden weights.")] = _DEFAULT.gain,
    loss: Annotated[
        Literal["squared", "cross-entropy"], typer.Option(help="Squared loss has targets +1 and -1.")
    ] = _DEFAULT.loss,
    optimizer: Annotated[Literal["sgd", "adam"], typer.Option(help="Optimizer.")] = _DEFAULT.optimizer,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = _DEFAULT.lr,
    momentum: Annotated[float, typer.Option(help="Momentum, or Adam's first decay.")] = _DEFAULT.momentum,
    weight_decay: Annotated[float, typer.Option(help="Factor of the weights in the gradient.")] = _DEFAULT.weight_decay,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = _DEFAULT.epochs,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows a step.")] = _DEFAULT.batch_size,
    stop_loss: Annotated[float | None, typer.Option(help="End after an epoch with a loss below this.")] = None,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Repeat for several; 0 by default.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Epochs between measurements.")] = _DEFAULT.every,
    layers: Annotated[
        list[str] | None, typer.Option(help="Layer name or glob to measure; repeat for several; fc.* by default.")
    ] = None,
    rows: Annotated[
        Literal["each", "mean", "flatten"], typer.Option(help="What positions of a convolution contribute.")
    ] = _DEFAULT.measure_rows,
    measure_samples: Annotated[
        int | None, typer.Option(min=1, help="Training rows to measure, the first ones; all by default.")
    ] = None,
    permute_labels: Annotated[
        bool, typer.Option("--permute-labels", help="Baseline: labels in a random order.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, or a device such as cpu or cuda.")] = _DEFAULT.device,
) -> None:
    """Train a network of the paper and measure collapse and its cause at every layer while it learns.

    Writes run.json, metrics.jsonl, epochs.jsonl, report.html and a folder a seed with the weights into OUT.
    """
    with readable_errors():
        settings = TrainSettings(
            model=model,
            data=data,
            samples=samples,
            test_samples=test_samples,
            subset=subset,
            standardize=standardize,
            width=width,
            fc_layers=fc_layers,
            conv_width=conv_width,
            bias=bias,
            gain=gain,
            loss=loss,
            optimizer=optimizer,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            epochs=epochs,
            batch_size=batch_size,
            stop_loss=stop_loss,
            seeds=tuple(dict.fromkeys(seed or [0])),
            every=every,
            layers=tuple(layers or _DEFAULT.layers),
            measure_rows=rows,
            measure_samples=measure_samples,
            permute_labels=permute_labels,
            device=device,
        )
        run = _run(settings, out, data_dir)
        show_run(run.path, f"{model} on {data}, last measurement, means over seeds")


def _run(settings: TrainSettings, out: Path, data_dir: Path | None) -> Run:
    """Train with a progress bar over the epochs of all seeds."""
    total = settings.epochs * len(settings.seeds)
    dataset = datasets.load(settings.data, data_dir)
    with progress_bar() as progress:
        task = progress.add_task(f"{settings.model} on {settings.data}", total=total)
        nc1 = ""

        def observe(seed: int, epoch: int, loss: float | None, record: NetworkRecord | None) -> None:
            nonlocal nc1
            if record is not None:
                nc1 = _last_nc1(record)
            what = f"seed {seed}, epoch {epoch}{'' if loss is None else f': loss {loss:.3g}'}{nc1}"
            done = settings.seeds.index(seed) * settings.epochs + epoch
            progress.update(task, completed=done, description=what)

        run = run_train(settings, dataset, out, observe)
        progress.update(task, completed=total, description="done")
    return run


def _last_nc1(record: NetworkRecord) -> str:
    """NC1 of the features that the last measured layer reads."""
    last = list(record.values())[-1]
    nc1 = None if last.input is None else last.input.nc1_trace_ratio
    return "" if nc1 is None else f", NC1 {nc1:.3g} at {last.name}"
