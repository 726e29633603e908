"""Deep RFM of several ranks of a gloo group; in a module of its own so that a new process can load it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from agop.deep_rfm import GaussianCosineFeatures, LayerSettings, ReLUFeatures, deep_rfm, deep_rfm_records
from agop.errors import AgopError
from agop.kernels import Gaussian, Laplace, ProductLaplace
from agop.ranks import ALONE, Ranks
from agop.rfm import Samples

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


def fail(rank, ranks):
    """Data that are no numbers on one rank."""
    x = torch.tensor(X)
    if rank == 1:
        x[2, 2] = torch.nan
    samples = Samples.of(x, torch.tensor(Y))
    try:
        with ranks.together():
            next(deep_rfm(samples, LayerSettings(Laplace(2.0), ReLUFeatures(20)), 2, group=ranks.group))
    except AgopError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def record_cases(rank: int, world: int, folder: str) -> None:
    """Compute every case, and save its numbers."""
    where = f"file://{folder}/rendezvous"
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=world, timeout=timedelta(seconds=20))
    ranks = Ranks(dist.group.WORLD)
    torch.save({name: recorded(name, ranks) for name in CASES}, Path(folder, f"rank{rank}.pt"))
    if world > 1:
        Path(folder, f"error{rank}.txt").write_text(fail(rank, ranks))
    dist.destroy_process_group()
