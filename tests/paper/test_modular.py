"""Modular addition by the recursion, and the structure of its features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.paper.modular import (
    Addition,
    ModularSettings,
    circulant_score,
    modular_lines,
    random_circulant_features,
)


def test_every_pair_is_learned_from_or_tested_on():
    halves = Addition.halves(7, 3)
    assert [len(half.sums) for half in halves] == [25, 24]
    pairs = set()
    for half in halves:
        assert half.inputs.sum(1).tolist() == [2.0] * len(half.sums)
        first, second = half.inputs[:, :7].argmax(1), half.inputs[:, 7:].argmax(1)
        assert ((first + second - half.sums) % 7 == 0).all()
        pairs |= set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(pairs) == 49


def slow_score(block):
    p = len(block)
    classes = [[block[i, (i - k) % p] for i in range(p)] for k in range(p)]
    return np.var([np.mean(each) for each in classes]) / np.var(block)


def test_circulant_score():
    c = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0])
    number = torch.arange(5)
    circulant = c[(number[:, None] - number) % 5]
    assert circulant_score(circulant) == pytest.approx(1)
    assert circulant_score(circulant.flip(0)) == pytest.approx(slow_score(circulant.flip(0).numpy()))
    noise = np.random.default_rng(0).standard_normal((101, 101))
    assert circulant_score(torch.from_numpy(noise)) == pytest.approx(slow_score(noise))
    assert circulant_score(torch.from_numpy(noise)) < 3 / 101
    assert circulant_score(torch.ones(4, 4)) == 0
    with pytest.raises(InputError, match="square"):
        circulant_score(torch.ones(2, 3))


def test_random_circulant_features_are_a_metric_with_a_circulant_block():
    matrix = random_circulant_features(11, 0).matrix
    assert torch.linalg.eigvalsh(matrix).min() > -1e-12
    assert circulant_score(matrix[:11, 11:]) == pytest.approx(1)
    assert torch.equal(matrix, matrix.mT)


@pytest.mark.parametrize(("kernel", "bandwidth", "centered"), [("quadratic", 1.0, False), ("gaussian", 2.5, True)])
def test_features_come_before_the_accuracy(kernel, bandwidth, centered):
    heard = []
    *lines, random = modular_lines(ModularSettings(23, kernel, bandwidth, 12, centered), heard.append)
    assert len(lines) == len(heard) == 13
    assert random["iteration"] is None
    assert random["circulant"] == pytest.approx(1)
    assert [line["train_accuracy"] for line in lines] == [1.0] * 13
    assert lines[0]["test_accuracy"] < 0.1
    assert lines[0]["circulant"] == 0
    assert lines[-1]["circulant"] > 0.5
    assert lines[-1]["alignment"] == pytest.approx(1)
    assert lines[0]["test_error"] > 1  # worse than no prediction
