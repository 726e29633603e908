"""Scores of parts of a table merge to that of the whole."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from agop import Laplace, RFMClassifier, RFMRegressor
from agop.errors import InputError
from agop.tables.score import TableScore, stated_scores

pandas = pytest.importorskip("pandas")


def parts(truth, predictions, classes, size):
    starts = range(0, len(truth), size)
    return [TableScore.of(truth[k : k + size], predictions[k : k + size], classes) for k in starts]


@pytest.mark.parametrize("size", [1, 4, 30])
def test_regression(size):
    rng = np.random.default_rng(0)
    truth = pandas.Series(1e6 + rng.normal(size=30))
    predictions = truth + 0.3 * rng.normal(size=30)
    truth[[0, 7]] = None
    score = reduce(TableScore.merge, parts(truth, predictions, None, size))
    y, f = truth.dropna().to_numpy(), predictions[truth.notna()].to_numpy()
    r2, rmse = 1 - ((y - f) ** 2).sum() / ((y - y.mean()) ** 2).sum(), ((y - f) ** 2).mean() ** 0.5
    assert str(score) == f"R²: {r2:.4f}, RMSE {rmse:.4g} (28 rows with a target)"


@pytest.mark.parametrize(
    ("truth", "predictions", "classes"),
    [
        (["a", "b", None, "a", "c"], ["a", "a", "a", "a", "a"], np.array(["a", "b"], dtype=object)),
        ([1, 2, None, 1, 5], [1, 1, 1, 1, 1], np.array([1, 2])),
        ([True, False, None, True, "?"], [True, True, True, True, True], np.array([False, True])),
    ],
)
def test_labels(truth, predictions, classes):
    scores = parts(pandas.Series(truth), pandas.Series(predictions), classes, 2)
    assert str(reduce(TableScore.merge, scores)) == "Accuracy: 0.5000 (4 rows with a target)"


def test_numbers_against_text():
    score = TableScore.of(pandas.Series([1, 2]), pandas.Series(["1", "1"]), np.array(["1", "2"], dtype=object))
    assert (score.count, score.error) == (2, 1)


def test_nothing_known_and_nothing_to_explain():
    assert str(TableScore.of(pandas.Series([None]), pandas.Series([1.0]))) == "No row has a target"
    constant = TableScore.of(pandas.Series([2.0, 2.0]), pandas.Series([2.0, 3.0]))
    assert str(constant) == "R²: –, RMSE 0.7071 (2 rows with a target)"


def test_text_as_target_of_a_regression():
    with pytest.raises(InputError, match="numbers in column 'y'"):
        TableScore.of(pandas.Series(["much"], name="y"), pandas.Series([1.0]))


def numbers_of(scores):
    """Score and standard error by name."""
    return {name: [float(part) for part in text.split(" ± ")] for name, text in scores.items()}


def test_a_score_of_validation_rows_is_called_so_and_is_that_of_the_model(surface):
    """Targets far from 0 with a large variance: R² must not pass for a squared error."""
    rows, _, new_rows, _ = surface
    learn, judge = (40 * np.abs(part).sum(1) + 100 for part in (rows, new_rows))
    model = RFMRegressor(Laplace(2.0), ridge=0.01, n_iterations=2).fit(rows, learn, validation=(new_rows, judge))
    ((name, (value, error)),) = numbers_of(stated_scores(model, learn)).items()
    assert name == "R² on validation rows"
    assert value == pytest.approx(model.score(new_rows, judge), abs=1e-4)
    assert 0 < error < 0.5


def test_a_left_out_squared_error_becomes_one_that_needs_no_unit(surface):
    rows, values, _, _ = surface
    found = []
    for unit in (1.0, 100.0):
        model = RFMRegressor(Laplace(2.0), ridge=0.01, n_iterations=1, random_state=0).fit(rows, unit * values)
        found.append(numbers_of(stated_scores(model, unit * values)))
    assert found[0]["left-out R²"] == pytest.approx(found[1]["left-out R²"], abs=2e-4)
    assert found[1]["left-out RMSE"][0] == pytest.approx(100 * found[0]["left-out RMSE"][0], rel=1e-3)


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_the_error_of_a_left_out_r2_is_that_of_a_ratio(signal):
    """It is about how far R² spreads over draws, and less than that of the squared error where nothing was learned."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(80, 2)), rng.normal(size=80)
        y = y + signal * x[:, 0]
        model = RFMRegressor(Laplace(20.0), ridge=0.3 if signal else 3.0, n_iterations=0).fit(x, y)
        found.append(numbers_of(stated_scores(model, y))["left-out R²"])
    values, errors = np.array(found).T
    assert np.median(errors) == pytest.approx(values.std(), rel=0.5)


def test_what_has_learned_nothing_is_no_better_than_the_most_frequent_class():
    """Of 200 rows, 196 are of one class, and labels have nothing to do with the columns."""
    x, labels = np.random.default_rng(0).normal(size=(200, 3)), (np.arange(200) < 4).astype(int)
    stated = numbers_of(stated_scores(RFMClassifier(n_iterations=0).fit(x, labels), labels))
    value, error = stated["left-out accuracy"]
    assert value > 0.9
    assert value <= stated["most frequent class for all"][0] + 2 * error


def test_classifiers_state_accuracy_and_some_fits_nothing(blobs):
    rows, labels, new_rows, new_labels = blobs
    model = RFMClassifier(Laplace(2.0), ridge=0.01, n_iterations=1)
    stated = stated_scores(model.fit(rows, labels), labels)
    assert list(stated) == ["left-out accuracy", "most frequent class for all"]
    assert float(stated["most frequent class for all"]) == pytest.approx(
        np.bincount(labels).max() / len(labels), abs=1e-4
    )
    model.fit(rows, labels, validation=(new_rows, new_labels))
    (name, (value, _)), _ = numbers_of(stated_scores(model, labels)).items()
    assert name == "accuracy on validation rows"
    assert value == pytest.approx(model.score(new_rows, new_labels), abs=1e-4)
    assert stated_scores(model.set_params(selection=None).fit(rows, labels), labels) == {}
