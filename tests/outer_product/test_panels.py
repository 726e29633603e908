"""AGOP over panels of the centers: what the ranks have adds up to the AGOP over all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.kernel_machine import KernelMachine
from agop.kernels import Laplace, Metric, ProductLaplace
from agop.outer_product import AGOPPlan, kernel_agop
from agop.ranks import Panels
from oracles import kernels as oracles_kernels
from ranks.pretended import Rank

RNG = np.random.default_rng(0)
X, A, WEIGHTS = RNG.standard_normal((23, 4)), RNG.standard_normal((23, 3)), RNG.uniform(0.5, 2, 23)
M = np.cov(RNG.standard_normal((4, 9)))
KERNELS = {"Laplace": Laplace(2.0), "ProductLaplace": ProductLaplace(2.0)}


@pytest.mark.parametrize("given", [False, True], ids=["", "known gradient weights"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weights"])
@pytest.mark.parametrize(
    ("kernel", "form"), [("Laplace", "elementwise"), ("Laplace", "per-output"), ("ProductLaplace", "per-output")]
)
@pytest.mark.parametrize(("world", "width"), [(1, 5), (2, 4), (3, 2), (3, 23), (4, 7)])
@pytest.mark.parametrize("block", [8, 1024])
def test_ranks_add_up(monkeypatch, world, width, kernel, form, weights, given, block):
    monkeypatch.setattr("agop.outer_product.forms.BLOCK", block)
    metric = None if given else Metric(torch.tensor(M))
    machine = KernelMachine(KERNELS[kernel], torch.tensor(X), torch.tensor(A), metric)
    total = torch.zeros(4, 4, dtype=torch.float64)
    for rank in range(world):
        panels = Panels(23, width, Rank(rank, world))
        options = {"weights": None if weights is None else torch.tensor(weights)}
        pairs = machine.kernel.gradient_weights(machine.centers) if given else None
        if pairs is not None:
            options["gradient_weights"] = pairs[panels.own_rows]
        total += kernel_agop(machine, panels, plan=AGOPPlan(form, torch.float64, 0.0), **options).matrix
    expected = oracles_kernels.agop(kernel, X, X, A, None if given else M, weights=weights, bandwidth=2.0)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-12 * abs(expected).max())
