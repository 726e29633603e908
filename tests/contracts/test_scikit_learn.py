"""The estimators behave like scikit-learn's own."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from agop import (
    ConvRFMClassifier,
    DeepRFMClassifier,
    Gaussian,
    Laplace,
    RFMClassifier,
    RFMRegressor,
    TableEncoder,
    TreeRFMClassifier,
    TreeRFMRegressor,
)
from agop.deep_rfm import ReLUFeatures
from seeds.shift import unshifted

LEAF = {"kernel": Laplace(4.0), "ridge": 0.01, "n_iterations": 1, "selection": None}
TREE = {"max_leaf_size": 15, "n_split_samples": 50}
ESTIMATORS = [
    RFMRegressor(),
    RFMClassifier(),
    TreeRFMRegressor(RFMRegressor(**LEAF), **TREE),
    TreeRFMClassifier(RFMClassifier(**LEAF), **TREE),
    DeepRFMClassifier(depth=2, features=ReLUFeatures(32)),
    ConvRFMClassifier(n_iterations=1),
    TableEncoder(),
]


@parametrize_with_checks(ESTIMATORS)
@pytest.mark.filterwarnings("default")
def test_contract(estimator, check):
    """What scikit-learn's checks say of models they say of models of scikit-learn's own data."""
    with unshifted():
        check(estimator)


def test_kinds_of_estimator():
    assert [is_regressor(estimator) for estimator in ESTIMATORS] == [True, False, True, False, False, False, False]
    assert [is_classifier(estimator) for estimator in ESTIMATORS] == [False, True, False, True, True, True, False]


@pytest.mark.parametrize("estimator", [RFMRegressor, RFMClassifier, DeepRFMClassifier])
def test_parameters_and_clones(blobs, estimator):
    X, y, *_ = blobs
    model = estimator(kernel=Gaussian(3.0), ridge=0.5, max_memory=10**8)
    model.fit(X, y)
    copy = clone(model)
    assert not hasattr(copy, "machine_")
    assert copy.kernel is not model.kernel
    assert copy.get_params()["kernel__bandwidth"] == 3
    assert {name: value for name, value in copy.get_params().items() if name != "kernel"} == {
        name: value for name, value in model.get_params().items() if name != "kernel"
    }
    copy.set_params(kernel__bandwidth=7.0, ridge=0.25)
    assert (copy.kernel.bandwidth, copy.ridge, model.kernel.bandwidth) == (7, 0.25, 3)
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(bandwidth=1.0)


@pytest.mark.parametrize(("estimator", "problem"), [(RFMClassifier, "blobs"), (RFMRegressor, "surface")])
def test_a_search_tries_every_setting(estimator, problem, request):
    """The scores are those of estimators that were made with the settings; those of a regression all differ."""
    X, y, new, truth = request.getfixturevalue(problem)
    grid = {"kernel__bandwidth": [0.5, 4.0], "ridge": [1e-3, 10.0], "n_iterations": [0, 2]}
    search = GridSearchCV(estimator(Laplace(), selection=None), grid, cv=3).fit(X, y)
    expected = [
        cross_val_score(estimator(Laplace(bandwidth), ridge=ridge, n_iterations=n, selection=None), X, y, cv=3).mean()
        for bandwidth, n, ridge in product(*(grid[name] for name in sorted(grid)))
    ]
    found = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    best = search.cv_results_["params"][found.argmax()]
    assert search.best_params_ == best
    assert search.best_estimator_.bandwidth_ == best["kernel__bandwidth"]
    assert search.score(new, truth) == search.best_estimator_.score(new, truth)
    assert estimator is RFMClassifier or len(set(found)) == 8


def test_pipelines(blobs, surface):
    X, y, new, truth = blobs
    pipeline = make_pipeline(StandardScaler(), RFMClassifier(validation_fraction=0.2, random_state=0))
    assert pipeline.fit(100 * X, y).score(100 * new, truth) > 0.8
    assert len(pipeline[-1].validation_scores_) == 6
    weights = np.arange(90) % 2 * 1.0
    pipeline.fit(X, y, rfmclassifier__sample_weight=weights)
    assert len(pipeline[-1].machine_.centers) == 36  # 45 with weight, less a fifth
    X, y, new, truth = surface
    search = GridSearchCV(make_pipeline(StandardScaler(), RFMRegressor()), {"rfmregressor__ridge": [1e-3, 100.0]}, cv=3)
    assert search.fit(X, y).best_params_ == {"rfmregressor__ridge": 1e-3}


def test_deep_rfm_makes_features_for_another_model(blobs):
    X, y, new, truth = blobs
    deep = DeepRFMClassifier(depth=2, features=ReLUFeatures(64), random_state=0)
    pipeline = make_pipeline(deep, StandardScaler(), LogisticRegression())
    assert pipeline.fit(X, y).score(new, truth) > 0.6  # a third by chance, and classes overlap
    assert pipeline[-1].n_features_in_ == 64
    assert cross_val_score(deep, X, y, cv=3).mean() > 0.6


def test_pickles(blobs):
    X, y, new, _ = blobs
    for estimator in ESTIMATORS:
        model = clone(estimator).fit(X, y)
        copy = pickle.loads(pickle.dumps(model))  # noqa: S301 (its own bytes)
        for method in ("predict", "predict_proba", "decision_function", "transform"):
            if hasattr(model, method):
                np.testing.assert_array_equal(getattr(copy, method)(new), getattr(model, method)(new))
