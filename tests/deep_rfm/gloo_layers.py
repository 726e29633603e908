"""Deep RFM of several ranks of a gloo group; in a module of its own so that a new process can load it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from agop.deep_rfm import (
    DeepRFMClassifier,
    GaussianCosineFeatures,
    LayerSettings,
    ReLUFeatures,
    deep_rfm,
    deep_rfm_records,
)
from agop.errors import AgopError
from agop.kernels import Gaussian, Laplace, ProductLaplace
from agop.ranks import ALONE
from agop.rfm import Samples
from ranks.together import joined, note_end

CLASSES = 3
LABELS = np.arange(45) % CLASSES
X = np.random.default_rng(0).standard_normal((45, 5)) + 0.7 * np.eye(5)[LABELS]
Y = 2.0 * np.eye(CLASSES)[LABELS] - 1
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, 45)
REPEATED = np.random.default_rng(2).integers(0, 15, 45) // 3 * 3 + np.arange(45) % 3
TEST = X[:7] + 0.3, LABELS[:7]

CASES = {
    "published": (X, {}, {}),
    "gaussian, row-norm": (X, {"kernel": Gaussian(0.5), "agop_scale": "row-norm"}, {}),
    "cosines": (X, {"features": GaussianCosineFeatures(20, 0.7)}, {}),
    "product kernel, ridge, weights": (X, {"kernel": ProductLaplace(4.0), "ridge": 0.1}, {"weights": WEIGHTS}),
    "weights": (X, {"ridge": 0.1}, {"weights": WEIGHTS}),
    "control": (X, {"agop": False}, {}),
    "repeated rows": (X[REPEATED], {"ridge": 0.05}, {}),
    "little memory": (X, {}, {"max_memory": 2 * 8 * 45**2}),
    "single precision": (X, {}, {"dtype": torch.float32}),
    "fewer rows than ranks": (X[:3], {}, {}),
}


def recorded(name, ranks=ALONE):
    """Numbers of the layers of a case: stages, AGOP, coefficients, and the lines of their records."""
    x, settings, options = CASES[name]
    options = {"dtype": torch.float64, "weights": None, "max_memory": None, **options}

    def tensor(values):
        return torch.tensor(values, dtype=options["dtype"])

    weights = None if options["weights"] is None else torch.tensor(options["weights"])
    samples = Samples.of(tensor(x), tensor(Y[: len(x)]), weights)
    settings = LayerSettings(**{"kernel": Laplace(2.0), "features": ReLUFeatures(20), **settings})
    layers = deep_rfm(samples, settings, 3, seed=4, max_memory=options["max_memory"], group=ranks.group)
    labels = torch.tensor(LABELS[: len(x)])
    return [
        {
            "stages": layer.stages,
            "agop": layer.agop,
            "coefficients": layer.fit.machine.coefficients,
            "lines": list(record.lines()),
            "precision": record.precision,
        }
        for layer, record in deep_rfm_records(layers, labels, CLASSES, (tensor(TEST[0]), torch.tensor(TEST[1])))
    ]


def others_on_one_rank(rank, ranks):
    """Inputs that differ in a digit, and settings that differ."""
    x = torch.tensor(X)
    x[2, 2] *= 1 + (rank == 1) * 1e-15
    with ranks.together():
        samples = Samples.of(x, torch.tensor(Y))
        next(deep_rfm(samples, LayerSettings(Laplace(2.0), ReLUFeatures(20)), 2, group=ranks.group))


def another_width(rank, ranks):
    """Settings that differ."""
    model = DeepRFMClassifier(features=ReLUFeatures(20 + (rank == 1)), random_state=0)
    model.fit(X, LABELS, group=ranks.group)


def no_numbers(rank, ranks):
    """Data that one rank refuses."""
    DeepRFMClassifier().fit(np.where(rank == 1, np.nan, X), LABELS, group=ranks.group)


def failing_callback(rank, ranks):
    """A callback that fails after the first layer, on one rank."""

    def callback(record):
        if rank == 1:
            raise ValueError("no space left")

    DeepRFMClassifier(callback=callback).fit(X, LABELS, group=ranks.group)


FAILURES = (others_on_one_rank, another_width, no_numbers, failing_callback)


def message(failure, rank, ranks):
    """What is raised on a rank."""
    try:
        failure(rank, ranks)
    except (AgopError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def estimated(rank, ranks):
    """Predictions and records of classifiers: with a draw of its own, ended by one rank, and by the clock."""

    def found(model):
        model.fit(X, LABELS, group=ranks.group)
        return model.decision_function(X), [list(record.lines()) for record in model.records_]

    stop = (lambda record: record.layer == 2) if rank == 0 else None
    return {
        "seed": found(DeepRFMClassifier(random_state=0)),
        "no seed": found(DeepRFMClassifier()),
        "ended by one rank": found(DeepRFMClassifier(depth=4, callback=stop, random_state=0)),
        "ended by the clock": found(DeepRFMClassifier(depth=50, time_budget=0.3, random_state=0)),
    }


def record_cases(rank: int, world: int, folder: str) -> None:
    """Compute every case, and save its numbers."""
    ranks = joined(rank, world, folder)
    torch.save({name: recorded(name, ranks) for name in CASES}, Path(folder, f"rank{rank}.pt"))
    if world > 1:
        torch.save([message(failure, rank, ranks) for failure in FAILURES], Path(folder, f"errors{rank}.pt"))
        torch.save(estimated(rank, ranks), Path(folder, f"estimators{rank}.pt"))
    dist.destroy_process_group()


def die(rank: int, world: int, folder: str) -> None:
    """Rank 1 ends after the first layer."""
    ranks = joined(rank, world, folder)
    leave = (lambda record: os._exit(3)) if rank == 1 else None
    note_end(rank, folder, lambda: DeepRFMClassifier(depth=9, callback=leave).fit(X, LABELS, group=ranks.group))
