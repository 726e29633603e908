"""The model for AutoGluon, inside a stand-in of what it inherits from, and inside AutoGluon where that is installed."""

from __future__ import annotations

import importlib
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

import agop.tables.autogluon
from agop.errors import MissingExtraError, TimeBudgetWarning
from agop.rfm import RFMClassifier, RFMRegressor
from agop.tables import TableEncoder

pd = pytest.importorskip("pandas")
SETTINGS = {"kernel": "laplace", "n_iterations": 1, "random_state": 3}


class StandIn:
    """What AutoGluon's AbstractModel does around the methods of a model, as far as they ask for it."""

    def __init__(self, problem_type, hyperparameters=None, num_classes=None):
        self.problem_type, self.num_classes = problem_type, num_classes
        self.params = {"random_state": 0} | (hyperparameters or {})

    def _get_model_params(self):
        return dict(self.params)

    def _get_default_auxiliary_params(self):
        return {"valid_raw_types": None, "max_memory_usage_ratio": 1.0}

    def _preprocess(self, X, **settings):
        assert not settings
        return X

    def preprocess(self, X, **settings):
        return self._preprocess(X, **settings)

    def fit(self, **settings):
        self._fit(num_gpus=0, verbosity=0, X_unlabeled=None, **settings)
        return self

    def predict_proba(self, X):
        return self._predict_proba(X)

    def _convert_proba_to_unified_form(self, shares):
        return shares[:, 1] if self.problem_type == "binary" else shares


@pytest.fixture
def model_class(monkeypatch):
    module = ModuleType("autogluon.core.models")
    module.AbstractModel = StandIn
    for name in ("autogluon", "autogluon.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "autogluon.core.models", module)
    yield importlib.reload(agop.tables.autogluon).RFMModel
    monkeypatch.undo()
    importlib.reload(agop.tables.autogluon)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=200), "town": rng.choice(["Ulm", "Bonn"], 200)})
    frame.loc[::9, "size"] = np.nan
    frame["town"] = frame.town.astype("category")
    return frame


@pytest.fixture(scope="module")
def price(table):
    noise = np.random.default_rng(1).normal(0, 0.2, 200)
    return pd.Series(np.sin(2 * table["size"].fillna(0)) + (table.town == "Ulm") + noise)


def made(model_class, problem, settings=None, n_classes=None):
    return model_class(problem_type=problem, hyperparameters=settings, num_classes=n_classes)


def parts(table, y):
    """Rows of the fit, and rows of validation."""
    return {"X": table[:120], "y": y[:120], "X_val": table[120:160], "y_val": y[120:160]}


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_is_that_of_the_estimator(model_class, table, price, validated, weighted):
    weights = pd.Series(np.linspace(0.5, 2, 120)) if weighted else None
    given = parts(table, price) if validated else {"X": table[:120], "y": price[:120]}
    model = made(model_class, "regression", SETTINGS).fit(**given, sample_weight=weights)
    encoder = TableEncoder().fit(table[:120], price[:120])
    validation = (encoder.transform(table[120:160]), price[120:160].to_numpy()) if validated else None
    same = RFMRegressor(**SETTINGS).fit(encoder.transform(table[:120]), price[:120], weights, validation=validation)
    expected = same.predict(encoder.transform(table[160:]))
    np.testing.assert_array_equal(model.predict_proba(table[160:]), expected)
    assert np.corrcoef(expected, price[160:])[0, 1] > 0.8


def test_classes(model_class, table, price):
    for problem, edges in (("binary", [0.5]), ("multiclass", [0.0, 1.0])):
        y = pd.Series(np.digitize(price, edges))
        n_classes = len(edges) + 1
        model = made(model_class, problem, SETTINGS, n_classes).fit(**parts(table, y))
        assert isinstance(model.model, RFMClassifier)
        shares = model.predict_proba(table)
        assert shares.shape == ((200,) if problem == "binary" else (200, 3))
        found = shares > 0.5 if problem == "binary" else shares.argmax(1)
        assert np.mean(found == y) > 0.7


def test_a_class_that_a_fold_lacks_has_no_share(model_class, table, price):
    y = pd.Series(np.digitize(price, [0.0, 1.0])).map({0: 0, 1: 1, 2: 3})
    shares = made(model_class, "multiclass", SETTINGS, 4).fit(X=table, y=y).predict_proba(table)
    assert shares.shape == (200, 4)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert not shares[:, 2].any()


def test_the_time_limit_is_a_budget(model_class, table, price):
    fitted = made(model_class, "regression", SETTINGS).fit(**parts(table, price), time_limit=5000.0)
    assert 4000 < fitted.model.time_budget < 4500
    asked = made(model_class, "regression", SETTINGS | {"time_budget": 20.0}).fit(
        **parts(table, price), time_limit=50.0
    )
    assert asked.model.time_budget == 20.0
    assert made(model_class, "regression", SETTINGS).fit(**parts(table, price)).model.time_budget is None
    with pytest.warns(TimeBudgetWarning):
        short = made(model_class, "regression", SETTINGS | {"n_iterations": 5}).fit(
            **parts(table, price), time_limit=1e-3
        )
    assert short.model.n_iter_ < 5


def test_as_many_threads_as_cores(model_class, table, price):
    before, seen = torch.get_num_threads(), []
    watched = SETTINGS | {"callback": lambda _: seen.append(torch.get_num_threads())}
    for number in (before + 1, None):
        made(model_class, "regression", watched).fit(**parts(table, price), num_cpus=number)
    assert set(seen[: len(seen) // 2]) == {before + 1}
    assert set(seen[len(seen) // 2 :]) == {before}
    with pytest.raises(ValueError, match="n_iterations"):
        made(model_class, "regression", {"n_iterations": -1}).fit(**parts(table, price), num_cpus=before + 1)
    assert torch.get_num_threads() == before


def test_memory_is_that_of_the_cost(model_class):
    small, large = (pd.DataFrame(np.zeros((n, 5))) for n in (1000, 6000))
    estimate = model_class._estimate_memory_usage_static
    matrices = RFMRegressor().predicted_cost(6000, 10).bytes
    assert matrices < estimate(X=large) < matrices + 2**30
    assert estimate(X=large) - estimate(X=small) > 0.9 * (matrices - RFMRegressor().predicted_cost(1000, 10).bytes)
    limited = made(model_class, "regression", {"max_memory": 2**26})
    assert limited._estimate_memory_usage(large, time_limit=3.0) < estimate(X=large)
    text = pd.DataFrame({"town": [f"town {k}" for k in range(300)] * 20})
    assert estimate(X=text) - estimate(X=text.assign(town="Ulm")) > 60 * 8 * 6000


def test_what_autogluon_asks(model_class, table, price):
    model = made(model_class, "regression", SETTINGS).fit(**parts(table, price))
    assert model_class.supported_problem_types() == ["binary", "multiclass", "regression"]
    assert model._get_default_auxiliary_params() == {
        "valid_raw_types": ["bool", "int", "float", "category"],
        "max_memory_usage_ratio": 1.0,
    }
    assert model.model.random_state == 3
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model.model)).predict(np.zeros((1, 4))).shape, (1,))  # noqa: S301


def test_without_autogluon_an_instance_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "autogluon.core.models", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agop\[autogluon\]'"):
        importlib.reload(agop.tables.autogluon).RFMModel(problem_type="regression")
    monkeypatch.undo()
    importlib.reload(agop.tables.autogluon)


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["regression", "binary", "multiclass"])
def test_inside_autogluon(tmp_path, table, price, problem):
    tabular = pytest.importorskip("autogluon.tabular")
    words = {"regression": price, "binary": price > 0.5, "multiclass": pd.cut(price, [-9, 0, 1, 9], labels=list("abc"))}
    frame = table.assign(target=words[problem] if problem == "regression" else words[problem].astype(str))
    predictor = tabular.TabularPredictor("target", path=tmp_path, problem_type=problem, verbosity=0)
    predictor.fit(
        frame[:160],
        hyperparameters={agop.tables.autogluon.RFMModel: SETTINGS},
        time_limit=60,
        num_cpus=1,
        fit_weighted_ensemble=False,
    )
    again = tabular.TabularPredictor.load(tmp_path)
    assert again.model_names() == ["RFM"]
    scores = again.evaluate(frame[160:])
    assert scores["r2" if problem == "regression" else "accuracy"] > 0.6
