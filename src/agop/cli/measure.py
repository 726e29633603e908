"""``agop measure``: what did this network learn, and why do its classes collapse?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agop import datasets
from agop.cli.app import app, console, readable_errors, say
from agop.cli.report import show_report
from agop.network import MeasureSettings, run_measure

__all__ = ["measure"]


@app.command("measure")
def measure(
    model: Annotated[
        str, typer.Argument(metavar="MODULE:FACTORY", help="Function without arguments that returns the model.")
    ],
    data: Annotated[str, typer.Argument(help=f"Data set: {', '.join(datasets.NAMES)}.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    weights: Annotated[
        Path | None, typer.Option(help="State dict, .safetensors or .pt; that of the factory by default.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="AGOP_DATA", help="Folder with one folder a data set.")
    ] = None,
    layers: Annotated[list[str] | None, typer.Option(help="Layer name or glob; repeat for several.")] = None,
    outputs: Annotated[str, typer.Option(help="exact, or the number of random directions.")] = "exact",
    rows: Annotated[
        Literal["each", "mean", "flatten"], typer.Option(help="What positions or tokens of a sample contribute.")
    ] = "each",
    samples: Annotated[int | None, typer.Option(min=1, help="Rows, the first ones; all by default.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Measure the test rows.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows a batch.")] = 256,
    standardize: Annotated[
        Literal["feature", "channel"] | None,
        typer.Option(help="One mean and deviation a channel, or a feature; as in the training, else channel."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images/--rows-flat", help="Inputs as (channels, height, width), or as (features,).")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the factory and of random directions.")] = 0,
    device: Annotated[str, typer.Option(help="Device, such as cpu or cuda.")] = "cpu",
) -> None:
    """Measure collapse, AGOP and its cause at every layer of a network.

    Inputs are standardized by the training rows. Writes run.json, metrics.jsonl,
    network.safetensors and report.html into OUT.
    """
    with readable_errors():
        settings = MeasureSettings(
            model=model,
            data=data,
            weights=None if weights is None else str(weights),
            layers=tuple(layers or ()),
            outputs=outputs,
            rows=rows,
            samples=samples,
            test=test,
            batch_size=batch_size,
            standardize=standardize,
            images=images,
            seed=seed,
            device=device,
        )
        record = run_measure(settings, datasets.load(data, data_dir), out, progress=console.is_terminal)
        console.print(record.table())
        for note in record.notes:
            console.print(f"• {note}")
        say(f"Record: {out / 'network.safetensors'}")
        show_report(out)
