"""Recursive feature machines of several ranks of a gloo group; in a module that a new process can load."""

from __future__ import annotations

import os
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist
from sklearn.base import clone

from agop.errors import AgopError
from agop.kernels import Laplace, ProductLaplace
from agop.ranks import ALONE
from agop.rfm import (
    Limits,
    RFMClassifier,
    RFMRegressor,
    Samples,
    Setting,
    TreeRFMClassifier,
    TreeRFMRegressor,
    clock,
    rfm,
)
from agop.solvers import Cholesky, ConjugateGradient
from ranks.together import joined, note_end

RNG = np.random.default_rng(0)
X = RNG.standard_normal((61, 4))
Y = np.stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
WEIGHTS = torch.tensor(RNG.uniform(0.5, 2, len(X)))

CASES = {
    "full metric": (Setting(Laplace(2.0), 1e-2), {}),
    "diagonal metric": (Setting(ProductLaplace(4.0), 1e-2), {"diagonal": True}),
    "power": (Setting(Laplace(2.0), 1e-2, power=0.5), {"solver": Cholesky()}),
    "sampled AGOP": (Setting(Laplace(2.0), 1e-2), {"limits": {"agop_samples": 30}}),
    "sampled AGOP, little memory": (
        Setting(Laplace(2.0), 1e-2),
        {"limits": {"agop_samples": 30, "max_memory": 2 * 8 * 61**2}},
    ),
    "no updates": (Setting(Laplace(2.0), 1e-2), {"n_iterations": 0}),
}


def iterates(name, weights, ranks=ALONE):
    """Numbers of the iterates of a case."""
    setting, options = CASES[name]
    limits = Limits(**options.get("limits", {}), ranks=ranks)
    samples = Samples.of(torch.tensor(X), torch.tensor(Y), weights)
    found = rfm(samples, setting, **{"n_iterations": 3, **options, "limits": limits})
    return [
        (
            step.iteration,
            None if step.machine.metric is None else step.machine.metric.matrix,
            step.machine.coefficients,
            step.agop_error,
            None if step.plan is None else step.plan.form,
        )
        for step in found
    ]


def unshared(ranks):
    """What is said of a solver that ranks cannot share."""
    samples = Samples.of(torch.tensor(X), torch.tensor(Y))
    try:
        with ranks.together():
            next(rfm(samples, Setting(Laplace(2.0), 1e-2), solver=ConjugateGradient(), limits=Limits(ranks=ranks)))
    except AgopError as error:
        return str(error)
    return "nothing"


LABELS = (Y[:, 0] > 0).astype(int) + (X[:, 3] > 1)
NEW = RNG.standard_normal((11, 4))

ESTIMATORS = {
    "numbers": (RFMRegressor, {"kernel": Laplace(2.0), "ridge": 1e-2, "selection": None}, {}),
    "float32": (RFMRegressor, {"kernel": Laplace(2.0), "ridge": 1e-2, "selection": None}, {"dtype": np.float32}),
    "choices": (RFMRegressor, {"n_iterations": 2, "random_state": 0}, {}),
    "choices, weights": (RFMClassifier, {"n_iterations": 2}, {"sample_weight": WEIGHTS.numpy()}),
    "a part learns the metric": (RFMRegressor, {"n_iterations": 2, "metric_samples": 30}, {}),
    "a part learns the metric of a classifier": (RFMClassifier, {"n_iterations": 2, "metric_samples": 30}, {}),
    "validation rows": (RFMClassifier, {"n_iterations": 3}, {"validation": True}),
    "validation fraction": (RFMRegressor, {"n_iterations": 2, "validation_fraction": 0.3, "random_state": 1}, {}),
    "no random state": (RFMRegressor, {"n_iterations": 1, "validation_fraction": 0.3}, {}),
}
BUDGETED = {
    "given": {"kernel": Laplace(2.0), "ridge": 1e-2, "selection": None, "n_iterations": 3},
    "chosen": {"n_iterations": 2, "random_state": 0},
}
FOUND = ("metric_", "bandwidth_", "ridge_", "power_", "best_iteration_", "n_iter_", "validation_scores_", "agop_error_")


def estimated(name, group=None):
    """What an estimator learned."""
    kind, parameters, options = ESTIMATORS[name]
    x, y = X.astype(options.get("dtype", float)), LABELS if kind is RFMClassifier else Y
    given = {"validation": (NEW, LABELS[:11])} if "validation" in options else {}
    model = kind(**parameters).fit(x, y, options.get("sample_weight"), **given, group=group)
    found = {what: getattr(model, what) for what in FOUND}
    return found | {"predictions": model.predict(NEW.astype(x.dtype)), "solver": str(model.solver_)}


def ended(rank, group):
    """Iterates of a regressor that rank 1 ends after the first update."""
    stop = (lambda step: step.iteration == 1) if rank == 1 else None
    model = RFMRegressor(Laplace(2.0), ridge=1e-2, selection=None, n_iterations=4, callback=stop)
    return model.fit(X, Y, group=group).n_iter_


TREES = {
    "regressor": (TreeRFMRegressor, RFMRegressor(Laplace(2.0), ridge=1e-2, n_iterations=2, selection=None), Y),
    "classifier": (TreeRFMClassifier, RFMClassifier(n_iterations=1, class_weight="balanced"), LABELS),
}


def grown(name, group=None):
    """Numbers of a tree, and the iterates of its leaves that this rank computed; chance of the first rank counts."""
    kind, leaf, y = TREES[name]
    seen, first = [], group is None or dist.get_rank(group) == 0
    leaf = clone(leaf).set_params(callback=lambda step: seen.append(step.iteration))
    model = kind(leaf, 25, n_split_samples=20, random_state=0 if first else 1).fit(X, y, group=group)
    found = {"predictions": model.predict(NEW), "weights": model.leaf_weights_.numpy(), "agop": model.agop().numpy()}
    machines = [leaf for leaf in model.leaves_ if not isinstance(leaf, torch.Tensor)]  # others have one class
    return found | {"seeds": [leaf.random_state for leaf in machines]}, seen


def failing_leaf(rank, group):
    """What is said of a callback that fails on one rank."""

    def callback(step):
        raise ValueError("no space left")

    leaf = clone(TREES["regressor"][1]).set_params(callback=callback if rank == 1 else None)
    try:
        TreeRFMRegressor(leaf, 25, random_state=0).fit(X, Y, group=group)
    except (AgopError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def ticking(pace, real=time.monotonic):
    """A clock that goes so many times as fast."""
    start = real()
    return lambda: start + pace * (real() - start)


def hurried(rank, group):
    """What is learned within a budget that has run out by the clock of one rank alone, by that rank."""
    found = {}
    for early in range(dist.get_world_size(group)):
        for name, parameters in BUDGETED.items():
            with mock.patch.object(clock.time, "monotonic", ticking(1e6 if rank == early else 1.0)):
                model = RFMRegressor(time_budget=600.0, **parameters).fit(X, Y, group=group)
            found[name, early] = model.n_iter_, model.cut_short_, model.predict(NEW)
    return found


def refused(rank, group):
    """What is said of data and parameters that ranks cannot share."""
    messages = []
    other = np.where(np.arange(len(X))[:, None] == 3 * (rank == 1), 0.0, X)
    for parameters, x in (({"ridge": 0.1 + (rank == 1)}, X), ({}, other)):
        try:
            RFMRegressor(**parameters).fit(x, Y, group=group)
        except AgopError as error:
            messages.append(f"{type(error).__name__}: {error}")
    return messages


def take_iterates(rank: int, world: int, folder: str) -> None:
    """Compute every case, and save its numbers."""
    ranks = joined(rank, world, folder)
    found = {(name, given): iterates(name, WEIGHTS if given else None, ranks) for name in CASES for given in (0, 1)}
    torch.save((found, unshared(ranks)), Path(folder, f"rank{rank}.pt"))
    models = {name: estimated(name, ranks.group) for name in ESTIMATORS}
    torch.save((models, ended(rank, ranks.group), refused(rank, ranks.group)), Path(folder, f"models{rank}.pt"))
    trees = {name: grown(name, ranks.group) for name in TREES}
    torch.save((trees, failing_leaf(rank, ranks.group)), Path(folder, f"trees{rank}.pt"))
    torch.save(hurried(rank, ranks.group), Path(folder, f"hurried{rank}.pt"))
    dist.destroy_process_group()


def die(rank: int, world: int, folder: str) -> None:
    """Rank 1 ends after the first iterate."""
    ranks = joined(rank, world, folder)
    leave = (lambda step: os._exit(3)) if rank == 1 else None
    model = RFMRegressor(Laplace(2.0), ridge=1e-2, selection=None, callback=leave)
    note_end(rank, folder, lambda: model.fit(X, Y, group=ranks.group))
