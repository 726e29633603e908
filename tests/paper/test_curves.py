"""Numbers behind verdicts against plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agop.paper.curves import (
    curve,
    epochs_of,
    falls,
    first_epoch,
    last_nc1,
    over_layers,
    power_of_ten,
    rank_correlation,
)
from agop.paper.figures.deep_rfm_gram import block_means
from agop.runs import select, values_of

LINES = [
    {"seed": seed, "epoch": epoch, "layer": layer, "stage": stage, "nc1_trace_ratio": 10.0 ** -(epoch + seed + depth)}
    | ({"linear_log_fall": math.log(4.0), "output_log_fall": math.log(8.0 * (1 + seed)), "nfa": 0.5 + 0.1 * seed})
    for seed in (0, 1)
    for epoch in (0, 2, 5)
    for depth, layer in enumerate(("fc.1", "fc.2", "fc.output"))
    for stage in ("input", "linear", "output")
    if (layer, stage) != ("fc.output", "output")
]


def test_geometric_and_plain_means_over_seeds():
    lines = [{"x": 1, "v": 1.0}, {"x": 1, "v": 100.0}, {"x": 2, "v": None}, {"x": 3, "v": -1.0}, {"x": 3, "v": 5.0}]
    assert curve(lines, "v", "x") == pytest.approx({1: 10.0, 3: 5.0})
    assert curve(lines, "v", "x", log=False) == {1: 50.5, 3: 2.0}


def test_selection():
    assert len(select(LINES, seed=1, epoch=5)) == 8
    assert values_of(LINES, "layer") == ["fc.1", "fc.2", "fc.output"]
    assert values_of([{"a": None}, {}], "a") == []


def test_decades():
    assert power_of_ten(0.01, 10.0) == pytest.approx(3)


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlation(seed):
    x, y = np.random.default_rng(seed).standard_normal((2, 7))
    ranks = [np.argsort(np.argsort(each)) for each in (x, y)]
    assert rank_correlation(x, y) == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_rank_correlation_without_enough():
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 2, 3], [2, 2, 2]) is None


def test_falls_are_sums_over_hidden_layers_and_means_over_seeds():
    lines = [line for line in LINES if line["layer"] != "fc.output"]
    linear, whole = falls(lines, 5)
    assert linear == pytest.approx(2 * np.log10(4))
    assert whole == pytest.approx(2 * np.mean(np.log10([8, 16])))


def test_ends_of_a_training():
    assert epochs_of(LINES) == (0, 5)
    assert epochs_of([line for line in LINES if line["seed"] == 0 or line["epoch"] < 5]) == (0, 2)
    assert last_nc1(LINES, 2) == pytest.approx(10**-3.5)
    assert over_layers(LINES, "nfa", 0) == pytest.approx(0.55)


def test_first_epoch_that_lasts():
    assert first_epoch([(0, 1.0), (5, None), (10, 1.0)], 0.5, above=True) == 10
    assert first_epoch([(0, 0.05), (5, 0.1), (10, 0.2)], 0.1, above=False) is None


def test_blocks():
    gram = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    gram = gram + gram.T
    same = np.kron(np.eye(3), np.ones((2, 2)))
    values = gram.double().numpy()
    within, across = block_means(gram, 3)
    assert within == pytest.approx(values[(same - np.eye(6)) == 1].mean())
    assert across == pytest.approx(values[same == 0].mean())
