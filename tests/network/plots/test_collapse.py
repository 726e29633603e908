"""Plots of networks hold the numbers of the run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from agop import measure
from agop.charts.chart import Bars, Choice, Curves, HeatMap
from agop.charts.palette import PALETTE
from agop.network.kind import NETWORK
from agop.network.plots.collapse import network_numbers
from agop.network.result import NetworkResult

STAGES = ("input", "linear", "output", "agop_1/2")


def lines_of(seeds=(0, 1), epochs=(0, 5, 10), layers=("fc.1", "fc.2", "fc.output"), base=2.0):
    """NC1 = base^(-layer epoch / 5 - stage / 2) times 4^seed; the last layer has no nonlinearity."""
    found = []
    for seed in seeds:
        for epoch in epochs:
            for k, layer in enumerate(layers):
                for s, stage in enumerate(STAGES):
                    if stage == "output" and layer == layers[-1]:
                        continue
                    line = {"seed": seed, "epoch": epoch, "loss": 1 / (1 + epoch), "train_accuracy": 0.5 + epoch / 20}
                    line |= {"test_loss": None, "test_accuracy": None, "layer": layer, "stage": stage}
                    line["nc1_trace_ratio"] = 4.0**seed * base ** (-k * epoch / 5 - s / 2)
                    line["nc2_gram_mse"] = 0.1
                    if stage == "input":
                        line |= {"share": 0.5, "linear_log_fall": math.log(base) / 2, "nfa_pearson": 0.25}
                        line["output_log_fall"] = None if layer == layers[-1] else math.log(base)
                        line["nfa_pearson_root"] = 0.5 + k / 10
                    found.append(line)
    return found


def result(name="run", record=None, info=None, epochs=(), **options):
    return NetworkResult(name, {"settings": {}, **(info or {})}, lines_of(**options), record, epochs)


def plots_of(*results):
    return {plot.name: plot for plot in NETWORK.plots_of(results)}


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    return measure(model, [(torch.randn(90, 12), torch.arange(90) % 3)])


@pytest.fixture(scope="module")
def convolution():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.ReLU(), nn.Conv2d(5, 4, 1), nn.Flatten(), nn.Linear(36, 2)
    )
    return measure(model, [(torch.randn(20, 3, 6, 6), torch.arange(20) % 2)])


def test_plots_of_a_training():
    assert list(plots_of(result())) == ["nc1", "nc1-map", "nc1-epochs", "attribution", "nfa", "loss", "accuracy"]


def test_nc1_by_layer_at_the_last_measurement():
    chart = plots_of(result())["nc1"].chart
    assert isinstance(chart, Curves)
    assert chart.log_y
    assert [curve.name for curve in chart.curves][:2] == ["φ (input)", "Wφ (linear map)"]
    first, _, output, _ = chart.curves
    assert list(first.x) == ["fc.1", "fc.2", "fc.output"]
    assert first.y == pytest.approx([2.0, 0.5, 0.125])  # geometric mean of 1 and 4 times 2^(-2 layer)
    assert output.y[2] is None
    assert first.low is None
    assert {seed: list(heights) for seed, heights in first.seeds.items()} == {
        "seed 0": pytest.approx([1.0, 0.25, 0.0625]),
        "seed 1": pytest.approx([4.0, 1.0, 0.25]),
    }
    assert output.seeds["seed 0"][2] is None


def test_heat_map_of_layers_and_epochs():
    chart = plots_of(result())["nc1-map"].chart
    assert isinstance(chart, HeatMap)
    assert (chart.log, chart.picks) == (True, "layer")
    assert list(chart.x) == [0, 5, 10]
    assert list(chart.y) == ["fc.1", "fc.2", "fc.output"]
    for row, expected in zip(chart.values, [[2, 2, 2], [2, 1, 0.5], [2, 0.5, 0.125]], strict=True):
        assert row == pytest.approx(expected)


def test_two_measurements_make_a_map_and_one_makes_none():
    two, one = (NetworkResult("run", {"settings": {}}, lines_of(epochs=epochs)) for epochs in ((0, 5), (5,)))
    assert list(plots_of(two)["nc1-map"].chart.x) == [0, 5]
    assert "nc1-map" not in plots_of(one)


def test_curves_of_a_layer_are_what_the_heat_map_picks():
    plots = plots_of(result())
    choice = plots["nc1-epochs"].chart
    assert isinstance(choice, Choice)
    assert choice.label == plots["nc1-map"].chart.picks
    assert list(choice.charts) == list(plots["nc1-map"].chart.y)
    curves = choice.charts["fc.2"].curves
    assert curves[0].y == pytest.approx([2, 1, 0.5])
    assert curves[2].y == pytest.approx([1, 0.5, 0.25])
    assert [len(chart.curves) for chart in choice.charts.values()] == [4, 4, 3]


def test_attribution_in_decades():
    chart = plots_of(result(base=10.0))["attribution"].chart
    assert isinstance(chart, Bars)
    assert chart.stacked
    assert list(chart.categories) == ["fc.1", "fc.2"]
    linear, nonlinearity = chart.series
    assert list(linear.values) == pytest.approx([0.5, 0.5])
    assert list(nonlinearity.values) == pytest.approx([0.5, 0.5])


def test_bars_of_seeds_add_up():
    seeds = [(9.0, None), (1.0, 2.0)]
    lines = [
        {
            "seed": seed,
            "epoch": 0,
            "layer": "a",
            "stage": stage,
            "linear_log_fall": linear * math.log(10),
            "output_log_fall": None if whole is None else whole * math.log(10),
        }
        for seed, (linear, whole) in enumerate(seeds)
        for stage in ("input", "output")
    ]
    both, alone = (NetworkResult("run", {"settings": {}}, part) for part in (lines, lines[:2]))
    values = [series.values for series in plots_of(both)["attribution"].chart.series]
    assert values == [[pytest.approx(1.0)], [pytest.approx(1.0)]]  # of the seed that has both
    assert [series.values for series in plots_of(alone)["attribution"].chart.series] == [[pytest.approx(9.0)], [None]]


def test_nfa_by_epoch_or_by_layer():
    choice = plots_of(result())["nfa"].chart
    assert list(choice.charts) == ["AGOP½", "AGOP"]
    assert [curve.y[0] for curve in choice.charts["AGOP½"].curves] == pytest.approx([0.5, 0.6, 0.7])
    assert not choice.charts["AGOP"].log_y
    once = plots_of(NetworkResult("run", {"settings": {}}, lines_of(epochs=(0,))))
    chart = once["nfa"].chart.charts["AGOP½"]
    assert list(chart.curves[0].x) == ["fc.1", "fc.2", "fc.output"]
    assert chart.curves[0].y == pytest.approx([0.5, 0.6, 0.7])


def test_one_measurement_has_no_course():
    once = NetworkResult("run", {"settings": {}}, lines_of(epochs=(0,)))
    assert list(plots_of(once)) == ["nc1", "attribution", "nfa"]


def test_loss_with_the_mean_over_each_epoch():
    history = [{"seed": 0, "epoch": e, "running_loss": 2.0 / e, "running_accuracy": 0.5} for e in (1, 2)]
    curves = plots_of(result(epochs=history))["loss"].chart.curves
    assert [(curve.name, curve.dash) for curve in curves] == [
        ("training", "dash"),
        ("training, mean over the epoch", "dot"),
    ]
    assert curves[0].y == pytest.approx([1, 1 / 6, 1 / 11])
    assert list(curves[1].y) == [2.0, 1.0]


def test_bands_end_where_values_do():
    lines = [{**line, "nfa_pearson_root": (-1) ** line["seed"] * 0.98} for line in lines_of(seeds=range(5))]
    lines = [{**line, "train_accuracy": 0.5 + (-1) ** line["seed"] * 0.45} for line in lines]
    plots = plots_of(NetworkResult("run", {"settings": {}}, lines))
    (curve,) = plots["accuracy"].chart.curves
    assert (min(curve.low), max(curve.high)) == (0, 1)
    curve = plots["nfa"].chart.charts["AGOP½"].curves[0]
    assert (min(curve.low), max(curve.high)) == (-1, 1)


def test_several_runs():
    plots = plots_of(result("a"), result("b", base=8.0, seeds=(0,)))
    stage = plots["nc1"].chart.charts["φ (input)"]
    assert [(curve.name, curve.color) for curve in stage.curves] == [("a", PALETTE[0]), ("b", PALETTE[1])]
    assert list(plots["nc1-map"].chart.charts) == ["a", "b"]
    curves = plots["nc1-epochs"].chart.charts["fc.1"].curves
    assert [(curve.name, curve.dash) for curve in curves][:3] == [
        ("a, φ (input)", "solid"),
        ("a, Wφ (linear map)", "dash"),
        ("a, σ(Wφ) (nonlinearity)", "dot"),
    ]
    assert list(plots["attribution"].chart.categories) == ["fc.1, a", "fc.1, b", "fc.2, a", "fc.2, b"]
    nfa = plots["nfa"].chart.charts["AGOP½"].curves
    assert [(curve.name, list(curve.x)) for curve in nfa] == [(name, ["fc.1", "fc.2", "fc.output"]) for name in "ab"]
    assert [curve.name for curve in plots["loss"].chart.curves] == ["a, training", "b, training"]


def test_the_agop_beside_the_feature_matrix(record):
    choice = plots_of(result(record=record))["agop-nfm"].chart
    assert list(choice.charts) == ["0", "2"]
    titles = [picture.title for picture in choice.charts["0"].pictures]
    assert titles == ["WᵀW", "AGOP", "AGOP½"]
    weight, agop = record["0"].weight.double().numpy(), record["0"].agop.numpy()
    nfm = weight.T @ weight
    order = np.argsort(-np.diag(nfm), kind="stable")
    values, vectors = np.linalg.eigh(agop)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    for picture, matrix in zip(choice.charts["0"].pictures, (nfm, agop, root), strict=True):
        expected = matrix[np.ix_(order, order)] / np.abs(matrix).max()
        np.testing.assert_allclose(picture.values, expected, atol=1e-6)


def test_wide_layers_show_the_coordinates_that_are_used_most():
    torch.manual_seed(0)
    model = nn.Linear(100, 3)
    with torch.no_grad():
        model.weight[:] = 1 + torch.rand(3, 100)  # squares within a factor of 4
        model.weight[:, 70:] *= 100
    wide = measure(nn.Sequential(model), [(torch.randn(30, 100), torch.arange(30) % 3)])
    pictures = plots_of(result(record=wide))["agop-nfm"].chart.charts["0"].pictures
    assert {picture.values.shape for picture in pictures} == {(48, 48)}
    assert (np.diag(pictures[0].values)[:30] > 0.01).all()
    assert (np.diag(pictures[0].values)[30:] < 0.01).all()


def test_first_layers_look_at_images(record):
    plot = plots_of(result(record=record, info={"image_shape": [1, 3, 4]}))["eigenvectors"]
    assert list(plot.chart.charts) == ["0"]
    pictures = plot.chart.charts["0"].pictures
    values, vectors = np.linalg.eigh(record["0"].agop.numpy())
    for k, picture in enumerate(pictures[:3], start=1):
        vector = vectors[:, -k] * np.sign(vectors[np.abs(vectors[:, -k]).argmax(), -k])
        np.testing.assert_allclose(picture.values.ravel(), vector, atol=1e-6)
        share = values[-k] / values.sum()
        assert picture.title == (f"{k}: {100 * share:.0f} %" if share >= 0.1 else f"{k}: {100 * share:.2g} %")
    assert "eigenvectors" not in plots_of(result(record=record, info={"image_shape": [1, 5, 5]}))
    assert "eigenvectors" not in plots_of(result(record=record))


def test_convolutions_look_at_patches(convolution):
    chart = plots_of(result(record=convolution))["eigenvectors"].chart
    assert list(chart.charts) == ["0", "2"]  # a window of one pixel is no picture
    color, other = (pictures.pictures[0].values for pictures in chart.charts.values())
    assert color.shape == (3, 3, 3)
    assert other.shape == (2, 2)
    top = convolution["2"].spectrum.vectors[:, 0].reshape(4, 2, 2)
    np.testing.assert_allclose(other, top.square().sum(0).sqrt(), atol=1e-12)
    assert chart.charts["2"].low == 0.0


def test_cosines_of_class_means(record):
    choice = plots_of(result(record=record))["means"].chart
    assert [[p.title for p in chart.pictures] for chart in choice.charts.values()] == [
        ["φ", "Wφ", "σ(Wφ)"],
        ["φ", "Wφ"],
    ]
    means = record["2"].stages["input"].moments.means.numpy()
    means = means - means.mean(0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(choice.charts["2"].pictures[0].values, means @ means.T, atol=1e-12)


def test_pictures_of_several_runs(record):
    plots = plots_of(result("a", record), result("b", record))
    assert [p.title for p in plots["agop-nfm"].chart.charts["0"].pictures][::3] == ["a: WᵀW", "b: WᵀW"]
    assert len(plots["means"].chart.charts["0"].pictures) == 6


def test_numbers_of_the_layers():
    table = network_numbers(result())
    assert list(table.columns) == ["layer", "NC1 φ", "NC1 Wφ", "NC1 σ(Wφ)", "share of W", "NFA", "NFA½", "NC2 φ"]
    assert table.rows[0] == ["fc.1", "2", "1.41", "1", "0.50", "0.25", "0.50", "0.1"]
    assert table.rows[2][3] == "–"


def test_a_quarter_power_of_the_agop():
    quarter = [{**line, "stage": "agop_1/4"} for line in lines_of() if line["stage"] == "agop_1/2"]
    curves = plots_of(NetworkResult("run", {"settings": {}}, lines_of() + quarter))["nc1"].chart.curves
    assert [curve.name for curve in curves[3:]] == ["AGOP½φ", "AGOP¼φ"]
    assert curves[4].y == pytest.approx(curves[3].y)


def test_runs_that_count_epochs_and_steps():
    steps = NetworkResult("b", {"settings": {}}, lines_of(), unit="step")
    plots = plots_of(result("a"), steps)
    assert plots["nc1-map"].title == "NC1 by layer and epoch or step"
    assert plots["loss"].chart.x_title == "epoch or step"
    assert plots_of(steps)["loss"].chart.x_title == "step"


@pytest.mark.parametrize("value", [None, 0.0, math.nan, math.inf])
def test_without_values_there_is_no_plot(value):
    lines = [
        {"seed": 0, "epoch": epoch, "layer": "a", "stage": stage, "nc1_trace_ratio": value}
        for epoch in (0, 1)
        for stage in STAGES
    ]
    assert NETWORK.plots_of([NetworkResult("run", {"settings": {}}, lines)]) == []


def test_every_plot_says_something(record):
    one = result(record=record, info={"image_shape": [3, 2, 2]})
    for plots in (plots_of(one), plots_of(one, result("b", base=8.0, seeds=(0,)))):
        assert all(plot.findings for plot in plots.values())


def test_nothing_measured():
    assert NETWORK.plots_of([NetworkResult("run", {"settings": {}}, [])]) == []
