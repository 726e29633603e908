"""Records of Deep RFM: the three stages of every layer against slow loops."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from agop.deep_rfm import (
    CosineFeatures,
    GaussianCosineFeatures,
    LaplaceCosineFeatures,
    LayerSettings,
    ReLUFeatures,
    deep_rfm,
    deep_rfm_records,
)
from agop.kernels import Laplace
from agop.rfm import Samples
from oracles import collapse as oracles_collapse
from oracles import deep_rfm as oracles_deep_rfm
from oracles import kernels as oracles_kernels

DEPTH, SEED, RIDGE, WIDTH = 2, 5, 0.01, 12
MEASURES = ["nc1_trace_ratio", "nc1_pinv", "nc1_cdnv", "nc2_gram_mse", "nc2_etf_error"]
RNG = np.random.default_rng(0)
LABELS, TEST_LABELS = np.arange(24) % 3, np.arange(10) % 3
CENTERS = RNG.standard_normal((3, 4))
X = CENTERS[LABELS] + 0.7 * RNG.standard_normal((24, 4))
TEST = CENTERS[TEST_LABELS] + 0.7 * RNG.standard_normal((10, 4))
TEST *= np.logspace(-4, 0, 10)[:, None]  # of no consequence: rows are normalized
TARGETS = 2.0 * np.eye(3)[LABELS] - 1


def records(agop=True, features=ReLUFeatures(WIDTH), test=None, dtype=torch.float64):  # noqa: B008 (hyper-parameters)
    samples = Samples.of(torch.tensor(X, dtype=dtype), torch.tensor(TARGETS, dtype=dtype))
    layers = deep_rfm(samples, LayerSettings(Laplace(2.0), features, RIDGE, agop), DEPTH, seed=SEED)
    return list(deep_rfm_records(layers, torch.tensor(LABELS), 3, test))


def maps(features=ReLUFeatures(WIDTH)):  # noqa: B008
    drawn = [features.draw(width, seed=SEED, layer=layer) for layer, width in enumerate((4, WIDTH), start=1)]
    return [(m.weight.numpy(), None if m.phase is None else m.phase.numpy()) for m in drawn]


def effective_rank(features):
    """(tr S)^2 / |S|_F^2 of the covariance matrix, entry by entry."""
    centered = features - features.mean(0)
    covariance = centered.T @ centered / len(features)
    trace = math.fsum(covariance[i, i] for i in range(len(covariance)))
    return trace**2 / math.fsum(entry**2 for entry in covariance.ravel())


@pytest.mark.parametrize(
    ("features", "order", "unit"),
    [
        (CosineFeatures(WIDTH, 0.3), 1, 1 / 0.3),
        (LaplaceCosineFeatures(WIDTH, 1.5), 2, 1.5),
        (GaussianCosineFeatures(WIDTH, 0.7), 2, 0.7),
        (ReLUFeatures(WIDTH), None, None),
    ],
)
def test_scaled_distance_is_the_median_across_classes(features, order, unit):
    for layer, record in records(features=features):
        mapped = layer.stages["agop"].numpy()
        pairs = [(i, j) for i in range(24) for j in range(i) if LABELS[i] != LABELS[j]]
        if order is None:
            assert record.scaled_distance is None
            continue
        distances = [np.linalg.norm(mapped[i] - mapped[j], ord=order) / unit for i, j in pairs]
        assert record.scaled_distance == pytest.approx(np.median(distances), rel=0.02)
        assert {line["scaled_distance"] for line in record.lines()} == {record.scaled_distance}


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("features", [ReLUFeatures(WIDTH), CosineFeatures(WIDTH, 0.3)])
def test_stages_against_slow_loops(features, learned):
    expected = oracles_deep_rfm.deep_rfm(
        "Laplace", X, TARGETS, maps(features), ridge=RIDGE, identity=not learned, bandwidth=2.0
    )
    found = records(learned, features)
    assert [record.layer for _, record in found] == [1, 2]
    for (inputs, mapped, random, coefficients, agop), (_, record) in zip(expected, found, strict=True):
        assert list(record.stages) == ["input", "agop", "features"]
        for stage, rows in zip(record.stages.values(), (inputs, mapped, random), strict=True):
            for measure in MEASURES:
                oracle = getattr(oracles_collapse, measure)(rows, LABELS, 3)
                assert getattr(stage.collapse, measure) == pytest.approx(oracle, rel=1e-7), measure
            assert stage.effective_rank == pytest.approx(effective_rank(rows), rel=1e-8)
        scores = oracles_kernels.gram("Laplace", inputs, inputs, bandwidth=2.0) @ coefficients
        assert record.train_accuracy == np.mean(scores.argmax(1) == LABELS)
        if not learned:
            assert record.spectrum is None
        else:
            eigenvalues = np.linalg.eigvalsh(agop)[::-1]
            np.testing.assert_allclose(record.spectrum, eigenvalues, rtol=0, atol=1e-9)


def test_test_rows_travel_through_the_layers():
    train, test = X, TEST
    found = records(test=(torch.tensor(TEST), torch.tensor(TEST_LABELS)))
    for (layer, record), drawn in zip(found, maps(), strict=True):
        train, test = oracles_deep_rfm.normalized(train), oracles_deep_rfm.normalized(test)
        gram = oracles_kernels.gram("Laplace", train, train, bandwidth=2.0)
        coefficients = oracles_kernels.ridge_coefficients(gram, TARGETS, RIDGE)
        scores = oracles_kernels.gram("Laplace", test, train, bandwidth=2.0) @ coefficients
        assert record.test_accuracy == np.mean(scores.argmax(1) == TEST_LABELS)
        root = layer.map.root.numpy()
        train, test = (oracles_deep_rfm.random_features(rows @ root, *drawn) for rows in (train, test))


def test_accuracies_are_shares_of_hits():
    """Rows that were fitted are right, and those with other labels wrong."""
    for n_wrong in (0, 3, 10):
        labels = (LABELS[:10] + (np.arange(10) < n_wrong)) % 3
        found = records(test=(torch.tensor(X[:10]), torch.tensor(labels)))
        assert [record.test_accuracy for _, record in found] == [1 - n_wrong / 10] * DEPTH
    assert all(record.test_accuracy is None for _, record in records())


def test_lines():
    test = torch.tensor(TEST), torch.tensor(TEST_LABELS)
    keys = ["layer", "stage", *MEASURES, "effective_rank", "train_accuracy", "test_accuracy", "scaled_distance"]
    for _, record in records(test=test):
        lines = list(record.lines())
        assert [line["stage"] for line in lines] == ["input", "agop", "features"]
        for line in lines:
            assert list(line) == keys
            assert json.loads(json.dumps(line, allow_nan=False)) == line
            stage = record.stages[line["stage"]]
            assert line["layer"] == record.layer
            assert line["nc1_cdnv"] == stage.collapse.nc1_cdnv
            assert line["effective_rank"] == stage.effective_rank
            assert line["test_accuracy"] == record.test_accuracy


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_told(dtype):
    name = str(dtype).removeprefix("torch.")
    for _, record in records(dtype=dtype):
        assert record.precision["features"] == name
        assert record.precision["solve"] in (name, "float64")
        assert record.precision["distances"] in (name, "float64")
        assert record.precision["jitter"] == 0
        assert record.precision["agop"] in (name, "float64")
        assert record.precision["agop_form"] in ("elementwise", "per-output")
        assert 0 <= record.precision["agop_error"] < 1e-2
    for _, record in records(False, dtype=dtype):
        assert set(record.precision) == {"features", "distances", "solve", "jitter"}


def test_layers_are_measured_as_they_come():
    drawn = []

    def layers():
        for layer, _ in records():
            drawn.append(layer.index)
            yield layer

    first, _ = next(deep_rfm_records(layers(), torch.tensor(LABELS), 3))
    assert first.index == 1
    assert drawn == [1]
