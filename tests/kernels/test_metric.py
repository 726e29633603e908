"""The Mahalanobis metric as a linear map."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.kernels import Metric, euclidean_distances
from oracles import kernels as oracles_kernels

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 4))
FULL = np.cov(RNG.standard_normal((4, 9)))
DIAGONAL = np.array([2.0, 0.0, 0.3, 5.0])


@pytest.mark.parametrize("matrix", [FULL, DIAGONAL], ids=["full", "diagonal"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_of_mapped_points_are_those_of_the_metric(matrix, dtype):
    x = torch.tensor(X, dtype=dtype)
    mapped = Metric(torch.tensor(matrix)).map(x, x.mean(0))
    assert mapped.dtype == dtype
    truth = [[oracles_kernels.distance(a, b, matrix) for b in X] for a in X]
    np.testing.assert_allclose(euclidean_distances(mapped), truth, atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_points_that_differ_in_the_null_space_only_coincide_under_an_offset():
    direction = np.array([1.0, 2.0, -1.0, 0.5])
    null = np.linalg.svd(direction[None])[2][1:]
    x = torch.tensor(np.concatenate([X, X + null.sum(0)]) + 100)
    mapped = Metric(torch.tensor(np.outer(direction, direction))).map(x, x.mean(0))
    gaps = (mapped[:12] - mapped[12:]).norm(dim=1)
    assert gaps.max().item() < 1e-13 * mapped.norm(dim=1).max().item()


@pytest.mark.parametrize("matrix", [FULL, DIAGONAL], ids=["full", "diagonal"])
def test_gradients_are_pulled_back_by_the_chain_rule(matrix):
    metric = Metric(torch.tensor(matrix))
    gradients = torch.tensor(X)
    root = torch.tensor(oracles_kernels.symmetric_root(oracles_kernels.full_metric(matrix, 4)))
    expected = (gradients @ root).mT @ (gradients @ root)
    torch.testing.assert_close(metric.pull_back(gradients.mT @ gradients), expected)


def test_a_matrix_that_is_no_metric_is_refused_on_use():
    with pytest.raises(InputError, match="semi-definite"):
        Metric(-torch.eye(2)).map(torch.ones(1, 2), torch.zeros(2))
