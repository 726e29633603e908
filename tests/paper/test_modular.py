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
    """Coefficient of determination of a regression on indicators of i - j and of i + j."""
    p = len(block)
    i, j = np.meshgrid(range(p), range(p), indexing="ij")
    indicators = np.hstack([np.eye(p)[((i + sign * j) % p).ravel()] for sign in (-1, 1)])
    fitted = indicators @ np.linalg.lstsq(indicators, block.ravel(), rcond=None)[0]
    return np.var(fitted) / np.var(block)


def test_circulant_score():
    c = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0])
    number = torch.arange(5)
    circulant = c[(number[:, None] - number) % 5]
    for block in (circulant, circulant.flip(0), circulant + 2 * circulant.flip(1)):
        assert circulant_score(block) == pytest.approx(1)
    noise = np.random.default_rng(0).standard_normal((101, 101))
    assert circulant_score(torch.from_numpy(noise)) == pytest.approx(slow_score(noise))
    assert circulant_score(torch.from_numpy(noise)) < 4 / 101
    mixed = noise[:5, :5] + circulant.numpy()
    assert circulant_score(torch.from_numpy(mixed)) == pytest.approx(slow_score(mixed))
    assert circulant_score(torch.ones(5, 5)) == 0
    for shape in ((2, 3), (4, 4)):
        with pytest.raises(InputError, match="square matrix of odd size"):
            circulant_score(torch.ones(shape))


def slow_squares(c):
    """The square of the features by definition, written out: the positive part of a matrix, by its singular values."""
    p = len(c)
    block = np.array([[c[(i - j) % p] - c.mean() for j in range(p)] for i in range(p)])
    own = np.eye(p) - np.ones((p, p)) / p
    whole = np.block([[own, block], [block.T, own]])
    _, singular, right = np.linalg.svd(whole)
    return (whole + (right.T * singular) @ right) / 2


def test_random_circulant_features_are_those_of_the_definition():
    matrix = random_circulant_features(11, 0).matrix
    c = torch.rand(11, generator=torch.Generator().manual_seed(0), dtype=torch.float64).numpy()
    np.testing.assert_allclose(matrix @ matrix, slow_squares(c), atol=1e-12)
    torch.testing.assert_close(matrix, matrix.mT)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-12
    assert circulant_score(matrix[:11, 11:]) == pytest.approx(1)


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
