"""What is read first of networks, on made-up runs for which the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from agop.charts.judging import UNSETTLED
from agop.network import measure
from agop.network.plots.summary import network_data, network_summary
from agop.network.result import NetworkResult


def run(name, *nc1, accuracy=1.0, seeds=1, **columns):
    """A run whose layers read features of these NC1, twice as large at every further seed."""
    lines = [
        {"seed": seed, "epoch": 9, "train_accuracy": accuracy, "layer": f"fc.{k}", "stage": "input", **columns}
        | {"nc1_trace_ratio": value * 2**seed}
        for seed in range(seeds)
        for k, value in enumerate(nc1, 1)
    ]
    return NetworkResult(name, {"settings": {}}, lines)


def marked(summary):
    return {summary.table.rows[row][0]: summary.table.columns[column] for row, column in summary.deciding}


def test_a_fall_and_what_makes_it():
    summary = network_summary([run("a", 4.0, 0.5, linear_log_fall=0.9, output_log_fall=1.0)])
    assert summary.sentence == (
        "NC1 falls from 4 at the input of fc.1 to 0.5 at that of fc.2; linear maps make 90 % of the falls inside "
        "layers."
    )
    assert marked(summary) == {"a": "share of W"}
    assert dict(zip(summary.table.columns, summary.table.rows[0], strict=True)) == {
        "run": "a",
        "fitted": "yes",
        "NC1 φ, first → last": "4 → 0.5",
        "share of W": "90 %",
        "training accuracy": "1",
    }


@pytest.mark.parametrize(
    ("nc1", "verb"), [((0.5, 4.0), "rises"), ((4.0, 4.0), "hardly changes"), ((4.0, 1.0), "falls")]
)
def test_no_collapse_is_said(nc1, verb):
    summary = network_summary([run("a", *nc1)])
    assert f"NC1 {verb} from" in summary.sentence
    assert marked(summary) == {"a": "NC1 φ, first → last"}


def test_what_has_not_fitted_comes_first():
    summary = network_summary([run("a", 4.0, 0.5, accuracy=0.4, linear_log_fall=0.9, output_log_fall=1.0)])
    assert summary.sentence == "The network has not fitted its data (training accuracy 0.4): collapse says little."
    assert marked(summary) == {"a": "fitted"}


def test_one_class_for_all_is_no_fit():
    """A network that always decides for the class of 99 of 100 samples, whose accuracy looks good."""
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        model[2].bias.copy_(torch.tensor([100.0, 0.0]))
    record = measure(model, [(x, (torch.arange(200) < 2).long())])
    assert record.accuracy == 0.99
    summary = network_summary([NetworkResult.of(record)])
    assert summary.sentence.startswith("The network has not fitted its data")


def test_shares_of_nothing_are_not_told():
    """More than the whole, or of no fall."""
    above = network_summary([run("a", 4.0, 0.5, linear_log_fall=3.0, output_log_fall=1.0)])
    none = network_summary([run("a", 4.0, 0.5, linear_log_fall=0.01, output_log_fall=0.01)])
    for summary in (above, none):
        assert "linear maps" not in summary.sentence
        assert not any("%" in cell for row in summary.table.rows for cell in row)


def test_runs_that_are_compared():
    summary = network_summary([run("a", 4.0, 2.0), run("b", 4.0, 0.5), run("c", 4.0, 0.01, accuracy=0.5)])
    assert summary.sentence == "NC1, input of fc.2: lowest in b. Not fitted, so not ranked: c."
    assert marked(summary) == {"b": "NC1 φ, first → last"}
    assert [row[:3] for row in summary.table.rows] == [
        ["a", "yes", "4 → 2"],
        ["b", "yes", "4 → 0.5"],
        ["c", "no", "4 → 0.01"],
    ]


def test_nothing_is_lowest_where_nothing_is_settled():
    spread = network_summary([run("a", 4.0, 2.0, seeds=3), run("b", 4.0, 1.9, seeds=3)])
    assert spread.sentence == f"NC1, input of fc.2: {UNSETTLED} in all runs."
    alone = network_summary([run("a", 4.0, 2.0), run("b", 4.0, 0.1, accuracy=0.5)])
    assert alone.sentence == "NC1, input of fc.2: not ranked, since only a has fitted."
    apart = network_summary([run("a", 4.0, 2.0), run("b", 4.0, 2.0, 1.0)])
    assert apart.sentence == "The runs are not compared: they have no NC1 at the same last layer."
    assert [marked(summary) for summary in (spread, alone, apart)] == [{}, {"b": "fitted"}, {}]


def test_runs_without_nc1():
    summary = network_summary(
        [NetworkResult("a", {"settings": {}}, [{"seed": 0, "epoch": 0, "layer": "a", "stage": "input"}])]
    )
    assert summary.sentence == "There is no course over layers to tell of."
    assert summary.table.rows == [["a", "not known"]]


def test_data_are_the_rows_that_are_known():
    lines = [{"seed": 0, "epoch": 0, "layer": "a", "stage": "input", "n_rows": 40}]
    assert network_data(NetworkResult("a", {"settings": {"rows": "each"}}, lines)) == "measured: each of 40 rows"
    assert network_data(NetworkResult("a", {"settings": {}}, [{**lines[0], "n_rows": None}])) == ""
