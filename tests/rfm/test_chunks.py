"""Fits to chunks that are read again and again are those to all of their rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop import RFMClassifier, RFMRegressor, TreeRFMClassifier, TreeRFMRegressor
from agop.errors import InputError, MemoryBudgetError
from agop.estimator import load, save
from agop.kernels import Laplace, MedianDistance
from agop.rfm import samples as samples_module
from agop.solvers import ConjugateGradient, Nystrom

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (6000, 40))
X[4000] = X[10]  # equal rows are left out together, also where they lie in different chunks
Y = np.sin(3 * X[:, 0]) + X[:, 1] + 0.1 * RNG.standard_normal(len(X))
LITTLE = 1_500_000  # bytes, less than the rows have
FEW = {
    "n_iterations": 1,
    "solver": Nystrom(150),
    "metric_samples": 300,
    "agop_samples": 200,
    "max_memory": LITTLE,
    "random_state": 0,
}


class Chunks:
    """Pairs of rows and targets, and how often they were read."""

    def __init__(self, rows, targets, size=700):
        self.rows, self.targets, self.size, self.passes = rows, targets, size, 0

    def __iter__(self):
        self.passes += 1
        for start in range(0, len(self.rows), self.size):
            part = slice(start, start + self.size)
            yield (self.rows[part].copy(), self.targets[part])


@pytest.fixture(autouse=True)
def never_gathered(monkeypatch):
    """Arrays are not sorted, as those of many rows; rows in chunks are never there together."""
    monkeypatch.setattr(samples_module, "IN_PLACE_ROWS", 5000)


def pairs(rows, targets, size=700):
    """A function that starts a pass over chunks."""
    return lambda: iter(Chunks(rows, targets, size))


@pytest.mark.parametrize(
    ("settings", "dtype"),
    [
        pytest.param({"max_memory": LITTLE // 2}, np.float32, id="float32"),
        pytest.param({}, np.float64, id="left out"),
        pytest.param({"selection": None, "kernel": Laplace(5.0), "ridge": 1e-2}, np.float64, id="plain"),
        pytest.param({"kernel": Laplace(MedianDistance()), "fit_intercept": False}, np.float64, id="median"),
        pytest.param({"validation_fraction": 0.1}, np.float64, id="validation fraction"),
    ],
)
def test_a_regressor(settings, dtype):
    rows = X.astype(dtype)
    settings = {"kernel": "laplace"} | FEW | settings
    chunks = Chunks(rows, Y)
    whole = RFMRegressor(**settings).fit(rows, Y)
    streamed = RFMRegressor(**settings).fit(chunks)
    assert 3 < chunks.passes < 9
    np.testing.assert_allclose(streamed.predict(rows[:300]), whole.predict(rows[:300]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(streamed.predict(chunks), streamed.predict(rows), rtol=1e-5, atol=1e-6)
    assert repr(streamed.solver_) == repr(whole.solver_)
    if whole.validation_scores_ is not None:
        np.testing.assert_allclose(streamed.validation_scores_, whole.validation_scores_, atol=1e-7)
    if whole.left_out_ is not None:
        lower, upper = streamed.predict_interval(chunks, coverage=0.8)
        expected = whole.predict_interval(rows, coverage=0.8)
        np.testing.assert_allclose([lower, upper], expected, rtol=0, atol=2e-6)


def test_a_classifier_of_text_with_weights(tmp_path):
    labels, weights = np.where(Y > 0.3, "high", "low"), RNG.integers(0, 3, len(X)).astype(float)
    settings = {"kernel": "laplace"} | FEW
    whole = RFMClassifier(**settings).fit(X, labels, weights)
    streamed = RFMClassifier(**settings).fit(pairs(X, labels, 999), None, weights)
    assert streamed.classes_.tolist() == ["high", "low"]
    np.testing.assert_allclose(streamed.predict_proba(pairs(X, labels)), whole.predict_proba(X), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(streamed.predict(pairs(X, labels)), streamed.predict(X))
    np.testing.assert_allclose(streamed.feature_importances_, whole.feature_importances_, atol=1e-6)
    save(streamed, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").decision_function(X), streamed.decision_function(X))


def test_what_fits_is_gathered_in_one_pass():
    """Then any solver does, and rows are sorted as those of an array are."""
    chunks = Chunks(X[:400], Y[:400], 90)
    settings = {"kernel": "laplace", "n_iterations": 1, "random_state": 0}
    whole, streamed = (RFMRegressor(**settings).fit(*data) for data in ((X[:400], Y[:400]), (chunks,)))
    assert chunks.passes == 1
    np.testing.assert_array_equal(streamed.predict(X), whole.predict(X))


def test_targets_beside_the_chunks_and_memory_that_is_used_again():
    def start():
        room = np.empty((50, 40))
        for k in range(0, 200, 50):
            room[:] = X[k : k + 50]
            yield room

    settings = {"kernel": Laplace(5.0), "ridge": 0.1, "n_iterations": 0, "selection": None}
    whole, streamed = (RFMRegressor(**settings).fit(rows, Y[:200]) for rows in (X[:200], start))
    np.testing.assert_allclose(streamed.predict(start), whole.predict(X[:200]), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(streamed.predict(start()), streamed.predict(start))  # one pass is enough


def test_tensors_of_a_loader():
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    settings = {"kernel": "laplace"} | FEW
    model = RFMRegressor(**settings).fit(torch.utils.data.DataLoader(data, batch_size=512))
    predictions = model.predict(torch.utils.data.DataLoader(data, batch_size=512))
    assert isinstance(predictions, torch.Tensor)
    np.testing.assert_allclose(predictions, RFMRegressor(**settings).fit(X, Y).predict(X), rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="same chunks in every pass, got other rows from row 0 on"):
        RFMRegressor(**settings).fit(torch.utils.data.DataLoader(data, batch_size=512, shuffle=True))


def test_a_time_budget_that_leaves_out_rows_of_the_last_fit(monkeypatch):
    monkeypatch.setattr("agop.rfm.learning.Learning.affordable", lambda self, n, *_, least=0, **__: min(n, 5000))
    settings = {"kernel": "laplace"} | FEW
    streamed = RFMRegressor(**settings).fit(pairs(X, Y))
    assert np.square(streamed.predict(X) - Y).mean() < 0.3 * Y.var()
    error, spread = -streamed.validation_scores_[-1], streamed.validation_standard_errors_[-1]
    assert error == pytest.approx(np.square(streamed.predict(X) - Y).mean(), abs=4 * spread + 0.02)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": ConjugateGradient()},
        {"solver": Nystrom(6000)},
        {"metric_samples": None},
        {"metric_samples": 6000},
        {"ridge": 0.0, "solver": "auto"},
    ],
)
def test_rows_that_are_needed_together_and_do_not_fit(settings):
    with pytest.raises(MemoryBudgetError, match=r"gathered in 1 MiB, got 2 MiB .* needed together"):
        RFMRegressor(**({"kernel": "laplace"} | FEW | settings)).fit(pairs(X, Y))


def test_few_rows_that_do_not_fit():
    with pytest.raises(MemoryBudgetError, match="needed together"):
        RFMRegressor(max_memory=100_000).fit(pairs(X[:4000], Y[:4000]))


def changed(row, change):
    """Chunks of which the one with a row is changed."""

    def start():
        for number, (rows, targets) in enumerate(Chunks(X, Y, 1000)):
            first = 1000 * number
            yield change(rows, targets) if first <= row < first + len(rows) else (rows, targets)

    return start


def put(value):
    def change(rows, targets):
        rows[17, 3] = value
        return rows, targets

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(np.nan), "NaN, in chunk 2, rows 2000 to 2999, first in row 2017"),
        (put(np.inf), "infinity.*, in chunk 2, rows 2000 to 2999, first in row 2017"),
        (lambda rows, y: (rows[:, :5], y), "5 features.* in chunk 2, rows 2000 to 2999"),
        (lambda rows, y: (rows.astype("f4"), y), "float64 in all chunks, got torch.float32 in chunk 2, rows 2000"),
        (
            lambda rows, y: (np.char.add(rows.astype(str)[:9, :], "x"), y),
            "could not convert string.* in chunk 2, rows 2000 to 2008",
        ),
        (lambda rows, y: (np.full((9, 40), "x"), y[:9]), "could not convert string.* in chunk 2, rows 2000 to 2008"),
        (lambda rows, y: (rows[:0], y[:0]), "0 sample.* in chunk 2"),
        (lambda rows, y: (rows[0], y), "2D array.* in chunk 2"),
        (lambda rows, y: (rows, y[:9]), "1000 targets, got 9, in chunk 2, rows 2000 to 2999"),
        (lambda rows, y: (rows, y * np.nan), "finite targets, got NaN or infinity, in chunk 2.* first in row 2000"),
        (lambda rows, y: (rows, y.astype(str)), "targets like those of the first chunk, float64, got <U"),
        (lambda rows, y: rows, "targets in the chunks, as pairs .* got neither, in chunk 2"),
    ],
)
def test_unusable_chunks_are_named(change, message):
    for memory in (LITTLE, None):
        with pytest.raises(InputError, match=message):
            RFMRegressor(**(FEW | {"max_memory": memory})).fit(changed(2000, change))
    with pytest.raises(InputError, match="got both"):
        RFMRegressor().fit(pairs(X, Y), Y)


def test_what_is_no_source_of_chunks():
    for once in ((pair for pair in [(X, Y)]), iter([(X, Y)])):
        with pytest.raises(InputError, match=r"read again, got a (generator|list_iterator) that ends after one pass"):
            RFMRegressor().fit(once)
    same = iter(Chunks(X, Y))
    with pytest.raises(InputError, match=r"ends after one pass\. Pass the function"):
        RFMRegressor(**FEW).fit(lambda: same)
    for empty in (lambda: iter([]), set()):
        with pytest.raises(InputError, match="chunks of rows, got none"):
            RFMRegressor().fit(empty)
    with pytest.raises(InputError, match="2 or more samples, got 1"):
        RFMRegressor().fit(pairs(X[:1], Y[:1]))


def test_a_source_that_changes_after_the_first_pass():
    passes = []

    def shorter():
        passes.append(None)
        return iter(Chunks(X[: 6000 - 1000 * (len(passes) > 2)], Y))

    with pytest.raises(InputError, match=r"same chunks in every pass, got (fewer|other) rows"):
        RFMRegressor(**FEW).fit(shorter)


def test_predictions_name_the_chunk_that_cannot_be_used():
    model = RFMRegressor(Laplace(5.0), ridge=0.1, n_iterations=0, selection=None).fit(X[:200], Y[:200])
    with pytest.raises(InputError, match="NaN, in chunk 2, rows 2000 to 2999, first in row 2017"):
        model.predict(changed(2000, put(np.nan)))
    with pytest.raises(InputError, match="chunks of rows, got none"):
        model.predict(lambda: iter([]))


def test_rows_to_keep_or_to_choose_by_that_do_not_fit():
    """Fewer are kept; parts that are needed whole are refused before any work."""
    settings = {"kernel": Laplace(5.0), "ridge": 0.01, "power": 1, "max_memory": 300_000, "random_state": 0}
    model = RFMRegressor(**settings, n_iterations=0, solver=Nystrom(100), metric_samples=200, selection=None)
    model.fit(pairs(X, Y))
    assert len(model.rows_at_random(0)[0]) == 300_000 // (8 * 40)
    with pytest.raises(MemoryBudgetError, match="needed together"):
        model.set_params(metric_samples=3000).fit(pairs(X, Y))
    with pytest.raises(MemoryBudgetError, match="needed together"):
        model.set_params(metric_samples=200, validation_fraction=0.5).fit(pairs(X, Y))


@pytest.mark.parametrize(("tree", "leaf"), [(TreeRFMRegressor, RFMRegressor), (TreeRFMClassifier, RFMClassifier)])
def test_trees_gather_chunks(tree, leaf):
    targets = Y if leaf is RFMRegressor else np.where(Y > 0, "high", "low")
    model = tree(leaf(Laplace(5.0), ridge=0.1, n_iterations=0, selection=None), max_leaf_size=300, random_state=0)
    whole = model.fit(X[:500], targets[:500]).predict(X)
    assert len(model.leaves_) > 1
    np.testing.assert_array_equal(model.fit(pairs(X[:500], targets[:500], 90)).predict(X), whole)
    streamed = model.predict(pairs(X, targets))
    assert np.mean(streamed == whole) == 1 if leaf is RFMClassifier else np.allclose(streamed, whole, rtol=0, atol=1e-9)
    with pytest.raises(MemoryBudgetError, match="needed together"):
        model.set_params(estimator__max_memory=100_000).fit(pairs(X[:500], targets[:500]))
