"""Plots and sentences on models of tables, against numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agop.records import Explanation
from agop.reports.charts import Bars, Choice, HeatMap, chart_json
from agop.reports.definitions import DEFINITIONS
from agop.reports.palette import GREY, colour
from agop.reports.results import TableResult
from agop.reports.table import table_numbers, table_plots
from agop.reports.table_findings import importance_findings, table_findings
from agop.reports.table_folds import FoldSummary, fold_findings

COLUMNS = ("noise", "age", "town", "mass")
FEATURES = ("noise", "age", "town=Bonn", "town=Ulm", "mass")
VARIANCE, CONSTANT = "of the variance of the prediction", "of that of the constant prediction"
OVER = "(mean and standard deviation over 2 folds)"
COUPLING = np.array([[1, 0.1, 0, 0.25], [0.1, 1, 0.5, 0.3], [0, 0.5, 1, 0.2], [0.25, 0.3, 0.2, 1]])
EXPLANATION = Explanation(
    COLUMNS,
    np.array([0.005, 0.5, 0.095, 0.4]),
    FEATURES,
    np.array([[0.0, 0.8, 0.1, -0.1, -0.6], [0.0, 0.6, 0.0, 0.0, 0.8]]),
    np.array([0.625, 0.25]),
    COUPLING,
    (("age", "mass", 0.062), ("town", "mass", 0.021), ("age", "town", 0.0)),
    np.array([0.0, 0.3, 0.1, 0.45]),
)


def folds(*errors, baseline=4.0, measure="RMSE"):
    return [
        {"fold": k, "measure": measure, "error": error, "baseline": baseline, "n_rows": 10}
        for k, error in enumerate(errors, start=1)
    ]


def result(name="model", explanation=EXPLANATION, lines=(), settings=None, **info):
    return TableResult(name, {"settings": settings or {}, **info}, explanation, lines)


def wide(p=30):
    """Importances 1, 2, ..., p in the order of the columns."""
    names = tuple(f"x{index}" for index in range(p))
    importance = np.arange(1.0, p + 1) / (p * (p + 1) / 2)
    return Explanation(names, importance, names, np.eye(p)[:2], np.array([0.5, 0.25]), np.eye(p))


def plots(*results):
    return {plot.name: plot for plot in table_plots(results)}


def only_numbers(*results):
    """Every chart can be written as JSON, and its terms are defined."""
    for plot in table_plots(results):
        chart_json(plot.chart)
        assert plot.findings
        assert set(plot.terms) <= DEFINITIONS.keys()


def test_names_of_the_plots():
    assert list(plots(result(lines=folds(1.0, 2.0)))) == [
        "importance",
        "interactions",
        "coupling",
        "directions",
        "folds",
    ]
    bare = replace(EXPLANATION, interactions=(), effects=None)
    assert list(plots(result(explanation=bare))) == ["importance", "coupling", "directions"]
    only_numbers(result(lines=folds(1.0, 2.0)))
    only_numbers(result(explanation=bare), result("other"))


def test_importance():
    chart = plots(result())["importance"].chart
    assert isinstance(chart, Bars)
    assert chart.categories == ["age", "mass", "town", "noise"]
    assert [series.values for series in chart.series] == [[0.5, 0.4, 0.095, 0.005], [0.3, 0.45, 0.1, 0.0]]
    assert [series.name.split(":")[0] for series in chart.series] == ["importance", "effect"]
    alone = plots(result(explanation=replace(EXPLANATION, effects=None)))["importance"]
    assert len(alone.chart.series) == 1
    assert "effect" not in alone.terms
    assert "left out" not in alone.caption


def test_importance_of_many_columns():
    plot = plots(result(explanation=wide()))["importance"]
    assert plot.chart.categories == [f"x{index}" for index in range(29, 9, -1)]
    assert plot.caption.endswith("10 more columns are left out.")
    assert plots(result(explanation=wide(21)))["importance"].caption.endswith("1 more column is left out.")


def test_importance_of_several_models():
    """The union of the columns, by their mean over the models that have them."""
    other = Explanation(
        ("wind", "age"), np.array([0.45, 0.55]), ("wind", "age"), np.eye(2), np.array([0.55, 0.45]), np.eye(2)
    )
    chart = plots(result("a"), result("b", other))["importance"].chart
    assert isinstance(chart, Choice)
    assert chart.first_shown == "importance"
    bars = chart.charts["importance"]
    assert bars.categories == ["age", "wind", "mass", "town", "noise"]
    a, b = bars.series
    assert (a.name, a.values, a.colour) == ("a", [0.5, None, 0.4, 0.095, 0.005], colour(0))
    assert (b.name, b.values, b.colour) == ("b", [0.55, 0.45, None, None, None], colour(1))
    assert [series.name for series in chart.charts["effect"].series] == ["a"]
    without = replace(EXPLANATION, effects=None)
    assert isinstance(plots(result("a", without), result("b", other))["importance"].chart, Bars)


def test_interactions():
    chart = plots(result())["interactions"].chart
    assert isinstance(chart, HeatMap)
    assert chart.numbers
    assert chart.x == chart.y == ["age", "mass", "town"]
    assert chart.values == [[None, 6.2, 0.0], [6.2, None, 2.1], [0.0, 2.1, None]]


def test_coupling():
    chart = plots(result())["coupling"].chart
    assert chart.x == chart.y == ["age", "mass", "town", "noise"]
    assert chart.values[0] == [1, 0.3, 0.5, 0.1]
    assert chart.values[3] == [0.1, 0.25, 0, 1]
    plot = plots(result(explanation=wide()))["coupling"]
    assert plot.chart.x == [f"x{index}" for index in range(29, 17, -1)]
    assert plot.caption.endswith("The 12 most important columns.")


def test_directions():
    chart = plots(result())["directions"].chart
    assert (chart.label, list(chart.charts)) == ("direction", ["1 (62 % of the AGOP)", "2 (25 % of the AGOP)"])
    assert chart.first_shown == "1 (62 % of the AGOP)"
    first = chart.charts[chart.first_shown]
    assert first.categories == ["age", "mass", "town=Bonn", "town=Ulm", "noise"]
    assert first.series[0].values == [0.8, -0.6, 0.1, -0.1, 0.0]
    assert first.x_title == "entry"
    assert len(plots(result(explanation=wide()))["directions"].chart.charts["1 (50 % of the AGOP)"].categories) == 12


def test_choices_of_several_models():
    found = plots(result("a"), result("b", wide(3)))
    assert found["directions"].chart.label == "run"
    assert list(found["directions"].chart.charts) == ["a", "b"]
    second = found["directions"].chart.charts["b"]
    assert second.label == "direction"
    assert second.charts[second.first_shown].series[0].colour == colour(1)
    assert list(found["coupling"].chart.charts) == ["a", "b"]
    assert list(found["interactions"].chart.charts) == ["a"]


def test_folds():
    chart = plots(result(lines=folds(1.0, 2.0, 1.5)))["folds"].chart
    assert (chart.categories, chart.x_title) == (["fold 1", "fold 2", "fold 3"], "RMSE")
    model, constant = chart.series
    assert (model.name, model.values, model.colour) == ("model", [1.0, 2.0, 1.5], colour(0))
    assert (constant.values, constant.colour) == ([4.0] * 3, GREY)
    bare = [{name: value for name, value in line.items() if name != "baseline"} for line in folds(1.0, 2.0)]
    plot = plots(result(lines=bare))["folds"]
    assert len(plot.chart.series) == 1
    assert "constant" not in plot.caption


def test_folds_of_several_models():
    same = plots(result("a", lines=folds(1.0, 2.0)), result("b", lines=folds(3.0, 1.0)), result("c"))["folds"].chart
    assert [(s.name, s.values) for s in same.series] == [
        ("a", [1.0, 2.0]),
        ("b", [3.0, 1.0]),
        ("constant prediction", [4.0, 4.0]),
    ]
    other = plots(result("a", lines=folds(1.0, 2.0)), result("b", lines=folds(3.0, 1.0, 2.0, baseline=5.0)))["folds"]
    assert [(s.name, s.values) for s in other.chart.series] == [
        ("a", [1.0, 2.0, None]),
        ("a, constant prediction", [4.0, 4.0, None]),
        ("b", [3.0, 1.0, 2.0]),
        ("b, constant prediction", [5.0, 5.0, 5.0]),
    ]
    rates = folds(0.1, 0.2, baseline=0.5, measure="error rate")
    choice = plots(result("a", lines=folds(1.0, 2.0)), result("b", lines=rates))["folds"].chart
    assert {name: [s.name for s in bars.series] for name, bars in choice.charts.items()} == {
        "RMSE": ["a", "constant prediction"],
        "error rate": ["b", "constant prediction"],
    }
    assert choice.charts["error rate"].series[0].colour == colour(1)


def test_folds_of_other_targets_have_other_scales():
    runs = result("a", lines=folds(1.0), target="age"), result("b", lines=folds(300.0), target="mass")
    charts = plots(*runs)["folds"].chart.charts
    assert list(charts) == ["RMSE of age", "RMSE of mass"]
    assert [series.name for series in charts["RMSE of mass"].series] == ["b", "constant prediction"]
    assert plots(runs[0])["folds"].chart.x_title == "RMSE of age"


def test_the_coupling_in_a_sentence_is_one_that_is_shown():
    explanation = wide()
    explanation.coupling[3, 4] = explanation.coupling[4, 3] = 0.9  # x3 and x4 are not important
    explanation.coupling[20, 25] = explanation.coupling[25, 20] = 0.4
    wanted = "The strongest coupling among the 12 most important columns is that of x20 and x25, 0.40 of 1."
    assert wanted in table_findings(result(explanation=explanation))


def test_numbers():
    table = table_numbers(result("houses"))
    assert table.title == "Columns of houses"
    assert [len(row) for row in table.rows] == [len(table.columns)] * 4
    assert table.rows[0] == ["age", "0.5000", "0.3000", "town", "0.50", "mass", "0.0620"]
    assert table.rows[3] == ["noise", "0.0050", "0.0000", "mass", "0.25", "–", "–"]
    bare = table_numbers(result(explanation=replace(EXPLANATION, interactions=(), effects=None)))
    assert bare.columns == ["column", "importance", "coupled with", "coupling"]
    assert bare.rows[1] == ["mass", "0.4000", "age", "0.30"]


def test_sentences():
    assert table_findings(result(lines=folds(1.0, 2.0, 3.0))) == [
        "Two of 4 columns make 90 % of the AGOP: age 50 % and mass 40 %; 1 column has less than 1 %.",
        f"The largest effect is that of mass, 45 % {VARIANCE}, number 2 by the AGOP; age has 30 %.",
        "The strongest interaction of 3 pairs of 3 columns, age with mass, is 6.2 % of the variance of the prediction; "
        "the next, town with mass, is 2.1 %.",
        "The strongest coupling is that of age and town, 0.50 of 1.",
        "The first direction holds 62 % of the AGOP: age +0.80 and mass −0.60; the first 2 hold 88 %.",
        "The RMSE is 2 ± 1 (mean and standard deviation over 3 folds), 50 % of that of the constant prediction and "
        "below it in every fold.",
    ]


def sentence(change, start):
    found = table_findings(result(explanation=replace(EXPLANATION, **change)))
    return next(text for text in found if text.startswith(start))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            {"importance": np.array([0.0, 1.0, 0.0, 0.0])},
            "One of 4 columns makes 100 % of the AGOP: age 100 %; 3 columns have less than 1 % each.",
        ),
        (
            {"importance": np.array([0.3, 0.25, 0.23, 0.22])},
            "It takes all 4 columns to make 80 % of the AGOP: noise 30 %, age 25 %, town 23 % and mass 22 %.",
        ),
        (
            {"effects": np.array([0.1, 0.5, 0.2, 0.4])},
            f"The largest effect is that of age as well, 50 % {VARIANCE}.",
        ),
        ({"effects": np.zeros(4)}, "No column has an effect on these rows."),
        (
            {"interactions": (("age", "mass", 0.004), ("town", "mass", 0.0), ("age", "town", 0.0))},
            "The prediction is nearly additive over the 3 pairs of 3 columns that were tried: the most is 0.4 % of its "
            "variance, age with mass.",
        ),
        (
            {"interactions": (("age", "mass", 0.004),)},
            "The interaction of age with mass is 0.4 % of the variance of the prediction.",
        ),
        ({"coupling": np.eye(4)}, "No two columns act through a common direction."),
        (
            {"coupling": np.array(COUPLING) + 0.45 * (COUPLING == 0.5)},
            "The strongest coupling is that of age and town, 0.95 of 1: they act nearly through one direction.",
        ),
        (
            {"directions": np.array([[0.0, 0.0, 0.0, 1.0, 0.0]]), "shares": np.array([1.0])},
            "The first direction holds 100 % of the AGOP: town=Ulm +1.00.",
        ),
    ],
)
def test_sentences_of_other_numbers(change, wanted):
    assert sentence(change, wanted[:22]) == wanted


def test_many_columns_in_a_sentence():
    first, *_ = importance_findings([result(explanation=wide())])
    shares = [k / 465 for k in range(30, 0, -1)]
    count = next(n for n in range(31) if sum(shares[:n]) >= 0.8)
    assert first.startswith(
        f"{count} of 30 columns make {100 * sum(shares[:count]):.0f} % of the AGOP: x29 6.5 %, x28 6.2 %"
    )
    assert f"and {count - 4} others; 4 columns have less than 1 % each." in first


def test_one_column():
    one = Explanation(("age",), np.ones(1), ("age",), np.ones((1, 1)), np.ones(1), np.ones((1, 1)), (), np.ones(1))
    assert list(plots(result(explanation=one))) == ["importance", "directions"]
    assert table_findings(result(explanation=one)) == [
        "The table has one column, age.",
        "The first direction holds 100 % of the AGOP: age +1.00.",
    ]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (folds(1.0, 6.0), f"The RMSE is 3.5 ± 3.5 {OVER}, 88 % {CONSTANT} and below it in 1 of 2 folds."),
        (folds(8.0, 8.0), f"The RMSE is 8 ± 0 {OVER}, 200 % {CONSTANT} and below it in no fold."),
        (folds(1.0), f"The RMSE is 1 (one fold), 25 % {CONSTANT}."),
        (folds(0.1, 0.2, baseline=None, measure="error rate"), f"The error rate is 0.15 ± 0.071 {OVER}."),
        (
            folds(47111.0, 48119.0, baseline=1e5),
            f"The RMSE is 47,600 ± 710 {OVER}, 48 % {CONSTANT} and below it in every fold.",
        ),
        (folds(0.0, 0.0, baseline=0.0), f"The RMSE is 0 ± 0 {OVER}."),
    ],
)
def test_sentences_about_folds(lines, wanted):
    assert fold_findings([result(lines=lines)]) == [wanted]


def test_no_folds():
    assert fold_findings([result()]) == []
    assert "folds" not in plots(result())


def test_summary_of_folds():
    found = FoldSummary.of(folds(1.0, 2.0, 6.0, baseline=3.0))
    assert (found.mean, found.n_folds, found.share, found.n_better) == (3.0, 3, 1.0, 2)
    assert found.deviation == pytest.approx(7**0.5)


def test_which_model_has_the_lowest_error():
    a, b = result("a", lines=folds(1.0, 3.0, 2.0)), result("b", lines=folds(2.0, 2.5, 3.0))
    first, *each = fold_findings([b, a])
    assert first == "On the same folds the RMSE is lowest in a, 2; in b it is 2.5, and higher in 2 of 3 folds."
    assert [text[:3] for text in each] == ["b: ", "a: "]
    other = result("c", lines=folds(2.0, 2.0, baseline=8.0))
    first, *_ = fold_findings([a, other, result("d")])
    assert first == ("Relative to its own constant prediction the error is lowest in c, 25 %; in a it is 50 %.")
    unknown = result("e", lines=folds(1.0, baseline=None))
    assert len(fold_findings([unknown, other])) == 2


def test_balanced_classes_do_not_make_two_tables_one():
    """Error rates of the most frequent class are the same in many tables."""
    lines = folds(0.1, 0.2, baseline=0.5, measure="error rate"), folds(0.2, 0.3, baseline=0.5, measure="error rate")
    facts = {"checksum": "1", "target": "y", "settings": {"seed": 0}}

    def first(**changes):
        return fold_findings([result("a", lines=lines[0], **facts), result("b", lines=lines[1], **facts | changes)])[0]

    assert first().startswith("On the same folds the error rate is lowest in a, 0.15; in b it is 0.25, and higher in 2")
    for changes in ({"checksum": "2"}, {"target": "z"}, {"settings": {"seed": 1}}, {"checksum": None}):
        assert first(**changes).startswith("Relative to its own constant prediction")


def test_models_that_are_equally_good():
    a, b, c = (result(name, lines=folds(*errors)) for name, errors in zip("abc", [(1, 3), (3, 1), (2, 4)], strict=True))
    assert fold_findings([a, b, c])[0] == "On the same folds the RMSE is lowest in a and b, 2."
    others = [result(name, lines=folds(base / 4, base / 4, baseline=base)) for name, base in (("d", 4.0), ("e", 8.0))]
    assert fold_findings(others)[0] == "Relative to its own constant prediction the error is lowest in d and e, 25 %."


def test_two_columns_of_which_neither_is_enough():
    two = Explanation(("a", "b"), np.array([0.5, 0.5]), ("a", "b"), np.eye(2), np.array([0.5, 0.5]), np.eye(2))
    first, *_ = importance_findings([result(explanation=two)])
    assert first == "It takes both columns to make 80 % of the AGOP: a 50 % and b 50 %."


def test_ties_and_unknown_effects():
    tied = replace(EXPLANATION, effects=np.array([0.5, 0.5, 0.1, 0.2]))  # the first by the AGOP is the second column
    assert importance_findings([result(explanation=tied)])[1].startswith("The largest effect is that of age as well")
    unknown = replace(EXPLANATION, effects=np.full(4, np.nan), interactions=(("age", "mass", np.nan),))
    found = table_findings(result(explanation=unknown))
    assert not any("effect" in sentence or "nan" in sentence for sentence in found)
    assert "No interaction could be estimated." in found


def test_small_entries_have_no_sign():
    entries = np.array([[0.894, 0.001, -0.447, 0.0, 0.0]])
    small = replace(EXPLANATION, directions=entries, shares=np.ones(1))
    assert table_findings(result(explanation=small))[-1].endswith(": noise +0.89 and town=Bonn −0.45.")
