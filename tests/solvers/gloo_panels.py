"""Systems that ranks of a gloo group solve together; in a module of its own so that a new process can load it."""

from __future__ import annotations

import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist

from agop.errors import AgopError, JitterWarning
from agop.kernels import KernelMatrix, Laplace
from agop.ranks import Panels
from agop.solvers import DenseMatrix, PanelCholesky
from ranks.together import joined

RNG = np.random.default_rng(0)


def definite(n):
    """Positive definite matrix (n, n) of condition about 100."""
    rows = RNG.standard_normal((n, 2 * n))
    return rows @ rows.T / n


def matrix(entries, shift=0.0, dtype=torch.float64):
    return DenseMatrix(torch.tensor(entries, dtype=dtype), shift)


ENTRIES = {n: definite(n) for n in (3, 31, 40)}
SHIFT = torch.tensor(RNG.uniform(0.1, 1, 31))
TARGETS = {n: RNG.standard_normal((n, 2)) for n in ENTRIES}
POINTS = RNG.standard_normal((40, 3))
SINGULAR = np.kron(np.ones((2, 2)), ENTRIES[3])
NEARLY = np.eye(31) + 1e6 * np.ones((31, 31))

CASES = {
    "equal panels": (matrix(ENTRIES[40]), 4),
    "a short last panel": (matrix(ENTRIES[31], SHIFT), 4),
    "one panel": (matrix(ENTRIES[31]), 31),
    "fewer rows than ranks": (matrix(ENTRIES[3]), 1),
    "single precision": (matrix(ENTRIES[31], 1.0, torch.float32), 4),
    "single precision does not do": (matrix(NEARLY, 0.0, torch.float32), 4),
    "points": (KernelMatrix(Laplace(2.0), torch.tensor(POINTS), 0.1), 7),
}
FAILURES = {
    "singular": matrix(SINGULAR),
    "indefinite": matrix(-ENTRIES[40]),
    "not a number": matrix(np.where(np.eye(40) * np.arange(40) == 6, np.nan, ENTRIES[40])),
}


def left_out(n):
    """Every other row of the last two thirds, from the end."""
    return torch.arange(n - 1, n // 3, -2)


def solved(name, ranks):
    """Solution of a case."""
    matrix, width = CASES[name]
    n = len(matrix.diagonal)
    targets = torch.tensor(TARGETS[n])
    solver = PanelCholesky(Panels(n, width, ranks))
    return solver.solve(matrix, targets, left_out=left_out(n))


def sent(ranks):
    """Numbers that a solve broadcasts and adds up, in messages of each rank."""
    found = {"broadcast": [], "all_reduce": []}

    def counting(kind):
        send = getattr(dist, kind)

        def counted(tensor, *arguments, **options):
            found[kind].append(tensor.numel())
            return send(tensor, *arguments, **options)

        return mock.patch.object(dist, kind, counted)

    matrix, width = CASES["equal panels"]
    with counting("broadcast"), counting("all_reduce"):
        PanelCholesky(Panels(40, width, ranks)).solve(matrix, torch.tensor(TARGETS[40]))
    return found


def failed(name, ranks):
    """What a system says that has no solution, or one with a jitter only."""
    matrix, found = FAILURES[name], ""
    n = len(matrix.diagonal)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", JitterWarning)
        try:
            with ranks.together():
                solution = PanelCholesky(Panels(n, 4, ranks)).solve(matrix, torch.ones(n, 1, dtype=torch.float64))
                found = f"jitter {solution.jitter > 0}"
        except AgopError as error:
            found = f"{type(error).__name__}: {error}"
    return found, [str(warning.message) for warning in caught]


def solve_cases(rank: int, world: int, folder: str) -> None:
    """Solve every case, and save what was found."""
    ranks = joined(rank, world, folder)
    solutions = {name: vars(solved(name, ranks)) for name in CASES}
    failures = {name: failed(name, ranks) for name in FAILURES}
    torch.save((solutions, failures, sent(ranks)), Path(folder, f"rank{rank}.pt"))
    dist.destroy_process_group()
