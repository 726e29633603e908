"""What is read first of models of tables, on made-up models for which the answer is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agop.rfm import Skill
from agop.tables.summary import table_data, table_summary
from tables.models import EXPLANATION, folds, plain, result


def marked(summary):
    return {summary.table.rows[row][0]: summary.table.columns[column] for row, column in summary.deciding}


def test_the_largest_effect_and_the_error():
    summary = table_summary([result(lines=folds(1.0, 2.0, 1.5))])
    assert summary.sentence == (
        "The prediction depends most on mass: 45 % of its variance hangs on it (39 % to 51 %, 2 standard errors). "
        "Its RMSE is 1.5, mean over 3 folds, 38 % of that of a constant prediction."
    )
    assert summary.table.columns == ["run", "columns", "largest effect", "RMSE", "of the constant prediction"]
    assert summary.table.rows == [["model", "4", "mass, 45 %", "1.5", "38 %"]]
    assert marked(summary) == {"model": "largest effect"}


def test_columns_that_are_not_told_apart():
    summary = table_summary([result(explanation=plain([0.3, 0.29, 0.1], errors=0.02))])
    assert summary.sentence.startswith("Which column matters most is not settled: x0, x1 may each have the largest")
    assert summary.table.rows[0][2] == "not settled"


def test_noise_has_no_leader():
    summary = table_summary([result(explanation=plain([0.02, 0.01], errors=0.05))])
    assert summary.sentence.startswith("No column has an effect beyond its standard error.")
    assert summary.table.rows[0][2] == "not settled"


def test_a_model_that_predicts_nothing_says_so_first():
    summary = table_summary([result(lines=folds(4.5, 4.0, 4.1))])
    assert summary.sentence == (
        "The model predicts no better than a constant, its RMSE is 105 % of that of a constant: what it depends on "
        "says little."
    )
    assert marked(summary) == {"model": "of the constant prediction"}


def test_an_error_beside_no_constant_prediction_settles_nothing():
    """What is known of left-out rows counts as it does without folds."""
    lines = folds(0.1, 0.2, baseline=None, measure="error rate")
    for skill, first, last in (
        (None, "The prediction depends most on mass", "better than a constant is not known."),
        (Skill(0.5, 0.1), "The prediction depends most on mass", "Its error rate is 0.15, mean over 2 folds."),
        (Skill(0.01, 0.02), "The model predicts no better than a constant", "What it depends on says little."),
    ):
        summary = table_summary([result(explanation=replace(EXPLANATION, skill=skill), lines=lines)])
        assert summary.sentence.startswith(first)
        assert summary.sentence.endswith(last)
        assert ("0.15" in summary.sentence) is ("depends most" in summary.sentence)


def test_a_gain_inside_the_spread_over_folds_is_none():
    """As of targets of pure noise, which some folds seem to be predicted of."""
    summary = table_summary([result(lines=folds(3.8, 4.1, 3.9))])
    assert summary.sentence.startswith("The model predicts no better than a constant beyond the spread over the folds")
    assert marked(summary) == {"model": "of the constant prediction"}


@pytest.mark.parametrize("order", ["abc", "cab", "bca", "ab"])
def test_models_that_are_not_told_apart_are_compared_in_any_order(order):
    errors = {"a": (1.0, 3.0, 2.0), "b": (2.0, 2.5, 3.0), "c": (2.6, 2.0, 3.2)}
    summary = table_summary([result(name, lines=folds(*errors[name])) for name in order])
    assert summary.sentence == "RMSE, same folds: no difference beyond the spread in all runs."
    assert not summary.deciding


def test_models_that_are_compared():
    good, bad = result("a", lines=folds(1.0, 1.1, 1.0)), result("b", lines=folds(2.0, 2.1, 2.2))
    summary = table_summary([good, bad])
    assert summary.sentence == "RMSE, same folds: lowest in a."
    assert marked(summary) == {"a": "RMSE"}
    alone = table_summary([good, result("c")])
    assert alone.sentence.startswith("The models are not compared")
    assert not alone.deciding
    same = table_summary([good, result("d", lines=folds(1.1, 1.0, 1.02))])
    assert not same.deciding


def test_models_of_different_tables_are_compared_by_what_is_marked():
    """Each RMSE is in the unit of its target."""
    other = [{**line, "n_rows": 7, "error": 1e4 * line["error"], "baseline": 1e5} for line in folds(0.2, 0.21, 0.22)]
    summary = table_summary([result("a", lines=folds(1.0, 1.1, 1.0)), result("b", lines=other)])
    assert summary.sentence.startswith("Error, relative to its own constant prediction: lowest in b")
    assert marked(summary) == {"b": "of the constant prediction"}


def test_data():
    assert table_data(result(lines=folds(1.0, 2.0))) == "20 rows, 4 columns"
    assert table_data(result(explanation=plain([0.5]))) == "1 column"
