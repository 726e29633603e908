"""Losses that a command names: their values, and the targets that they do not take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.network.run.losses import LOSSES, cross_entropy, loss_of, squared

OUTPUTS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 1])


def test_cross_entropy_is_the_mean_of_the_negative_log_shares():
    shares = np.exp(OUTPUTS.numpy())
    shares /= shares.sum(1, keepdims=True)
    assert cross_entropy(OUTPUTS, LABELS).item() == pytest.approx(-np.log([shares[0, 2], shares[1, 1]]).mean())


def test_squared_of_classes_is_that_of_plus_and_minus_one():
    targets = np.array([[-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
    assert squared(OUTPUTS, LABELS).item() == pytest.approx(((OUTPUTS.numpy() - targets) ** 2).mean())


def test_squared_of_numbers():
    targets = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    assert squared(OUTPUTS, targets).item() == pytest.approx(((OUTPUTS - targets).numpy() ** 2).mean())


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "match"),
    [
        (cross_entropy, OUTPUTS, OUTPUTS, "labels of classes for the cross-entropy, got targets of a regression"),
        (cross_entropy, OUTPUTS, LABELS + 1, "an output for each class, .* got label 3 and outputs: 3"),
        (squared, OUTPUTS, LABELS + 1, "an output for each class, .* got label 3 and outputs: 3"),
        (cross_entropy, OUTPUTS[:, :1], LABELS - 1, "got label 1 and outputs: 1"),
        (squared, OUTPUTS, OUTPUTS[:, :1], "as many targets as outputs for the squared loss, got 1 for 3"),
    ],
)
def test_targets_that_do_not_fit(loss, outputs, targets, match):
    with pytest.raises(InputError, match=match):
        loss(outputs, targets)


def test_names():
    assert {name: loss_of(name) for name in LOSSES} == dict(LOSSES)
    assert loss_of("torch.nn.functional:mse_loss") is torch.nn.functional.mse_loss
    with pytest.raises(InputError, match=r"a loss out of cross-entropy, squared, or a function .* got 'hinge'"):
        loss_of("hinge")
