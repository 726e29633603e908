"""The work of each command that writes, in a second or less, and what it leaves in its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from unittest.mock import patch

import numpy as np

import agop
from agop.charts.chart import Grid
from agop.datasets import Dataset
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.kernels import Laplace
from agop.network import MeasureSettings, run_measure
from agop.paper import Figure, Part, TrainSettings, Verdict, run_train
from agop.paper import reproduce as run_figure
from agop.rfm import RFMRegressor
from agop.runs import Run, storage
from agop.tables import ExplainSettings, run_explain, table_pipeline
from network.models import data, mlp, seeded

__all__ = ["JOBS", "assert_readable", "found"]

TIMES = ("started", "finished", "seconds", "resumed", "measured", "digest", "sealed", "machine")
"""What differs from one run to another."""


def toy():
    """Three classes, six features."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    inputs = rng.standard_normal((3, 6))[labels] + 0.3 * rng.standard_normal((36, 6))
    return Dataset("toy", inputs[:30], labels[:30], inputs[30:], labels[30:], ("a", "b", "c"))


DEEP = DeepRFMSettings(data="toy", depth=2, width=8, ridge=1e-3, seeds=(0, 1))
TRAIN = TrainSettings(data="toy", width=5, fc_layers=2, epochs=2, batch_size=8, every=1, lr=0.1, seeds=(0, 1))


def deep_rfm(folder):
    run_deep_rfm(DEEP, toy(), folder / "run")


def train(folder):
    """With a checkpoint after every epoch."""
    with patch("agop.paper.training.run.CHECKPOINT_SECONDS", 0.0):
        run_train(TRAIN, toy(), folder / "run")


def plain():
    return RFMRegressor(Laplace(1.0), ridge=1e-3, n_iterations=1, selection=None)


def fit(folder):
    X = np.linspace(0, 1, 24).reshape(12, 2)
    agop.save(plain().fit(X, X[:, 0]), folder / "model.safetensors")


def net():
    return seeded(mlp)


def batches():
    return [data()]


def measure(folder):
    run_measure(MeasureSettings("jobs:net", "jobs:batches"), None, folder / "run")


@lru_cache(maxsize=1)
def table():
    """A table, and a model of it."""
    import pandas

    x = np.random.default_rng(0).standard_normal((16, 2))
    frame = pandas.DataFrame({"mass": x[:, 0], "rate": x[:, 1], "cost": x[:, 0] + x[:, 1] ** 2})
    model = table_pipeline(plain()).fit(frame[["mass", "rate"]], frame["cost"])
    model[0].target_ = "cost"
    return model, frame


def explain(folder):
    run_explain(ExplainSettings("a model", "a table", folds=2, swaps=10), *table(), folder / "run")


def figure():
    """A figure of a run of Deep RFM and of a training, of one seed."""
    ways = {"deep": (replace(DEEP, seeds=(0,)), run_deep_rfm), "train": (replace(TRAIN, seeds=(0,)), run_train)}
    return Figure(
        "figure",
        "It falls.",
        1,
        lambda *_: [
            Part(name, "toy", {"way": name}, settings, lambda *arguments, run=run: run(*arguments[:3]))
            for name, (settings, run) in ways.items()
        ],
        lambda run: [Verdict("it has lines", {"lines": len(run.metrics())}, True)],
        lambda run: Grid({}),
        {"quick": ("toy",)},
    )


def reproduce(folder):
    run_figure(figure(), folder, load=lambda name: toy(), device="cpu")


JOBS = {"deep-rfm": deep_rfm, "train": train, "fit": fit, "measure": measure, "reproduce": reproduce}
"""Each writes into a folder, by the name of its command."""

if find_spec("pandas"):
    JOBS["explain"] = explain


def found(folder):
    """Contents of all files by name: bytes, but of JSON without times."""
    contents = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"):
        contents[str(file.relative_to(folder))] = untimed(file)
    return contents


def untimed(file):
    if file.suffix not in (".json", ".jsonl"):
        return file.read_bytes()
    texts = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    return [json.loads(text, object_hook=without_times) for text in texts]


def without_times(values):
    return {name: value for name, value in values.items() if name not in TIMES}


def assert_readable(folder):
    """Everything that is there can be read, except what was being written."""
    for file in folder.rglob("*"):
        if file.suffix == ".safetensors":
            storage.load(file)
        if file.name == "run.json":
            Run.open(file.parent).metrics()
