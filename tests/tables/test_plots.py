"""Plots and sentences on models of tables, against numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agop.charts.chart import Bars, Choice, HeatMap, chart_json
from agop.charts.palette import GREY, color
from agop.tables import TABLE, Explanation
from agop.tables.findings import effect_findings, table_findings
from agop.tables.fold_plots import FoldSummary, fold_findings
from agop.tables.plots import table_numbers, table_plots
from agop.tables.result import TableResult

COLUMNS = ("noise", "age", "town", "mass")
FEATURES = ("noise", "age", "town=Bonn", "town=Ulm", "mass")
VARIANCE, CONSTANT = "of the variance of the prediction", "of that of the constant prediction"
OVER = "(mean and standard deviation over 2 folds)"
COUPLING = np.array([[1, 0.1, 0, 0.25], [0.1, 1, 0.5, 0.3], [0, 0.5, 1, 0.2], [0.25, 0.3, 0.2, 1]])
EXPLANATION = Explanation(
    columns=COLUMNS,
    effects=np.array([0.0, 0.3, 0.1, 0.45]),
    errors=np.array([0.001, 0.02, 0.01, 0.03]),
    steepness=np.array([0.005, 0.5, 0.095, 0.4]),
    features=FEATURES,
    directions=np.array([[0.0, 0.8, 0.1, -0.1, -0.6], [0.0, 0.6, 0.0, 0.0, 0.8]]),
    shares=np.array([0.625, 0.25]),
    coupling=COUPLING,
    interactions=(
        ("age", "mass", 0.062, 0.004),
        ("town", "mass", 0.021, 0.003),
        ("age", "town", 0.0, 0.001),
    ),
)


def folds(*errors, baseline=4.0, measure="RMSE"):
    return [
        {"fold": k, "measure": measure, "error": error, "baseline": baseline, "n_rows": 10}
        for k, error in enumerate(errors, start=1)
    ]


def result(name="model", explanation=EXPLANATION, lines=(), settings=None, **info):
    return TableResult(name, {"settings": settings or {}, **info}, explanation, lines)


def plain(effects, names=None, errors=0.001):
    """Columns of one feature each, steep in the opposite order of their effects."""
    p = len(effects)
    names = names or tuple(f"x{index}" for index in range(p))
    steepness = np.arange(p, 0.0, -1.0) / (p * (p + 1) / 2)
    return Explanation(
        columns=names,
        effects=np.array(effects, dtype=float),
        errors=np.full(p, errors),
        steepness=steepness,
        features=names,
        directions=np.eye(p)[:2],
        shares=np.array([0.5, 0.25])[:p],
        coupling=np.eye(p),
    )


def wide(p=30):
    """Effects 0.01, 0.02, ... in the order of the columns."""
    return plain(np.arange(1.0, p + 1) / 100)


def plots(*results):
    return {plot.name: plot for plot in table_plots(results)}


def only_numbers(*results):
    """Every chart can be written as JSON, and its terms are defined."""
    for plot in table_plots(results):
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
    assert chart.first_shown == "effect"
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
    assert isinstance(chart, HeatMap)
    assert chart.numbers
    assert chart.x == chart.y == ["mass", "age", "town"]
    assert chart.values == [[None, 6.2, 2.1], [6.2, None, 0.0], [2.1, 0.0, None]]


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
    assert second.charts[second.first_shown].series[0].color == color(1)
    assert list(found["coupling"].chart.charts) == ["a", "b"]
    assert list(found["interactions"].chart.charts) == ["a"]


def test_folds():
    chart = plots(result(lines=folds(1.0, 2.0, 1.5)))["folds"].chart
    assert (chart.categories, chart.x_title) == (["fold 1", "fold 2", "fold 3"], "RMSE")
    model, constant = chart.series
    assert (model.name, model.values, model.color) == ("model", [1.0, 2.0, 1.5], color(0))
    assert (constant.values, constant.color) == ([4.0] * 3, GREY)
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


def test_the_coupling_in_a_sentence_is_one_that_is_shown():
    explanation = wide()
    explanation.coupling[3, 4] = explanation.coupling[4, 3] = 0.9  # x3 and x4 have small effects
    explanation.coupling[20, 25] = explanation.coupling[25, 20] = 0.4
    wanted = "The strongest coupling among the 12 columns with the largest effects is that of x20 and x25, 0.40 of 1."
    assert wanted in table_findings(result(explanation=explanation))


def test_columns_without_effect_do_not_act_together():
    coupling = np.array([[1, 0.99, 0.2], [0.99, 1, 0.1], [0.2, 0.1, 1]])
    explanation = replace(plain([0.7, 0.002, 0.4]), coupling=coupling)
    wanted = "The strongest coupling among the 2 columns with the largest effects is that of x0 and x2, 0.20 of 1."
    assert wanted in table_findings(result(explanation=explanation))
    alone = replace(explanation, effects=np.array([0.9, 0.002, 0.001]))
    assert any(text.startswith("Fewer than two columns") for text in table_findings(result(explanation=alone)))


def test_numbers():
    table = table_numbers(result("houses"))
    assert table.title == "Columns of houses"
    assert [len(row) for row in table.rows] == [len(table.columns)] * 4
    assert table.rows[1] == ["age", "0.3000", "0.0200", "0.5000", "mass", "0.0620", "0.0040", "town", "0.50"]
    assert table.rows[3] == ["noise", "0.0000", "0.0010", "0.0050", "–", "–", "–", "mass", "0.25"]
    bare = table_numbers(result(explanation=replace(EXPLANATION, interactions=())))
    assert bare.columns == ["column", "effect", "± s.e.", "steepness", "coupled with", "coupling"]
    assert [row[0] for row in bare.rows] == ["mass", "age", "town", "noise"]


def test_sentences():
    assert table_findings(result(lines=folds(1.0, 2.0, 3.0))) == [
        f"The largest effect is that of mass, 45 % ± 3 % {VARIANCE} (± standard error); next is age with 30 % ± 2 %; "
        "1 column has less than 1 %.",
        "The prediction is steepest along age, 50 % of the AGOP; its effect is 30 % ± 2 %, and less than that of mass.",
        f"The strongest interaction of 3 pairs of 3 columns, age with mass, is 6.2 % ± 0.4 % {VARIANCE}; the next, "
        "town with mass, is 2.1 % ± 0.3 %.",
        "The strongest coupling among the 3 columns with the largest effects is that of age and town, 0.50 of 1.",
        "The first direction holds 62 % of the AGOP: age +0.80 and mass −0.60; the first 2 hold 88 %.",
        "The RMSE is 2 ± 1 (mean and standard deviation over 3 folds), 50 % of that of the constant prediction and "
        "below it in every fold.",
    ]


def about(change):
    return " ".join(table_findings(result(explanation=replace(EXPLANATION, **change))))


def test_a_difference_within_the_errors_is_no_finding():
    """Age and mass are 0.15 apart: told apart with errors of 0.03 each, not with 0.05."""
    settled, open_ = (about({"errors": np.full(4, error)}) for error in (0.03, 0.05))
    assert "The largest effect is that of mass" in settled
    assert "The largest effect is that of" not in open_
    assert "not settled: mass with 45 % ± 5 % and age with 30 % ± 5 %" in open_
    assert "less than that of mass" in settled
    assert "less than" not in open_
    next_ = about({"effects": np.array([0.12, 0.13, 0.01, 0.9])})
    assert "largest effect is that of mass" in next_
    assert "which is next is not settled: age with 13 % ± 2 % and noise with 12 % ± 0.1 %" in next_


def test_what_leads_by_steepness_only_is_named_as_steep():
    """A useless column with most of the AGOP, as fnlwgt on Adult."""
    steep = about({"steepness": np.array([0.9, 0.05, 0.03, 0.02])})
    assert "The largest effect is that of mass" in steep
    assert "steepest along noise, 90 % of the AGOP; its effect is 0 % ± 0.1 %, and less than that of mass" in steep
    same = about({"steepness": np.array([0.1, 0.2, 0.1, 0.6])})
    assert "steepest along mass, 60 % of the AGOP." in same
    tied = about({"steepness": np.array([0.4, 0.1, 0.1, 0.4])})
    assert "steepest along mass" in tied


def test_no_effect_at_all():
    for effects, errors in ((0.0, 0.0), (0.05, 0.03)):
        found = about({"effects": np.full(4, effects), "errors": np.full(4, errors)})
        assert "No column has an effect beyond its standard error." in found
        assert "largest" not in found


def test_interactions_within_their_errors():
    pairs = EXPLANATION.interactions
    open_ = about({"interactions": tuple((a, b, share, 0.012) for a, b, share, _ in pairs)})
    assert "The strongest interaction" not in open_
    assert "not settled which interaction of 3 pairs of 3 columns is strongest: age with mass (6.2 % ± 1.2 %)" in open_
    none = about({"interactions": tuple((a, b, share, 0.04) for a, b, share, _ in pairs)})
    assert "None of 3 pairs of 3 columns has an interaction beyond its standard error." in none
    assert "additive" not in none  # 4 % is not known to be small
    one = about({"interactions": (("age", "mass", 0.062, 0.04),)})
    assert "is 6.2 % ± 4 % of the variance of the prediction, which is not beyond its standard error." in one


def effects_of(*found):
    return [line | {"effects": effects} for line, effects in zip(folds(*[1.0] * len(found)), found, strict=True)]


def test_the_largest_effect_by_fold():
    age, mass = ({"age": {"share": a, "error": 0.01}, "mass": {"share": 0.3, "error": 0.01}} for a in (0.4, 0.2))

    def sentences(lines):
        return [text for text in effect_findings([result(lines=lines)]) if "folds" in text]

    assert sentences(effects_of(age, age)) == [
        "On unseen rows the largest effect in the models of all 2 folds is that of age, 40 % to 40 %."
    ]
    assert sentences(effects_of(age, mass, age)) == [
        "The models of 3 folds disagree on the largest effect on unseen rows: age in 2 and mass in 1."
    ]
    nothing = {name: {"share": 0.0, "error": 0.0} for name in ("age", "mass")}
    assert sentences(effects_of(nothing, nothing)) == sentences(effects_of(age)) == sentences(folds(1.0, 2.0)) == []


def sentence(change, start):
    found = table_findings(result(explanation=replace(EXPLANATION, **change)))
    return next(text for text in found if text.startswith(start))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            {"interactions": (("age", "mass", 0.004, 0.001), ("town", "mass", 0.0, 0.0), ("age", "town", 0.0, 0.0))},
            "The prediction is nearly additive over the 3 pairs of 3 columns that were tried: the most is 0.4 % ± "
            "0.1 % of its variance, age with mass.",
        ),
        (
            {"interactions": (("age", "mass", 0.004, 0.001),)},
            "The interaction of age with mass is 0.4 % ± 0.1 % of the variance of the prediction.",
        ),
        ({"coupling": np.eye(4)}, "No two columns act through a common direction."),
        (
            {"coupling": np.array(COUPLING) + 0.45 * (COUPLING == 0.5)},
            "The strongest coupling among the 3 columns with the largest effects is that of age and town, 0.95 of 1: "
            "they act nearly through one direction.",
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
    first, *_ = effect_findings([result(explanation=replace(wide(), errors=np.full(30, 0.04)))])
    assert first.startswith("Which column has the largest effect is not settled: x29 with 30 % ± 4 %, x28 with 29 %")
    assert "and 13 others of the variance" in first


def test_one_column():
    one = plain([1.0], ("age",))
    assert list(plots(result(explanation=one))) == ["effects", "directions"]
    assert table_findings(result(explanation=one)) == [
        "The table has one column, age.",
        "The first direction holds 50 % of the AGOP: age +1.00.",
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
    a, b = result("a", lines=folds(1.0, 3.0, 2.0)), result("b", lines=folds(1.9, 4.0, 3.1))
    first, *each = fold_findings([b, a])
    assert first == "On the same folds the RMSE is lowest in a, 2; in b it is 3, and higher in 3 of 3 folds."
    assert [text[:3] for text in each] == ["b: ", "a: "]
    other = result("c", lines=folds(0.4, 0.5, baseline=8.0))
    steady = result("f", lines=folds(1.9, 2.1, 2.0))
    first, *_ = fold_findings([steady, other, result("d")])
    assert first == "Relative to its own constant prediction the error is lowest in c, 5.6 %; in f it is 50 %."
    unknown = result("e", lines=folds(1.0, baseline=None))
    assert len(fold_findings([unknown, other])) == 2


def test_a_difference_inside_the_spread_over_folds_is_none():
    a, b = result("a", lines=folds(1.0, 3.0, 2.0)), result("b", lines=folds(2.0, 2.5, 3.0))
    assert fold_findings([b, a])[0] == (
        "On the same folds the RMSE of a, 2, and of b, 2.5, higher in 2 of 3 folds, differs by no more than the spread "
        "over folds."
    )
    other = result("c", lines=folds(2.0, 2.0, baseline=8.0))
    first, *_ = fold_findings([a, other, result("d")])
    assert "of c, 25 %, and of a, 50 %, differs by no more than" in first


def test_balanced_classes_do_not_make_two_tables_one():
    """Error rates of the most frequent class are the same in many tables."""
    lines = folds(0.1, 0.2, baseline=0.5, measure="error rate"), folds(0.4, 0.5, baseline=0.5, measure="error rate")
    facts = {"checksum": "1", "target": "y", "settings": {"seed": 0}}

    def first(**changes):
        return fold_findings([result("a", lines=lines[0], **facts), result("b", lines=lines[1], **facts | changes)])[0]

    assert first().startswith("On the same folds the error rate is lowest in a, 0.15; in b it is 0.45, and higher in 2")
    for changes in ({"checksum": "2"}, {"target": "z"}, {"settings": {"seed": 1}}, {"checksum": None}):
        assert first(**changes).startswith("Relative to its own constant prediction")


def test_models_that_are_equally_good():
    a, b, c = (result(name, lines=folds(*errors)) for name, errors in zip("abc", [(1, 3), (3, 1), (2, 4)], strict=True))
    assert fold_findings([a, b, c])[0] == "On the same folds the RMSE is lowest in a and b, 2."
    others = [result(name, lines=folds(base / 4, base / 4, baseline=base)) for name, base in (("d", 4.0), ("e", 8.0))]
    assert fold_findings(others)[0] == "Relative to its own constant prediction the error is lowest in d and e, 25 %."


def test_small_entries_have_no_sign():
    entries = np.array([[0.894, 0.001, -0.447, 0.0, 0.0]])
    small = replace(EXPLANATION, directions=entries, shares=np.ones(1))
    assert table_findings(result(explanation=small))[-1].endswith(": noise +0.89 and town=Bonn −0.45.")
