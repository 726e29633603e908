"""Integers as levels where these tell more, as numbers where they do not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agop import table_pipeline
from agop.errors import InputError
from agop.estimator import load, save
from agop.rfm import RFMRegressor
from agop.tables import TableEncoder
from agop.tables.coding.integers import integer_features, learn_integers

pd = pytest.importorskip("pandas")


def rides(n, seed=0):
    """Rides by the hour: six busy hours of working days, a broad afternoon on others; smooth in all other columns."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"hour": rng.integers(0, 24, n), "weekday": rng.integers(0, 7, n), "month": rng.integers(1, 13, n)}
    )
    table["temperature"] = 15 - 10 * np.cos(2 * np.pi * table.month / 12) + rng.normal(0, 4, n)
    table["events"] = rng.poisson(4, n)
    busy = np.isin(table.hour, (7, 8, 12, 17, 18, 21))
    leisure = np.exp(-((table.hour - 14) ** 2) / 18)
    day = np.where(table.weekday < 5, 2.5 * busy + 0.4 * leisure, 1.2 * leisure)
    y = (3 + 0.08 * table.temperature) * day + 0.2 * table.events + rng.normal(0, 0.35, n)
    return table, y.to_numpy()


def as_levels(encoder):
    return [name for name, coding in zip(encoder.columns_, encoder.codings_, strict=True) if "integers" in coding]


@pytest.mark.parametrize(("n", "labels"), [(400, False), (3000, False), (3000, True)])
def test_hours_of_which_some_are_busy_become_levels(n, labels):
    table, y = rides(n)
    y = np.where(y > np.quantile(y, 0.8), "many", "few") if labels else y
    encoder = TableEncoder().fit(table, y)
    assert as_levels(encoder) == ["hour"]
    assert encoder.get_feature_names_out()[:2].tolist() == ["hour=0", "hour=1"]
    assert encoder.column_of_.tolist() == [0] * 24 + [1, 2, 3, 4]


@pytest.mark.parametrize("effect", [lambda k: 0.3 * k, np.sqrt, lambda k: np.sin(k / 4), lambda k: (k - 4.0) ** 2 / 9])
def test_counts_with_a_smooth_effect_stay_numbers(effect):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"count": rng.poisson(5, 1500), "size": rng.normal(size=1500)})
    y = effect(table["count"]) + table["size"] + rng.normal(0, 0.3, 1500)
    assert as_levels(TableEncoder().fit(table, y)) == []


def test_noise_chooses_nothing():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"code": rng.integers(0, 10, 400), "level": rng.integers(0, 4, 400)})
    chosen = [as_levels(TableEncoder().fit(table, rng.standard_t(3, 400))) for _ in range(40)]
    assert sum(map(len, chosen)) <= 1


def test_against_loops():
    values = np.array([4, 2, 9, 2, 4, 4, 2, 9, 9, 4] * 30, dtype=float)
    values[5] = np.nan
    coding = learn_integers(values, 4)
    assert coding["names"] == ["=2", "=4", "=9", " missing"]
    shares = [sum(values == level) / 300 for level in (2, 4, 9)] + [1 / 300]
    scale = 1 / np.sqrt(1 - sum(share**2 for share in shares))
    new = np.array([2, 4, 9, np.nan, 3.4, 100, -5, 6])
    expected = scale * np.eye(4)[[0, 1, 2, 3, 1, 2, 0, 1]]  # the nearest level if it was not seen
    np.testing.assert_allclose(integer_features(new, coding), expected, rtol=1e-12)
    assert json.loads(json.dumps(coding)) == coding
    assert learn_integers(values, 3) is None
    known = learn_integers(values[6:], 3)
    np.testing.assert_array_equal(integer_features(np.array([np.nan, 2.0]), known) > 0, [[0, 0, 0], [1, 0, 0]])


def test_only_whole_numbers_of_few_values_are_asked_about():
    table, y = rides(400)
    several = table.assign(hour=table.hour + 0.5), table.assign(hour=table.hour * 64 + np.arange(400) % 64)
    for other in (*several, table.assign(hour=table.hour > 9), table.assign(hour=(table.hour > 9).astype(int))):
        assert as_levels(TableEncoder().fit(other, y)) == []
    assert as_levels(TableEncoder(max_levels=20).fit(table, y)) == []
    assert as_levels(TableEncoder().fit(table.astype({"hour": "Int64"}), y)) == ["hour"]
    assert as_levels(TableEncoder().fit(table.to_numpy(), y)) == ["x0"]


def test_without_targets_or_by_choice_they_are_numbers():
    table, y = rides(400)
    assert as_levels(TableEncoder().fit(table)) == []
    assert as_levels(TableEncoder(integers="numbers").fit(table, y)) == []
    assert as_levels(TableEncoder().fit(table[:90], y[:90])) == []
    with pytest.raises(InputError, match="'loo' or 'numbers'"):
        TableEncoder(integers="levels").fit(table)


@pytest.mark.parametrize(
    "y", [np.full(400, np.nan), np.ones(400), np.full((400, 2), "a"), np.ones(3), np.arange(400) * 1e300]
)
def test_unusable_targets_are_left_to_the_model(y):
    assert as_levels(TableEncoder().fit(rides(400)[0], y)) == []


def test_several_outputs():
    table, y = rides(400)
    assert as_levels(TableEncoder().fit(table, np.c_[y, -3 * y])) == ["hour"]


def test_they_predict_better(tmp_path):
    table, y = rides(1400)
    scores = {}
    for integers in ("loo", "numbers"):
        pipeline = table_pipeline(RFMRegressor("product-laplace", n_iterations=0))
        pipeline.set_params(table__integers=integers).fit(table[:700], y[:700])
        scores[integers] = pipeline.score(table[700:], y[700:])
        save(pipeline, tmp_path / "model.safetensors")
        np.testing.assert_array_equal(load(tmp_path / "model.safetensors").predict(table), pipeline.predict(table))
    assert 1 - scores["loo"] < 0.8 * (1 - scores["numbers"])


@pytest.mark.slow
def test_noise_still_states_chance():
    """Columns are coded by targets that are left out later; targets of noise show whether that matters."""
    rng = np.random.default_rng(0)
    explained = []
    for _ in range(12):
        table = pd.DataFrame({f"code {k}": rng.integers(0, 8, 200) for k in range(6)})
        y = rng.normal(size=200)
        model = table_pipeline(RFMRegressor("laplace", n_iterations=1)).fit(table, y)
        explained.append(1 + model[-1].validation_scores_[-1] / y.var())
    assert -0.2 < np.mean(explained) < 2 * np.std(explained) / len(explained) ** 0.5
