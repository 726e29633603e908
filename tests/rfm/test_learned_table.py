"""What a fit says it has learned: a score under the name of what it is."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score

from agop import Laplace, RFMClassifier, RFMRegressor, load, save
from agop.rfm.learned_table import learned_table
from agop.solvers import Nystrom

SCORES = {
    "left-out accuracy",
    "left-out squared error",
    "accuracy on validation rows",
    "R² on validation rows",
}


def score_of(model):
    """Name of the only score in a table, the score and its standard error."""
    (row,) = (row for row in learned_table(model).rows if row[0] in SCORES)
    return row[0], *map(float, row[1].split(" ± "))


def fitted(kind, targets):
    """A model whose last iterate is worse than the one that validation rows keep, with these rows and targets."""
    for seed in range(20):
        rows, new_rows = np.split(np.random.default_rng(seed).standard_normal((120, 5)), [80])
        model = kind(Laplace(2.0), ridge=0.01, n_iterations=4)
        model.fit(rows, targets(rows), validation=(new_rows, targets(new_rows)))
        if model.validation_scores_[model.best_iteration_] > model.validation_scores_[-1] + 0.002:
            return model, new_rows, targets(new_rows)
    pytest.fail("the last iterate is best on all draws")


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize(
    ("kind", "targets", "name", "score"),
    [
        (RFMRegressor, lambda rows: 40 * np.abs(rows).sum(1), "R² on validation rows", r2_score),
        (RFMClassifier, lambda rows: rows[:, 0] * rows[:, 1] > 0, "accuracy on validation rows", accuracy_score),
    ],
)
def test_validation_rows_give_the_score_of_the_iterate_that_was_kept(tmp_path, kind, targets, name, score, restored):
    """Not that of the last iterate, which is worse here."""
    model, rows, judge = fitted(kind, targets)
    if restored:
        save(model, tmp_path / "model.safetensors")
        model = load(tmp_path / "model.safetensors")
    found, value, error = score_of(model)
    assert found == name
    assert value == pytest.approx(score(judge, model.predict(rows)), abs=6e-4)
    assert 0 < error < 0.5


def test_rows_left_out_in_turn_give_a_squared_error_in_the_units_of_the_targets():
    """On bounded rows: beyond those of the fit, an error has no bound."""
    rows, new_rows = np.split(np.random.default_rng(1).uniform(-2, 2, (500, 5)), [100])
    values, new_values = (np.sin(each[:, 0]) + each[:, 1] ** 2 for each in (rows, new_rows))
    model = RFMRegressor(Laplace(2.0), ridge=0.01, n_iterations=1).fit(rows, 100 * values)
    name, value, error = score_of(model)
    assert name == "left-out squared error"
    assert value == pytest.approx(np.square(model.left_out_.residuals.numpy()).mean(), rel=1e-3)
    assert value == pytest.approx(mean_squared_error(100 * new_values, model.predict(new_rows)), abs=5 * error)
    assert not any("e+" in row[1] for row in learned_table(model).rows)


def test_a_classifier_states_its_left_out_accuracy(blobs):
    rows, labels, _, _ = blobs
    name, value, _ = score_of(RFMClassifier(Laplace(2.0), ridge=0.01, n_iterations=1).fit(rows, labels))
    assert name == "left-out accuracy"
    assert value > 0.5


def test_a_fit_without_such_rows_has_no_score(surface):
    rows, values, _, _ = surface
    model = RFMRegressor(Laplace(2.0), ridge=0.01, n_iterations=1, selection=None).fit(rows, values)
    assert not SCORES & {row[0] for row in learned_table(model).rows}


def test_the_title_tells_all_rows_also_where_the_model_keeps_few():
    rows = np.random.default_rng(0).standard_normal((5000, 2))
    model = RFMRegressor(Laplace(2.0), ridge=0.1, n_iterations=0, selection=None, solver=Nystrom(20))
    assert "5,000 distinct rows" in learned_table(model.fit(rows, rows[:, 0])).title
