"""What a fitted model depends on, against finite differences and double loops over swapped rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agop import DeepRFMClassifier, Gaussian, Laplace, ProductLaplace, RFMClassifier, RFMRegressor
from agop.errors import InputError
from agop.estimators import explanation
from agop.estimators.explanation import explain, superset_importance
from agop.estimators.table import TableEncoder, table_pipeline

RNG = np.random.default_rng(0)


@pytest.fixture
def people():
    """age and mass interact, town adds; noise does nothing."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(2)
    table = pandas.DataFrame({name: rng.standard_normal(300) for name in ("age", "mass", "noise")})
    table.insert(1, "town", rng.choice(["Ulm", "Bonn", "Köln"], 300))
    return table, (table.age * table.mass + (table.town == "Ulm")).to_numpy()


def gradient(function, row, step=1e-5):
    moves = step * np.eye(len(row))
    return np.stack([(function((row + move)[None]) - function((row - move)[None]))[0] / (2 * step) for move in moves])


@pytest.mark.parametrize("kernel", [Gaussian(3.0), ProductLaplace(6.0)])
def test_importance_by_finite_differences(kernel):
    X = RNG.standard_normal((40, 3)) * [1.0, 10.0, 0.1]
    model = RFMRegressor(kernel, n_iterations=0).fit(X, np.sin(X[:, 0]) + X[:, 1] / 10)
    if isinstance(kernel, ProductLaplace):  # it has kinks at the coordinates of its centers
        moved = [0.5 * (gradient(model.predict, row + 1e-4) + gradient(model.predict, row - 1e-4)) for row in X]
    else:
        moved = [gradient(model.predict, row) for row in X]
    squares = (np.stack(moved) ** 2).mean(0) * X.var(0)
    found = explain(model)
    np.testing.assert_allclose(found.importance, squares / squares.sum(), rtol=1e-2)
    assert found.columns == found.features == ("x0", "x1", "x2")
    assert found.interactions == ()
    assert found.effects is None


def test_a_table(people):
    table, y = people
    model = table_pipeline(RFMRegressor(Gaussian(3.0), n_iterations=2)).fit(table, y)
    found = explain(model, table)
    assert found.columns == ("age", "town", "mass", "noise")
    assert found.features == ("age", "town=Bonn", "town=Köln", "town=Ulm", "mass", "noise")
    assert found.importance.argmin() == found.effects.argmin() == 3
    assert len(found.interactions) == 6
    (first, second, share), *others = found.interactions
    variance = np.var(y)
    assert (first, second) == ("age", "mass")
    assert share == pytest.approx(1 / variance, rel=0.3)
    assert all(other[2] < 0.1 for other in others)
    assert [pair[2] for pair in found.interactions] == sorted((pair[2] for pair in found.interactions), reverse=True)
    np.testing.assert_allclose(found.effects[:3], [1 / variance, 2 / 9 / variance, 1 / variance], rtol=0.4)


def test_swaps_are_those_of_raw_rows(people):
    """The features of a column change together, as when the rows themselves are swapped."""
    table, y = people
    model = table_pipeline(RFMClassifier(n_iterations=1)).fit(table, np.digitize(y, [-0.5, 0.7]))
    found = explain(model, table, n_samples=300, random_state=3)
    rows = table.iloc[np.random.default_rng(3).permutation(300)]
    others = rows.iloc[[*range(1, 300), 0]]

    def score(*columns):
        return model.decision_function(rows.assign(**{name: others[name].to_numpy() for name in columns}))

    variance = score().var(0, ddof=1).sum()
    for a, b, share in found.interactions:
        change = score() - score(a) - score(b) + score(a, b)
        assert share == pytest.approx((change**2).sum(1).mean() / 4 / variance, rel=1e-9)
    for name, share in zip(found.columns, found.effects, strict=True):
        assert share == pytest.approx(((score() - score(name)) ** 2).sum(1).mean() / 2 / variance, rel=1e-9)


def test_superset_importance_of_a_known_function():
    """f = x0 x1 + x2 + x0 x1 x2 on independent signs: variance 3, by subset 1, 1, 1."""
    rows = RNG.choice([-1.0, 1.0], size=(40_000, 3))

    def f(x):
        return x[:, 0] * x[:, 1] + x[:, 2] + x.prod(1)

    found = superset_importance(f, rows, (0, 1, 2), [(0,), (2,), (0, 1), (1, 2), (0, 1, 2)])
    np.testing.assert_allclose(found, np.array([2, 2, 2, 1, 1]) / 3, rtol=0.05)
    assert superset_importance(lambda x: np.ones(len(x)), rows[:9], (0, 1, 2), [(0, 1)]) == [0]
    with pytest.raises(InputError, match="two or more rows"):
        superset_importance(f, rows[:1], (0, 1, 2), [(0, 1)])


def test_additive_outputs_do_not_interact():
    rows = RNG.standard_normal((50, 3))
    additive = superset_importance(lambda x: np.stack([x[:, 0] + x[:, 1], x[:, 2] ** 2], 1), rows, (0, 0, 1), [(0, 1)])
    assert additive[0] == pytest.approx(0, abs=1e-25)


def test_names_of_a_model_alone(people):
    table, y = people
    numbers = table[["age", "mass"]]
    model = RFMRegressor(n_iterations=1).fit(numbers, y)
    found = explain(model, numbers)
    assert found.columns == ("age", "mass")
    with pytest.raises(ValueError, match="Feature names"):
        explain(model, numbers.rename(columns={"age": "years"}))
    with pytest.raises(ValueError, match="features"):
        explain(RFMRegressor(n_iterations=1).fit(numbers.to_numpy(), y), np.ones((5, 3)))


def test_two_classes_and_float32(blobs):
    X, labels, *_ = blobs
    X = np.column_stack([X, RNG.standard_normal(len(X))])
    model = RFMClassifier(Laplace(10.0), ridge=0.1, n_iterations=1, selection=None)
    found = [explain(model.fit(X.astype(dtype), labels > 0), X.astype(dtype)) for dtype in (np.float64, np.float32)]
    np.testing.assert_allclose(found[0].importance, found[1].importance, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found[0].effects, found[1].effects, rtol=1e-2, atol=1e-4)


def test_wide_tables_and_many_centers(people, monkeypatch):
    table, y = people
    model = table_pipeline(RFMRegressor(n_iterations=1)).fit(table, y)
    found = explain(model, table, n_columns=2, n_samples=50, n_directions=1)
    assert len(found.interactions) == len(found.shares) == 1
    assert explain(model, table, n_columns=1).interactions == ()
    monkeypatch.setattr(explanation, "_POINTS", 150)
    half, again, other = (explain(model, table, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(half.importance, again.importance)
    assert half.interactions == again.interactions != other.interactions
    assert (half.importance != other.importance).any()
    np.testing.assert_allclose(half.importance, explain(model).importance, atol=0.1)


def test_frames_between_the_steps(people):
    table, y = people
    model = table_pipeline(RFMRegressor(n_iterations=1))
    plain = explain(model.fit(table, y), table)
    framed = explain(model.set_output(transform="pandas").fit(table, y), table)
    np.testing.assert_allclose(framed.importance, plain.importance)
    np.testing.assert_allclose(framed.effects, plain.effects)


def test_unusable(people):
    table, y = people
    for unfitted in (RFMRegressor(), table_pipeline("regression")):
        with pytest.raises(NotFittedError):
            explain(unfitted)
    wrong = (Ridge(), table_pipeline(Ridge()), DeepRFMClassifier(), TableEncoder())
    for model in (*wrong, make_pipeline(StandardScaler(), RFMRegressor())):
        with pytest.raises(InputError, match="RFMRegressor or RFMClassifier"):
            explain(model)
    model = table_pipeline(RFMRegressor(n_iterations=1)).fit(table, y)
    with pytest.raises(InputError, match="two or more rows"):
        explain(model, table[:1])
    with pytest.raises(InputError, match="two or more rows"):
        explain(model, table, n_samples=1)
    with pytest.raises(InputError, match="missing"):
        explain(model, table[["age"]])


def test_california_housing(data_dir):
    pandas = pytest.importorskip("pandas")
    path = data_dir / "tabular" / "california_housing.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    table = pandas.read_csv(path).sample(600, random_state=0)
    price = table.pop("median_house_value")
    model = table_pipeline(RFMRegressor(n_iterations=1, ridge=0.1)).fit(table, (price - price.mean()) / price.std())
    found = explain(model, table)
    best = {found.columns[index] for index in np.argsort(found.effects)[-3:]}
    assert "median_income" in best
    assert {"longitude", "latitude"} & best
    assert math.isclose(found.importance.sum(), 1)
