"""Losses that a command names: their values, and the targets that they do not take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.network.losses import LOSSES, check_scores, loss_of, squared

OUTPUTS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 1])


def test_squared_of_classes_is_that_of_plus_and_minus_one():
    targets = np.array([[-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
    assert squared(OUTPUTS, LABELS).item() == pytest.approx(((OUTPUTS.numpy() - targets) ** 2).mean())


def test_squared_of_numbers():
    targets = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    assert squared(OUTPUTS, targets).item() == pytest.approx(((OUTPUTS - targets).numpy() ** 2).mean())


def test_squared_of_other_numbers_than_outputs():
    with pytest.raises(InputError, match="as many targets as outputs for the squared loss, got 1 for 3"):
        squared(OUTPUTS, OUTPUTS[:, :1])


@pytest.mark.parametrize("loss", LOSSES.values())
def test_labels_without_an_output(loss):
    check_scores(loss, 3, np.array([2, 0]))
    for n_outputs, label in ((3, 3), (1, 0), (1, 1)):
        with pytest.raises(InputError, match=f"for a loss of scores, got label {label} and outputs: {n_outputs}"):
            check_scores(loss, n_outputs, np.array([0, label]))


def test_a_loss_of_ones_own_may_take_other_labels():
    check_scores(torch.nn.functional.mse_loss, 1, np.array([0, 5]))


def test_names():
    assert {name: loss_of(name) for name in LOSSES} == dict(LOSSES)
    assert loss_of("cross-entropy") is torch.nn.functional.cross_entropy  # so that records of both merge
    assert loss_of("torch.nn.functional:mse_loss") is torch.nn.functional.mse_loss
    with pytest.raises(InputError, match=r"a loss out of squared, cross-entropy, or a function .* got 'hinge'"):
        loss_of("hinge")
