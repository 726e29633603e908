"""``agop deep-rfm``: does the AGOP collapse these data?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agop import datasets
from agop.cli.app import app, progress_bar, readable_errors
from agop.cli.report import show_run
from agop.deep_rfm import AGOPScale, DeepRFMRecord, DeepRFMSettings, FeaturesName, run_deep_rfm
from agop.runs import Run

__all__ = ["deep_rfm"]


@app.command("deep-rfm")
def deep_rfm(
    data: Annotated[str, typer.Argument(help=f"Data set: {', '.join(datasets.NAMES)}.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an unfinished one is continued.")],
    data_dir: Annotated[
        Path | None, typer.Option(envvar="AGOP_DATA", help="Folder with one folder a data set.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Training rows; all by default.")] = None,
    subset: Annotated[Literal["first", "random"], typer.Option(help="Which rows.")] = "first",
    test_samples: Annotated[int | None, typer.Option(min=0, help="Test rows; all by default.")] = None,
    standardize: Annotated[
        Literal["feature", "channel"],
        typer.Option(help="One mean and deviation a feature (pixel), as published, or a channel."),
    ] = "feature",
    depth: Annotated[int, typer.Option(min=1, help="Number of layers.")] = 12,
    width: Annotated[int, typer.Option(min=1, help="Number of random features.")] = 1024,
    kernel: Annotated[Literal["laplace", "gaussian"], typer.Option(help="Kernel of the predictors.")] = "laplace",
    bandwidth: Annotated[float, typer.Option(help="L of the kernel.")] = 2.0,
    ridge: Annotated[float, typer.Option(min=0, help="Ridge of the predictors.")] = 0.0,
    features: Annotated[FeaturesName, typer.Option(help="Kind of random features.")] = "relu",
    gamma: Annotated[float, typer.Option(help="Scale of cosine features.")] = 0.05,
    features_bandwidth: Annotated[
        float | None,
        typer.Option(help="L of cosine-laplace and cosine-gaussian features; that of the kernel by default."),
    ] = None,
    agop_scale: Annotated[
        AGOPScale, typer.Option(help="What is 1 after scaling the AGOP: its largest entry, or the mean norm of rows.")
    ] = "max-entry",
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Repeat for several; 0 by default.")] = None,
    control: Annotated[bool, typer.Option("--control", help="Also run the identity instead of the AGOP.")] = False,
    permute_labels: Annotated[
        bool, typer.Option("--permute-labels", help="Baseline: labels in a random order.")
    ] = False,
    dtype: Annotated[Literal["float64", "float32"], typer.Option(help="Type of the features.")] = "float64",
    device: Annotated[str, typer.Option(help="Device, such as cpu or cuda.")] = "cpu",
) -> None:
    """Run Deep RFM layer by layer and measure neural collapse at the three stages of every layer.

    Writes run.json, metrics.jsonl, tensors.safetensors and report.html into OUT.
    """
    with readable_errors():
        settings = DeepRFMSettings(
            data=data,
            samples=samples,
            subset=subset,
            test_samples=test_samples,
            standardize=standardize,
            depth=depth,
            width=width,
            kernel=kernel,
            bandwidth=bandwidth,
            ridge=ridge,
            features=features,
            gamma=gamma,
            features_bandwidth=features_bandwidth,
            agop_scale=agop_scale,
            seeds=tuple(dict.fromkeys(seed or [0])),
            control=control,
            permute_labels=permute_labels,
            dtype=dtype,
            device=device,
        )
        run = _run(settings, out, data_dir)
        show_run(run.path, f"Deep RFM on {data}: means over seeds (geometric for NC1 and NC2)")


def _run(settings: DeepRFMSettings, out: Path, data_dir: Path | None) -> Run:
    """Run with a progress bar."""
    total = settings.depth * len(settings.seeds) * (1 + settings.control)
    dataset = datasets.load(settings.data, data_dir)
    with progress_bar() as progress:
        task = progress.add_task(f"Deep RFM on {settings.data}", total=total)

        def observe(control: bool, seed: int, record: DeepRFMRecord) -> None:
            collapse = record.stages["input"].collapse
            found = None if collapse is None else collapse.nc1_trace_ratio
            nc1 = "undefined" if found is None else f"{found:.3g}"
            what = f"{'control, ' if control else ''}seed {seed}, layer {record.layer}: NC1 {nc1}"
            progress.update(task, advance=1, description=what)

        run = run_deep_rfm(settings, dataset, out, observe)
        progress.update(task, completed=total, description="done")
    return run
