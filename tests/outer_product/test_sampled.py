"""The AGOP of a random subset and its standard error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.kernel_machine import KernelMachine
from agop.kernels import Gaussian, Laplace, Metric, ProductLaplace
from agop.outer_product import kernel_agop
from agop.outer_product.sampled import sampled_agop
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
X, A = RNG.standard_normal((40, 3)), RNG.standard_normal((40, 2))
METRICS = {"identity": None, "diagonal": np.array([1.0, 0.2, 3.0]), "full": np.cov(RNG.standard_normal((3, 9)))}


@pytest.mark.parametrize("kernel", [Laplace(2.0), Gaussian(1.0), ProductLaplace(3.0)], ids=str)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_all_samples_against_numpy(kernel, metric, weighted):
    weights = RNG.uniform(0.2, 2, 40) if weighted else None
    matrix = METRICS[metric]
    expected = oracles_kernels.agop(type(kernel).__name__, X, X, A, matrix, weights, **kernel.get_params())
    x, metric = torch.tensor(X), None if matrix is None else Metric(torch.tensor(matrix))
    weights = None if weights is None else torch.tensor(weights)
    machine = KernelMachine(kernel, x, torch.tensor(A), metric)
    for points in (x, x.clone()):
        got, error = sampled_agop(machine, points, 40, weights=weights, max_memory=5000)
        np.testing.assert_allclose(got, expected, atol=1e-10 * abs(expected).max())
        assert error == 0
    whole = kernel_agop(machine, weights=weights, samples=40)
    assert whole.plan is not None
    assert whole.standard_error == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_the_standard_error_is_that_of_many_draws(weighted):
    weights = torch.tensor(RNG.uniform(0.1, 1.5, 40) ** 2) if weighted else None
    machine = KernelMachine(Gaussian(1.5), torch.tensor(X), torch.tensor(A))
    whole = kernel_agop(machine, weights=weights).matrix
    draws = [kernel_agop(machine, weights=weights, samples=16, seed=seed) for seed in range(400)]
    true = np.sqrt(np.mean([((draw.matrix - whole) ** 2).sum() for draw in draws])) / whole.norm()
    stated = np.sqrt(np.mean([(draw.standard_error * draw.matrix.norm()) ** 2 for draw in draws])) / whole.norm()
    assert stated == pytest.approx(true.item(), rel=0.15)


def test_one_sample_is_refused():
    with pytest.raises(InputError, match="two samples or more"):
        kernel_agop(KernelMachine(Laplace(1.0), torch.tensor(X), torch.tensor(A)), samples=1)
