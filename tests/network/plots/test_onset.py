"""The onset of collapse as a finding: with its error where there is one, with the reason where there is none."""

from __future__ import annotations

import pytest

from agop.network.plots.findings import network_findings
from agop.network.plots.onset import onset_findings
from agop.network.result import NetworkResult


def training(nc1, seed=0, layer="fc.2", norms=None):
    norms = norms or [5.0] * len(nc1)
    return [
        {
            "seed": seed,
            "epoch": 10 * place,
            "layer": name,
            "stage": "input",
            "nc1_trace_ratio": 4.0 if name == "fc.1" else value,
            "feature_norm": norm,
        }
        for place, (value, norm) in enumerate(zip(nc1, norms, strict=True))
        for name in ("fc.1", layer)
    ]


def found(*lines, unit="epoch"):
    return onset_findings(NetworkResult("run", {"settings": {}}, [each for part in lines for each in part], unit=unit))


def test_an_onset_has_its_error_and_the_norm_there():
    onset, norm = found(training([1.0, 1.0, 0.01, 0.001], norms=[9.0, 8.0, 4.0, 3.0]))
    assert (onset.quantity, onset.value) == ("onset of collapse", pytest.approx(15))
    assert onset.where == "epoch from which on NC1 is 0.1 or less at the input of fc.2"
    assert onset.interval == (10, 20, "the measurements around it")
    assert onset.notes == ("error of 5 at most",)
    assert (norm.where, norm.value, norm.interval) == ("onset of collapse", pytest.approx(6), None)


@pytest.mark.parametrize(
    ("nc1", "reason"),
    [
        ([1.0, 0.5, 0.2], "NC1 ends above it"),
        ([1.0, 0.05, 0.2], "NC1 ends above it"),  # a fall that does not last
        ([0.05, 0.04, 0.01], "NC1 is below it from the first measurement on"),
        ([0.0, 0.0], "NC1 is below it from the first measurement on"),
        ([1.0, 0.05, None], "NC1 has no value at the end"),  # all units are dead
        ([1.0, 0.05, float("nan")], "NC1 has no value at the end"),
    ],
)
def test_where_there_is_no_onset_it_is_said_why(nc1, reason):
    (onset,) = found(training(nc1))
    assert (onset.value, onset.interval, onset.notes) == (None, None, (reason,))


def test_seeds_that_collapse_and_one_that_does_not():
    seeds = [training([1.0, 1.0, 0.01]), training([1.0, 0.01, 0.01], seed=1), training([1.0, 1.0, 1.0], seed=2)]
    onset, _ = found(*seeds)
    assert onset.value == pytest.approx(10)
    assert onset.interval == (0, 20, "the measurements around it, 2 seeds")
    assert onset.notes == ("error of 5 at most", "NC1 ends above it in 1 of 3 seeds")


def test_what_is_measured_once_or_has_no_nc1_has_none():
    assert found(training([0.01])) == []
    assert found([]) == []
    regression = [{"seed": 0, "epoch": e, "layer": "fc", "stage": "input", "nrc1": 0.5} for e in (0, 1)]
    assert found(regression) == []
    assert found([{**line, "nc1_trace_ratio": None} for line in training([1.0, 0.01])]) == []


def test_order_of_the_lines_and_unit():
    lines = training([1.0, 1.0, 0.01])
    assert found(lines[::-1][::2])[0].value == pytest.approx(15)
    assert found(lines, unit="step")[0].where.startswith("step from which on")


def test_it_is_among_the_findings_of_a_training():
    findings = network_findings([NetworkResult("run", {"settings": {}}, training([1.0, 0.5, 0.2]))])
    assert [each.notes for each in findings if each.quantity == "onset of collapse"] == [("NC1 ends above it",)]
