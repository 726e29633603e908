"""Collapse of a regression on a page: NRC1 to NRC4 in place of NC1."""

from __future__ import annotations

import pytest

from agop.network.kind import NETWORK
from agop.network.plots.collapse import network_numbers
from agop.network.plots.findings import network_findings
from agop.network.plots.regression import regression_courses
from agop.network.plots.summary import network_summary
from agop.network.result import NetworkResult

NAMES = ("nrc1_unexplained_variance", "nrc2_linear_cka", "nrc3_subspace_alignment", "nrc4_prediction_error")


def lines_of(*layers):
    """Lines of layers with these four numbers at their inputs."""
    found = []
    for k, numbers in enumerate(layers):
        line = {"seed": 0, "epoch": 0, "layer": f"fc.{k}", "stage": "input", "n_rows": 20, "accuracy": None}
        found.append({**line, **dict(zip(NAMES, numbers, strict=True)), "nfa_pearson_root": 0.5})
    return found


COLLAPSED = lines_of((0.8, 0.1, 0.2, 0.5), (0.1, 0.6, 0.5, 0.2), (1e-3, 0.99, 0.98, 1e-4))


def result(lines, name="run"):
    return NetworkResult(name, {"settings": {"rows": "each"}}, lines)


def plots_of(*results):
    return {plot.name: plot for plot in NETWORK.plots_of(results)}


def test_each_measure_by_layer():
    plots = plots_of(result(COLLAPSED))
    assert list(plots) == ["nrc", "nfa"]
    charts = plots["nrc"].chart.charts
    assert list(charts) == ["NRC1 φ", "NRC2 φ", "NRC3 φ", "NRC4 φ"]
    assert [chart.log_y for chart in charts.values()] == [True, False, False, True]
    assert charts["NRC2 φ"].curves[0].y == pytest.approx([0.1, 0.6, 0.99])
    assert list(charts["NRC2 φ"].curves[0].x) == ["fc.0", "fc.1", "fc.2"]
    assert plots["nrc"].caption.endswith("Measured: each of 20 rows.")


def test_findings_of_collapse_and_of_none():
    found = regression_courses(COLLAPSED)
    assert [finding.course.direction for finding in found] == ["falls", "rises", "rises", "falls"]
    assert found[0].value == pytest.approx(1e-3)
    still = regression_courses(lines_of((0.8, 0.1, 0.2, 0.5), (0.8, 0.1, 0.2, 0.5)))
    assert {finding.course.direction for finding in still} == {"same"}
    away = regression_courses(lines_of((0.1, 0.9, 0.9, 0.1), (0.8, 0.1, 0.2, 0.5)))
    assert [finding.course.direction for finding in away] == ["rises", "falls", "falls", "rises"]


def test_nothing_is_said_of_classes():
    found = network_findings([result(COLLAPSED)])
    assert {finding.quantity.split()[0] for finding in found} == {"NRC1", "NRC2", "NRC3", "NRC4", "correlation"}
    table = network_numbers(result(COLLAPSED))
    assert list(table.columns) == ["layer", "NRC1 φ", "NRC2 φ", "NRC3 φ", "NRC4 φ", "NFA½"]
    assert table.rows[2][1:3] == ["0.001", "0.99"]


def test_missing_numbers_and_one_layer():
    lines = lines_of((0.0, None, 0.5, 0.5))
    found = regression_courses(lines)
    assert [finding.quantity for finding in found] == ["NRC3 φ", "NRC4 φ"]
    assert found[0].where == "input of fc.0"


def test_several_runs():
    plots = plots_of(result(COLLAPSED, "a"), result(COLLAPSED, "b"))
    assert [curve.name for curve in plots["nrc"].chart.charts["NRC1 φ"].curves] == ["a", "b"]
    assert {finding.run for finding in plots["nrc"].findings} == {"a", "b"}


def test_a_regression_without_values_is_not_told_in_words_of_classes():
    """As of targets that are all equal."""
    run = result(lines_of((None,) * 4, (None,) * 4))
    (found,) = (finding for finding in network_findings([run]) if not finding.quantity.startswith("correlation"))
    assert found.quantity.startswith("NRC1")
    assert (found.value, found.notes) == (None, ("not known at any layer",))
    assert not [finding for finding in network_findings([run]) if finding.quantity.startswith("NC1")]


def fit_of(*errors, **info):
    """Fit of a regression with such errors of the best read-out, one a seed, at the layer that makes the outputs."""
    lines = [
        {**line, "seed": seed, "nfa_pearson": 1.0 if line["layer"] == "fc.1" else 0.5}
        for seed, error in enumerate(errors)
        for line in lines_of((0.8, 0.1, 0.2, 0.0), (0.1, 0.6, 0.5, error))
    ]
    return NetworkResult("run", {"settings": info}, lines).fit()


@pytest.mark.parametrize(("errors", "fitted"), [((0.8,), False), ((0.01, 0.06), False), ((0.01,), None)])
def test_what_no_read_out_of_the_last_features_can_predict_has_not_been_fitted(errors, fitted):
    """One that can is perhaps not that of the network."""
    assert fit_of(*errors).fitted is fitted
    assert fit_of(*errors, test=True).fitted is None  # of rows that it was not trained on nothing is known


def test_layers_before_the_last_say_nothing_of_the_fit():
    """What they read may be made predictable by the layers that follow."""
    lines = [{**line, "nfa_pearson": 0.5} for line in lines_of((0.8, 0.1, 0.2, 0.9), (0.1, 0.6, 0.5, 0.9))]
    assert result(lines).fit().fitted is None


def test_a_regression_that_has_not_fitted_says_so_first():
    lines = [{**line, "nfa_pearson": 1.0} for line in lines_of((0.8, 0.1, 0.2, 0.9), (0.1, 0.6, 0.5, 0.7))]
    assert "not fitted" in network_findings([result(lines)])[0].notes[0]
    sentence = network_summary([result(lines)]).sentence
    assert "has not fitted its data" in sentence
    assert "0.3" in sentence
