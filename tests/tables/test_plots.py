"""Plots of models of tables, against numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agop.charts.chart import Bars, Choice
from agop.charts.page.data import chart_json
from agop.charts.palette import GRAY, color
from agop.tables import TABLE
from agop.tables.plots import table_numbers
from tables.models import EXPLANATION, folds, plain, result, wide


def plots(*results):
    return {plot.name: plot for plot in TABLE.plots_of(results)}


def only_numbers(*results):
    """Every chart can be written as JSON, and its terms are defined."""
    for plot in TABLE.plots_of(results):
        chart_json(plot.chart)
        assert plot.findings
        assert set(plot.terms) <= TABLE.terms.keys()


def test_names_of_the_plots():
    assert list(plots(result(lines=folds(1.0, 2.0)))) == ["effects", "interactions", "coupling", "directions", "folds"]
    bare = replace(EXPLANATION, interactions=())
    assert list(plots(result(explanation=bare))) == ["effects", "coupling", "directions"]
    only_numbers(result(lines=folds(1.0, 2.0)))
    only_numbers(result(explanation=bare), result("other"))


def test_effects_lead():
    """In their order, with their errors; steepness is the second series."""
    chart = plots(result())["effects"].chart
    assert isinstance(chart, Bars)
    assert chart.categories == ["mass", "age", "town", "noise"]
    effect, steepness = chart.series
    assert (effect.values, effect.errors) == ([0.45, 0.3, 0.1, 0.0], [0.03, 0.02, 0.01, 0.001])
    assert (steepness.values, steepness.errors) == ([0.4, 0.5, 0.095, 0.005], None)
    assert [series.name.split(":")[0] for series in chart.series] == ["effect", "steepness"]
    assert "left out" not in plots(result())["effects"].caption


def test_effects_of_many_columns():
    plot = plots(result(explanation=wide()))["effects"]
    assert plot.chart.categories == [f"x{index}" for index in range(29, 9, -1)]
    assert plot.caption.endswith("10 more columns are left out.")
    assert plots(result(explanation=wide(21)))["effects"].caption.endswith("1 more column is left out.")


def test_effects_of_several_models():
    """The union of the columns, by their mean over the models that have them."""
    chart = plots(result("a"), result("b", plain([0.25, 0.6], ("wind", "age"))))["effects"].chart
    assert isinstance(chart, Choice)
    assert list(chart.charts) == ["effect", "steepness"]
    assert chart.start == "effect"
    bars = chart.charts["effect"]
    assert bars.categories[0] in ("mass", "age")  # 0.45 both
    assert bars.categories[2:] == ["wind", "town", "noise"]
    for series, name, effects, place in (
        (bars.series[0], "a", {"mass": 0.45, "age": 0.3, "town": 0.1, "noise": 0.0}, 0),
        (bars.series[1], "b", {"age": 0.6, "wind": 0.25}, 1),
    ):
        assert (series.name, series.color) == (name, color(place))
        assert series.values == [effects.get(category) for category in bars.categories]
        assert [error is None for error in series.errors] == [value is None for value in series.values]
    assert chart.charts["steepness"].series[1].values[bars.categories.index("wind")] == 2 / 3


def test_interactions():
    chart = plots(result())["interactions"].chart
    assert chart.categories == ["age × mass", "town × mass", "age × town"]
    (series,) = chart.series
    assert series.values == pytest.approx([6.2, 2.1, 0.0])
    assert series.errors == pytest.approx([0.4, 0.3, 0.1])
    many = replace(EXPLANATION, interactions=tuple(("age", "mass", 0.1, 0.01) for _ in range(20)))
    plot = plots(result(explanation=many))["interactions"]
    assert len(plot.chart.categories) == 15
    assert plot.caption.endswith("The 15 strongest of the pairs that were tried.")


def test_coupling():
    chart = plots(result())["coupling"].chart
    assert chart.x == chart.y == ["mass", "age", "town", "noise"]
    assert chart.values[0] == [1, 0.3, 0.2, 0.25]
    assert chart.values[3] == [0.25, 0.1, 0, 1]
    plot = plots(result(explanation=wide()))["coupling"]
    assert plot.chart.x == [f"x{index}" for index in range(29, 17, -1)]
    assert plot.caption.endswith("The 12 columns with the largest effects.")


def test_directions():
    chart = plots(result())["directions"].chart
    assert (chart.label, list(chart.charts)) == ("direction", ["1 (62 % of the AGOP)", "2 (25 % of the AGOP)"])
    assert chart.start == "1 (62 % of the AGOP)"
    first = chart.charts[chart.start]
    assert first.categories == ["age", "mass", "town=Bonn", "town=Ulm", "noise"]
    assert first.series[0].values == [0.8, -0.6, 0.1, -0.1, 0.0]
    assert first.x_title == "entry"
    wide_ones = plots(result(explanation=wide()))["directions"].chart.charts
    assert next(iter(wide_ones)) == f"1 (50 % of the AGOP, 12 of {len(wide().features)} entries shown)"
    assert len(next(iter(wide_ones.values())).categories) == 12


def test_choices_of_several_models():
    found = plots(result("a"), result("b", wide(3)))
    assert found["directions"].chart.label == "run"
    assert list(found["directions"].chart.charts) == ["a", "b"]
    second = found["directions"].chart.charts["b"]
    assert second.label == "direction"
    assert second.charts[second.start].series[0].color == color(1)
    assert list(found["coupling"].chart.charts) == ["a", "b"]
    assert list(found["interactions"].chart.charts) == ["a"]


def test_folds():
    chart = plots(result(lines=folds(1.0, 2.0, 1.5)))["folds"].chart
    assert (chart.categories, chart.x_title) == (["fold 1", "fold 2", "fold 3"], "RMSE")
    model, constant = chart.series
    assert (model.name, model.values, model.color) == ("model", [1.0, 2.0, 1.5], color(0))
    assert (constant.values, constant.color) == ([4.0] * 3, GRAY)
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
    assert choice.charts["error rate"].series[0].color == color(1)


def test_folds_of_other_targets_have_other_scales():
    runs = result("a", lines=folds(1.0), target="age"), result("b", lines=folds(300.0), target="mass")
    charts = plots(*runs)["folds"].chart.charts
    assert list(charts) == ["RMSE of age", "RMSE of mass"]
    assert [series.name for series in charts["RMSE of mass"].series] == ["b", "constant prediction"]
    assert plots(runs[0])["folds"].chart.x_title == "RMSE of age"


def test_numbers():
    table = table_numbers(result("houses"))
    assert table.title == "Columns of houses"
    assert [len(row) for row in table.rows] == [len(table.columns)] * 4
    assert table.rows[1] == ["age", "0.3000", "0.0200", "0.5000", "mass", "0.0620", "0.0040", "town", "0.50"]
    assert table.rows[3] == ["noise", "0.0000", "0.0010", "0.0050", "–", "–", "–", "mass", "0.25"]
    bare = table_numbers(result(explanation=replace(EXPLANATION, interactions=())))
    assert bare.columns == ["column", "effect", "± s.e.", "steepness", "coupled with", "coupling"]
    assert [row[0] for row in bare.rows] == ["mass", "age", "town", "noise"]


def test_one_column():
    assert list(plots(result(explanation=plain([1.0], ("age",))))) == ["effects", "directions"]


def test_no_folds():
    assert "folds" not in plots(result())
