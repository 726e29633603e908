"""Trees of RFMs: the blend of their leaves, weights, rare classes, and scikit-learn's contract."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agop import Laplace, RFMClassifier, RFMRegressor, kernel_agop
from agop.errors import InputError
from agop.rfm import TreeRFMClassifier, TreeRFMRegressor

PLAIN = {"kernel": Laplace(4.0), "ridge": 0.01, "n_iterations": 1, "selection": None}
REGRESSOR, CLASSIFIER = RFMRegressor(**PLAIN), RFMClassifier(**PLAIN)
SMALL = {"max_leaf_size": 40, "n_split_samples": 30, "random_state": 0}
TREES = [
    pytest.param(TreeRFMRegressor(REGRESSOR, **SMALL), id="regressor"),
    pytest.param(TreeRFMClassifier(CLASSIFIER, **SMALL), id="classifier"),
]


def outcome(model, new):
    return getattr(model, "predict_proba", model.predict)(new)


def shares(tree, point):
    """{leaf: share} of one point, by walking down."""
    if isinstance(tree, int):
        return {tree: 1.0}
    t = float(np.dot(tree.direction.numpy(), point))
    above = float(t > tree.low) if tree.low == tree.high else (t - tree.low) / (tree.high - tree.low)
    above = min(1.0, max(0.0, above))
    found = {}
    for child, share in ((tree.below, 1 - above), (tree.above, above)):
        found |= {leaf: share * inner for leaf, inner in shares(child, point).items() if share * inner > 0}
    return found


@pytest.mark.parametrize("model", TREES)
def test_one_leaf_is_the_prototype(blobs, model):
    X, y, new, truth = blobs
    tree = clone(model).set_params(max_leaf_size=90).fit(X, y)
    alone = clone(model.estimator).fit(X, y)
    assert tree.tree_ == 0
    np.testing.assert_allclose(outcome(tree, new), outcome(alone, new), rtol=0, atol=2e-6)
    np.testing.assert_allclose(tree.predict(new), alone.predict(new), rtol=0, atol=1e-12)
    assert tree.score(new, truth) == pytest.approx(alone.score(new, truth), abs=1e-9)


@pytest.mark.parametrize("softness", [0.0, 0.1])
def test_predictions_blend_the_leaves(surface, softness):
    X, y, new, _ = surface
    model = TreeRFMRegressor(REGRESSOR, softness=softness, **SMALL).fit(X, y)
    expected = [
        sum(
            share * model.leaves_[leaf].predict(point[None])[0, 0] for leaf, share in shares(model.tree_, point).items()
        )
        for point in new
    ]
    np.testing.assert_allclose(model.predict(new), expected, rtol=0, atol=1e-10)
    blended = sum(len(shares(model.tree_, point)) > 1 for point in new)
    assert (blended > 0) == (softness > 0)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_a_leaf_is_a_fit_to_its_samples(surface, power):
    X, y, new, _ = surface
    prototype = clone(REGRESSOR).set_params(power=power)
    model = TreeRFMRegressor(prototype, softness=0.0, **SMALL).fit(X, y)
    assert [leaf.power_ for leaf in model.leaves_] == [power, power]
    below = model.tree_.direction.numpy() @ X.T <= model.tree_.low
    for leaf, rows in zip(model.leaves_, (below, ~below), strict=True):
        alone = clone(prototype).fit(X[rows], y[rows])
        np.testing.assert_allclose(leaf.predict(new)[:, 0], alone.predict(new), rtol=0, atol=1e-10)
    assert model.leaf_weights_.tolist() == [40, 40]


def test_the_first_split_is_along_what_matters():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 6))
    model = TreeRFMRegressor(REGRESSOR, 200, n_split_samples=150, random_state=0).fit(X, np.tanh(2 * X[:, 4]))
    assert model.tree_.direction[4] > 0.95
    assert model.agop().diagonal().argmax() == 4


def test_one_rfm_cannot_do_what_two_can():
    """What matters depends on the side: a metric for each leaves less than half the error of one for all."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (900, 8))
    side = np.where(np.arange(900) % 2, 1, -1)
    X[:, 0] = side * rng.uniform(1, 2, 900)
    y = 3 * side + np.sin(2 * np.where(side > 0, X[:, 1], X[:, 2]))
    leaf = RFMRegressor(Laplace(10.0), ridge=1e-3, n_iterations=3, selection=None)
    whole = clone(leaf).fit(X[:600], y[:600]).score(X[600:], y[600:])
    tree = TreeRFMRegressor(leaf, 400, softness=0.05, random_state=0).fit(X[:600], y[:600])
    assert len(tree.leaves_) == 2
    assert 1 - tree.score(X[600:], y[600:]) < 0.5 * (1 - whole)


@pytest.mark.parametrize("model", TREES)
def test_weights_are_repetitions(blobs, model):
    X, y, new, _ = blobs
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 4, len(X))
    rows = np.repeat(np.arange(len(X)), weights)
    weighted = outcome(clone(model).fit(X, y, weights), new)
    plain = outcome(clone(model).fit(X, y), new)
    np.testing.assert_allclose(weighted, outcome(clone(model).fit(X[rows], y[rows]), new), rtol=0, atol=1e-9)
    assert abs(weighted - plain).max() > 1e-3


@pytest.mark.parametrize("model", TREES)
def test_weights_of_zero_remove_rows(blobs, model):
    X, y, new, _ = blobs
    weights = np.random.default_rng(3).uniform(0.5, 2, len(X))
    weights[::5] = 0
    kept = weights > 0
    X[~kept] = 1e6
    weighted = outcome(clone(model).fit(X, y, weights), new)
    np.testing.assert_array_equal(weighted, outcome(clone(model).fit(X[kept], y[kept], weights[kept]), new))
    with pytest.raises(ValueError, match="Negative"):
        clone(model).fit(X, y, -weights)


@pytest.mark.parametrize("model", TREES)
def test_seeds(blobs, model):
    X, y, new, _ = blobs
    first, again = (outcome(clone(model).fit(X, y), new) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = outcome(clone(model).set_params(random_state=1).fit(X, y), new)
    assert abs(first - other).max() > 1e-6


def test_several_outputs(surface):
    X, y, new, truth = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, np.c_[y, -y])
    predicted = model.predict(new)
    assert predicted.shape == (40, 2)
    np.testing.assert_allclose(predicted[:, 0], -predicted[:, 1], rtol=0, atol=1e-8)
    assert model.score(new, np.c_[truth, -truth]) == pytest.approx(model.score(new, np.c_[truth, -truth].tolist()))
    assert TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, y[:, None]).predict(new).shape == (40, 1)
    assert TreeRFMRegressor(REGRESSOR, **SMALL).fit(X.tolist(), np.c_[y, y].tolist()).predict(new).shape == (40, 2)


@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1])
def test_constant_targets(constant, surface):
    X, _, new, _ = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, np.full(80, constant))
    assert model.tree_ == 0
    np.testing.assert_array_equal(model.predict(new), np.full(40, constant))
    assert not model.agop().any()


def test_a_leaf_with_constant_targets():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (120, 2))
    y = np.where(X[:, 0] > 0, np.sin(4 * X[:, 1]) + 3, 0.0)
    model = TreeRFMRegressor(REGRESSOR, 40, softness=0.0, n_split_samples=120, random_state=0).fit(X, y)
    leaves = np.array([next(iter(shares(model.tree_, point))) for point in X])
    constant = {number for number, leaf in enumerate(model.leaves_) if isinstance(leaf, torch.Tensor)}
    assert constant == {number for number in leaves if not y[leaves == number].any()} != set()
    assert any(isinstance(leaf, RFMRegressor) for leaf in model.leaves_)
    new = rng.uniform(-1, 1, (100, 2))
    far = [next(iter(shares(model.tree_, point))) in constant for point in new]
    assert any(far)
    np.testing.assert_array_equal(model.predict(new[far]), 0)


def test_equal_features_predict_the_mean(surface):
    X, y, *_ = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL).fit(np.ones((80, 5)), y, np.arange(80))
    np.testing.assert_allclose(model.predict(X[:3]), np.average(y, weights=np.arange(80)), rtol=1e-12)
    labels = np.arange(80) % 4 == 0
    model = TreeRFMClassifier(CLASSIFIER, **SMALL).fit(np.ones((80, 5)), labels)
    np.testing.assert_allclose(model.predict_proba(X[:1]), [[0.75, 0.25]], rtol=1e-12)


@pytest.mark.parametrize("kind", [TreeRFMRegressor, TreeRFMClassifier])
def test_samples_that_say_nothing_about_a_direction(kind):
    """One in four hundred is another: few samples see none of them, and the widest direction is taken."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3)) * [1, 5, 1]
    y = np.zeros(400)
    y[7] = 1
    prototype = REGRESSOR if kind is TreeRFMRegressor else CLASSIFIER
    widest = 0
    for state in range(10):
        model = kind(prototype, 250, n_split_samples=5, softness=0.0, random_state=state).fit(X, y)
        widest += model.tree_.direction[1] > 0.95
        assert sum(isinstance(leaf, torch.Tensor) for leaf in model.leaves_) == 1
        assert model.predict(X[[7]]) > 0.5
    assert widest > 5


def test_more_equal_rows_than_a_leaf_holds(surface):
    """Equal rows are one, so that 400 of them are no split."""
    X, y, *_ = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL)
    rows = np.repeat(np.arange(40), 10)
    assert model.fit(X[rows], y[rows]).tree_ == 0


@pytest.fixture
def stripes():
    """Four classes of 50 samples in a row along the first feature, far apart, and 60 new rows with labels."""
    rng = np.random.default_rng(0)
    classes = np.arange(260) % 4
    X = rng.uniform(-1, 1, (260, 3))
    X[:, 0] = 4 * classes - 6 + X[:, 0]
    labels = np.array(["a", "b", "c", "d"])[classes]
    return X[:200], labels[:200], X[200:], labels[200:]


def test_classes_absent_in_leaves(stripes):
    X, y, new, truth = stripes
    model = TreeRFMClassifier(CLASSIFIER, 30, softness=0.05, random_state=0).fit(X, y)
    kinds = [None if isinstance(leaf, torch.Tensor) else len(leaf.classes_) for leaf in model.leaves_]
    assert {None, 2} <= set(kinds)
    proba, scores = model.predict_proba(new), model.decision_function(new)
    assert proba.shape == scores.shape == (60, 4)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=0, atol=1e-12)
    assert (proba > 1e-7).all()
    np.testing.assert_allclose(scores, 2 * proba - 1, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.classes_, ["a", "b", "c", "d"])
    np.testing.assert_array_equal(model.predict(new), model.classes_[proba.argmax(1)])
    assert model.score(new, truth) > 0.8


def test_two_classes(stripes):
    X, y, new, truth = stripes
    model = TreeRFMClassifier(CLASSIFIER, **SMALL).fit(X, y > "b")
    proba, scores = model.predict_proba(new), model.decision_function(new)
    assert scores.shape == (60,)
    np.testing.assert_allclose(scores, proba[:, 1] - proba[:, 0], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(new), scores > 0)
    assert model.score(new, truth > "b") > 0.8


def test_one_class_is_refused(blobs):
    X, y, *_ = blobs
    with pytest.raises(InputError, match="2 or more classes"):
        TreeRFMClassifier(CLASSIFIER, **SMALL).fit(X, y, y == 1)


def test_class_weights_are_those_of_all_samples(stripes):
    X, y, new, _ = stripes
    heavy = TreeRFMClassifier(clone(CLASSIFIER).set_params(class_weight={"a": 5.0}), 60, random_state=0).fit(X, y)
    weighted = TreeRFMClassifier(CLASSIFIER, 60, random_state=0).fit(X, y, np.where(y == "a", 5.0, 1.0))
    np.testing.assert_allclose(heavy.predict_proba(new), weighted.predict_proba(new), rtol=0, atol=1e-12)
    assert heavy.estimator.class_weight == {"a": 5.0}


def test_agop_is_the_mean_over_the_leaves(surface):
    X, y, *_ = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, y)
    expected = np.zeros((5, 5))
    for leaf, weight in zip(model.leaves_, model.leaf_weights_.numpy(), strict=True):
        expected += weight * kernel_agop(leaf.machine_).matrix.numpy()
    np.testing.assert_allclose(model.agop(), expected / model.leaf_weights_.sum().item(), rtol=1e-10)
    importance = model.agop().diagonal()
    assert set(importance.argsort()[-2:].tolist()) == {0, 1}


def test_agops_of_leaves_with_two_classes_are_on_the_scale_of_more(stripes):
    X, y, *_ = stripes
    model = TreeRFMClassifier(CLASSIFIER, 110, softness=0.0, random_state=0).fit(X, y)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for leaf, weight in zip(model.leaves_, model.leaf_weights_, strict=True):
        machine, coefficients = leaf.machine_, leaf.machine_.coefficients
        if coefficients.shape[1] == 1:
            coefficients = torch.cat([-coefficients, coefficients], 1)
        expected += weight * kernel_agop(replace(machine, coefficients=coefficients)).matrix / 200
    torch.testing.assert_close(model.agop(), expected, rtol=1e-8, atol=1e-10)
    assert [len(leaf.classes_) for leaf in model.leaves_] == [2, 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_in_tensors_out(blobs, dtype):
    X, y, new, truth = blobs
    inputs, labels, points = torch.tensor(X, dtype=dtype), torch.tensor(y), torch.tensor(new, dtype=dtype)
    model = TreeRFMClassifier(CLASSIFIER, **SMALL).fit(inputs, labels)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(points).dtype == labels.dtype
    assert model.predict_proba(points).dtype == dtype
    expected = TreeRFMClassifier(CLASSIFIER, **SMALL).fit(X, y).predict_proba(new)
    np.testing.assert_allclose(
        model.predict_proba(points), expected, rtol=0, atol=1e-2 if dtype == torch.float32 else 0
    )
    assert model.score(points, torch.tensor(truth)) == (model.predict(points).numpy() == truth).mean()
    regressor = TreeRFMRegressor(REGRESSOR, **SMALL).fit(inputs, labels)
    assert isinstance(regressor.predict(points), torch.Tensor)
    assert isinstance(regressor.predict(new), np.ndarray)


def test_frames(surface):
    pandas = pytest.importorskip("pandas")
    X, y, new, _ = surface
    names = ["length", "width", "height", "age", "mass"]
    model = TreeRFMRegressor(REGRESSOR, **SMALL).fit(pandas.DataFrame(X, columns=names), y)
    assert model.feature_names_in_.tolist() == names
    assert model.n_features_in_ == 5
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pandas.DataFrame(new, columns=names[::-1]))
    with pytest.raises(ValueError, match="features"):
        TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, y).predict(new[:, :4])


def test_parameters_clones_and_searches(surface):
    X, y, *_ = surface
    model = TreeRFMRegressor(REGRESSOR, **SMALL)
    assert model.get_params()["estimator__kernel__bandwidth"] == 4
    grid = {"estimator__ridge": [1e-3, 1e3], "softness": [0.0, 0.1]}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model), {f"treerfmregressor__{k}": v for k, v in grid.items()}
    )
    assert search.fit(X, y).best_params_["treerfmregressor__estimator__ridge"] == 1e-3
    copy = clone(model.fit(X, y))
    assert not hasattr(copy, "leaves_")
    assert copy.estimator is not model.estimator
    assert not hasattr(model.estimator, "machine_")


def test_callbacks_see_the_leaves_alone(surface):
    X, y, *_ = surface
    seen = []
    leaf = RFMRegressor(
        Laplace(4.0), ridge=0.01, n_iterations=3, selection=None, callback=lambda step: seen.append(step.iteration)
    )
    model = TreeRFMRegressor(leaf, **SMALL, softness=0.0).fit(X, y)
    assert seen == [0, 1, 2, 3] * len(model.leaves_)


def test_progress(surface, capsys):
    X, y, *_ = surface
    leaf = clone(REGRESSOR).set_params(verbose=True)
    model = TreeRFMRegressor(leaf, **SMALL, verbose=True).fit(X, y)
    assert "TreeRFM" in capsys.readouterr().out
    assert not model.leaves_[0].verbose
    TreeRFMRegressor(leaf, **SMALL, verbose=2).fit(X, y)
    assert re.findall(r"leaf (\d) of \d: \d+ samples, [\d.]+ s", capsys.readouterr().out)[:2] == ["1", "2"]
    TreeRFMRegressor(REGRESSOR, **SMALL).fit(X, y)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimator": CLASSIFIER}, "'estimator' .*RFMRegressor' or None. Got RFMClassifier"),
        (
            {"estimator": make_pipeline(StandardScaler(), REGRESSOR)},
            "'estimator' .*RFMRegressor'.* Got Pipeline",
        ),
        ({"max_leaf_size": 0}, r"'max_leaf_size' .*\[1, inf\). Got 0"),
        ({"n_split_samples": 1}, r"'n_split_samples' .*\[2, inf\). Got 1"),
        *(({"softness": value}, rf"'softness' .*\[0.0, 0.25\]. Got {value}") for value in (0.26, -0.1, np.nan)),
    ],
)
def test_unusable_parameters(surface, parameters, message):
    X, y, *_ = surface
    with pytest.raises(ValueError, match=message):
        TreeRFMRegressor(REGRESSOR, **SMALL).set_params(**parameters).fit(X, y)


@pytest.mark.parametrize("model", TREES)
def test_unusable_data(blobs, model):
    X, y, new, _ = blobs
    model = clone(model)
    with pytest.raises(NotFittedError):
        model.predict(new)
    with pytest.raises(NotFittedError):
        model.agop()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(X > 3, np.nan, X), y)
    with pytest.raises(ValueError, match="90"):
        model.fit(X, y[:-1])
    with pytest.raises(ValueError, match="requires y"):
        model.fit(X, None)
