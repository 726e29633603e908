"""Codings of classes as targets, and what they do to a predictor and to its features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.datasets import CODINGS, coded_targets
from agop.errors import InputError
from agop.kernels import Laplace
from agop.outer_product import kernel_agop
from agop.rfm import Samples, Setting, rfm
from oracles import theory as oracles_theory

LABELS = torch.tensor([2, 0, 1, 1, 2, 2, 0, 1] * 5)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_entry(coding, dtype):
    found = coded_targets(LABELS, 4, coding, dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, oracles_theory.coded(LABELS.tolist(), 4, coding), rtol=1e-6)


def test_unknown_coding():
    with pytest.raises(InputError, match=r"targets=.*got 'binary'"):
        coded_targets(LABELS, 3, "binary")


def test_all_decide_for_the_same_class_and_learn_other_features():
    """Predictions and AGOPs of signed and centered targets are made of those of one-hot targets and of the target 1."""
    inputs = torch.randn(40, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points, setting = inputs[:20] + 0.1, Setting(Laplace(2.0), 0.1)

    def machine(targets):
        (step,) = rfm(Samples.of(inputs, targets), setting, 0)
        return step.machine

    ones = machine(torch.ones(40, 1, dtype=torch.float64))
    machines = {coding: machine(coded_targets(LABELS, 3, coding, torch.float64)) for coding in CODINGS}
    of_one_hot, of_one = machines["one-hot"](points), ones(points)
    expected = {"one-hot": of_one_hot, "signed": 2 * of_one_hot - of_one, "centered": of_one_hot - of_one / 3}
    for coding, found in machines.items():
        torch.testing.assert_close(found(points), expected[coding])
        assert torch.equal(found(points).argmax(1), of_one_hot.argmax(1))
    agops = {coding: kernel_agop(found, inputs).matrix for coding, found in machines.items()}
    one_hot, of_ones = agops["one-hot"], kernel_agop(ones, inputs).matrix
    torch.testing.assert_close(agops["signed"], 4 * one_hot - of_ones)
    torch.testing.assert_close(agops["centered"], one_hot - of_ones / 3)
    assert of_ones.norm() > 1e-3 * one_hot.norm()  # the difference is one
