"""Metrics that the powers of an AGOP make."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.rfm.powers import POWERS, Powers
from oracles.kernels import power_of


def made(d=5, rank=5, seed=0):
    gradients = np.random.default_rng(seed).standard_normal((rank, d))
    return gradients.T @ gradients


@pytest.mark.parametrize("power", [*POWERS, 0.7, 2.0])
@pytest.mark.parametrize("diagonal", [False, True])
def test_against_the_oracle(power, diagonal):
    agop = np.diag(made()).copy() if diagonal else made()
    expected = agop**power if diagonal else power_of(agop, power)
    metric = Powers(torch.tensor(agop), torch.float64).metric(power)
    np.testing.assert_allclose(metric.matrix, expected / expected.max(), rtol=0, atol=1e-12)


def test_the_first_power_is_the_agop_to_the_last_bit():
    agop = torch.tensor(made())
    assert torch.equal(Powers(agop, torch.float64).metric(1.0).matrix, agop / agop.max())


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_fourth_root_raises_no_rounding(diagonal):
    """1e-9 of the largest is rounding in float32, of which the fourth root would make .006, and none in float64."""
    values = torch.tensor([1.0, 1e-9, 0.5], dtype=torch.float64)
    agop = values if diagonal else values.diag()
    rounded, exact = (Powers(agop, dtype).metric(0.25).matrix for dtype in (torch.float32, torch.float64))
    rounded, exact = (matrix if diagonal else matrix.diagonal() for matrix in (rounded, exact))
    assert rounded[1] == 0
    assert exact[1].item() == pytest.approx(1e-9**0.25)


@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize("diagonal", [False, True])
def test_smoothing_adds_the_identity_before_the_power(power, diagonal):
    agop = np.diag(made(rank=2)).copy() if diagonal else made(rank=2)
    smooth = agop / agop.max() + 0.1 * (1 if diagonal else np.eye(5))
    expected = smooth**power if diagonal else power_of(smooth, power)
    found = Powers(torch.tensor(agop), torch.float64).metric(power, 0.1).matrix
    np.testing.assert_allclose(found, expected / expected.max(), rtol=0, atol=1e-12)
    if not diagonal:
        assert np.linalg.matrix_rank(found) == 5


@pytest.mark.parametrize("smoothing", [-0.1, float("nan"), float("inf")])
def test_unusable_smoothing(smoothing):
    with pytest.raises(InputError, match="a finite smoothing"):
        Powers(torch.eye(2, dtype=torch.float64), torch.float64).metric(1.0, smoothing)


def test_a_metric_is_made_once():
    powers = Powers(torch.tensor(made()), torch.float64)
    assert powers.metric(0.5) is powers.metric(0.5)
    assert powers.metric(0.5) is not powers.metric(0.5, 0.1)


@pytest.mark.parametrize("power", [0.0, -1.0, float("nan"), float("inf")])
def test_unusable_powers(power):
    with pytest.raises(InputError, match="a positive, finite power"):
        Powers(torch.eye(2, dtype=torch.float64), torch.float64).metric(power)


@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize("shape", [(3,), (3, 3)])
def test_a_constant_predictor_has_no_metric(power, shape):
    with pytest.raises(InputError, match="an AGOP of zero"):
        Powers(torch.zeros(shape, dtype=torch.float64), torch.float64).metric(power)
