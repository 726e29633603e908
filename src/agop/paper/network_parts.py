"""Trained networks at the three scales: the runs that several figures share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agop.charts.findings import number_text
from agop.datasets import Dataset
from agop.network import NetworkRecord
from agop.paper.figure import Observe, Part, Verdict
from agop.paper.scales import Scale
from agop.paper.training.networks import NETWORKS
from agop.paper.training.run import run_train
from agop.paper.training.settings import NetworkName, TrainSettings
from agop.runs import Line, Run, TrainingFit, select, values_of

__all__ = [
    "MEASURES",
    "if_fitted",
    "models",
    "name_of",
    "network_parts",
    "network_verdicts",
    "train_part",
    "train_settings",
]

MEASURES = (
    *("seed", "epoch", "loss", "train_accuracy", "test_accuracy", "layer", "stage"),
    *("nc1_trace_ratio", "nc2_gram_mse", "within_total_ratio", "between_total_ratio"),
    *("linear_log_fall", "output_log_fall", "share", "nfa_pearson", "nfa_pearson_root"),
)
"""Columns that the figures of networks keep."""

_CPU_MODELS: Mapping[str, tuple[NetworkName, ...]] = {
    "mnist": ("mlp",),
    "cifar10": ("mlp", "resnet18"),
    "svhn": ("mlp", "vgg11"),
}


@dataclass(frozen=True)
class _Recipe:
    """Training of one architecture: the same at every scale but for its length; rows and batches of the cpu scale."""

    gain: float
    lr: float
    epochs: Mapping[Scale, int]
    cpu_samples: int = 1500
    cpu_batch: int = 128


_RECIPES = {
    "mlp": _Recipe(0.5, 0.05, {"quick": 150, "cpu": 240, "paper": 500}),
    "resnet18": _Recipe(1.0, 0.05, {"quick": 30, "cpu": 60, "paper": 300}, cpu_samples=1000, cpu_batch=64),
    "vgg11": _Recipe(3.0, 0.01, {"quick": 80, "cpu": 100, "paper": 300}),
}
"""Without BatchNorm and with the initial convolutions of PyTorch, VGG-11 needs a larger gain to begin to learn.
ResNet-18 fits 1,000 rows in 60 epochs; 20 of 1,500 leave it at a training accuracy of 0.58."""


def models(scale: Scale, data: str) -> tuple[NetworkName, ...]:
    """Architectures for a data set: all three, fewer on larger images at the cpu scale."""
    return _CPU_MODELS.get(data, NETWORKS) if scale == "cpu" else NETWORKS


def train_settings(scale: Scale, data: str, model: NetworkName, device: str) -> TrainSettings:
    """Quick: 500 rows, quarter width, one seed. Cpu: 1,000 or 1,500 rows, full width but a quarter of the channels.

    Paper: all rows there are, full width, plain SGD, batches of 128, three seeds; 10,000 rows are measured.
    """
    recipe = _RECIPES[model]
    epochs = recipe.epochs[scale]
    is_paper, is_quick = scale == "paper", scale == "quick"
    return TrainSettings(
        model=model,
        data=data,
        samples={"quick": 500, "cpu": recipe.cpu_samples, "paper": None}[scale],
        test_samples={"quick": 360, "cpu": 1000, "paper": None}[scale],
        width=128 if is_quick else 512,
        conv_width=1.0 if is_paper else 0.25,
        gain=recipe.gain,
        lr=recipe.lr,
        momentum=0.0 if is_paper else 0.9,
        epochs=epochs,
        batch_size={"quick": 50, "cpu": recipe.cpu_batch, "paper": 128}[scale],
        seeds=(0, 1, 2) if is_paper else (0,),
        every=max(1, epochs // 10),
        measure_samples=10_000 if is_paper else None,
        device=device,
    )


def network_parts(scale: Scale, data: tuple[str, ...], device: str) -> list[Part]:
    """A training of each architecture on each data set."""
    return [
        train_part(f"{model}-{name}", train_settings(scale, name, model, device), {"model": model})
        for name in data
        for model in models(scale, name)
    ]


def network_verdicts(run: Run, checks: Sequence[Callable[[str, list[Line]], Verdict]]) -> list[Verdict]:
    """Each check of each training, called with its name and lines; undecided where a seed has not fitted."""
    lines: list[Line] = list(run.metrics())
    parts = [select(lines, part=part) for part in values_of(lines, "part")]
    return [if_fitted(check(name_of(found), found), found) for found in parts for check in checks]


def if_fitted(verdict: Verdict, lines: Sequence[Line]) -> Verdict:
    """The verdict on a training that has fitted; undecided, with a note, on any other."""
    fit = TrainingFit.of(lines)
    if fit.fitted:
        return verdict
    return replace(verdict, holds=None, note=f"not fitted: training accuracy {number_text(fit.value)}")


def name_of(lines: Sequence[Line]) -> str:
    """Architecture and data set of a training."""
    return f"{lines[0]['model']}, {lines[0]['data']}"


def train_part(name: str, settings: TrainSettings, columns: Mapping[str, str | float]) -> Part:
    """Training with these settings."""
    return Part(name, settings.data, columns, settings, _run)


def _run(settings: TrainSettings, dataset: Dataset, out: Path, observe: Observe) -> Run:
    def epoch(seed: int, epoch: int, loss: float | None, record: NetworkRecord | None) -> None:
        measured = "" if record is None else ", measured"
        observe(f"seed {seed}, epoch {epoch}/{settings.epochs}: loss {number_text(loss)}{measured}")

    return run_train(settings, dataset, out, epoch)
