"""Importances of features: scikit-learn's selectors keep what matters, not what is steep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.feature_selection import RFE, SelectFromModel

from agop import ProductLaplace, RFMClassifier, RFMRegressor, TreeRFMClassifier, TreeRFMRegressor, load, save
from agop.outer_product import kernel_agop

PLAIN = {"kernel": ProductLaplace(4.0), "ridge": 0.1, "n_iterations": 0, "selection": None}
MODELS = {
    "regressor": RFMRegressor(**PLAIN),
    "classifier": RFMClassifier(**PLAIN),
    "tree regressor": TreeRFMRegressor(RFMRegressor(**PLAIN), max_leaf_size=150, random_state=0),
    "tree classifier": TreeRFMClassifier(RFMClassifier(**PLAIN), max_leaf_size=150, random_state=0),
}


def made_up(seed, n=250):
    """Columns 0 and 2 count; column 4 is steeper, but hardly varies, so that a unit of it is far outside the data."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5)) * [1.0, 1.0, 1.0, 1.0, 0.02]
    X[:, 0] = rng.choice([-1.0, 1.0], n)
    return X, X[:, 0] + X[:, 2] + 20 * X[:, 4] + 0.3 * rng.standard_normal(n)


def targets_for(model, y):
    return y > 0 if hasattr(model, "predict_proba") else y


@pytest.mark.parametrize("name", MODELS)
def test_selectors_keep_what_matters_although_another_column_is_steepest(name):
    model = MODELS[name]
    for seed in range(3):
        X, y = made_up(seed)
        y = targets_for(model, y)
        fitted = clone(model).fit(X, y)
        agop = fitted.agop() if hasattr(fitted, "agop") else agop_of(fitted)
        assert agop.diagonal().argmax() == 4
        selector = SelectFromModel(fitted, max_features=2, threshold=-np.inf, prefit=True)
        assert selector.get_support(indices=True).tolist() == [0, 2]
        assert SelectFromModel(clone(model)).fit(X, y).get_support(indices=True).tolist() == [0, 2]
        assert RFE(clone(model), n_features_to_select=2).fit(X, y).get_support(indices=True).tolist() == [0, 2]


def agop_of(model):
    machine = model.machine_
    return kernel_agop(machine).matrix


@pytest.mark.parametrize("name", MODELS)
def test_the_same_whenever_asked_and_after_saving(name, tmp_path):
    X, y = made_up(5)
    model = clone(MODELS[name])
    assert not hasattr(model, "feature_importances_")
    model.fit(X, targets_for(model, y))
    save(model, tmp_path / "before")
    found = model.feature_importances_
    assert found.shape == (5,)
    assert found.min() >= 0
    save(model, tmp_path / "after")
    found_copy = found.copy()
    found[:] = 7
    others = [load(tmp_path / which) for which in ("before", "after")]
    again = clone(model).fit(X, targets_for(model, y))
    for other in (model, *others, again):
        np.testing.assert_array_equal(other.feature_importances_, found_copy)
    assert not hasattr(clone(model), "feature_importances_")
    refitted = model.fit(X[:, ::-1], targets_for(model, y)).feature_importances_
    assert set(refitted.argsort()[-2:]) == {2, 4}


@pytest.mark.parametrize("name", MODELS)
def test_sample_weights(name):
    """A weight of 2 is a repeated row; where column 2 counts for weighted rows only, it has the effect."""
    X, y = made_up(6, n=140)
    model = clone(MODELS[name])
    twice = np.arange(140) < 60
    weighted = clone(model).fit(X, targets_for(model, y), 1.0 + twice).feature_importances_
    order = np.r_[0:140, 0:60]
    repeated = clone(model).fit(X[order], targets_for(model, y)[order]).feature_importances_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6, atol=1e-9)
    X[:70, 0], X[70:, 0] = -3.0, 3.0
    y = np.where(X[:, 0] > 0, X[:, 2], X[:, 1])
    high, low = (
        clone(model).fit(X, targets_for(model, y), np.where(X[:, 0] * sign > 0, 1.0, 1e-3)).feature_importances_
        for sign in (1, -1)
    )
    assert high[2] > 2 * high[1]
    assert low[1] > 2 * low[2]


def test_tensors_and_float32():
    X, y = made_up(7)
    wide, narrow = (
        RFMRegressor(**PLAIN).fit(torch.as_tensor(X, dtype=dtype), torch.as_tensor(y, dtype=dtype))
        for dtype in (torch.float64, torch.float32)
    )
    np.testing.assert_allclose(wide.feature_importances_, narrow.feature_importances_, rtol=1e-3, atol=1e-4)


def test_a_constant_target_has_no_important_feature():
    X, _ = made_up(8)
    assert RFMRegressor(**PLAIN).fit(X, np.ones(len(X))).feature_importances_.tolist() == [0] * 5
