"""Plots of Deep RFM hold the numbers of the run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agop.charts.chart import Choice, Curves
from agop.charts.images import image_of
from agop.charts.palette import PALETTE
from agop.charts.seed_curves import seed_curve
from agop.deep_rfm.kind import DEEP_RFM
from agop.deep_rfm.plots import deep_rfm_numbers, layer_spectra
from agop.deep_rfm.result import DeepRFMResult
from agop.runs import SeedSummary, summarize_seeds


def result_of(run, name="run", **info):
    return DeepRFMResult(name, {**run.info(), **info}, run.metrics(), run.load_tensors())


@pytest.fixture(scope="module")
def plots(run):
    return {plot.name: plot for plot in DEEP_RFM.plots_of([result_of(run)])}


def test_names(plots):
    assert list(plots) == ["nc1", "nc2", "gram", "spectra", "accuracy"]


@pytest.mark.parametrize(("name", "measure"), [("nc1", "nc1_trace_ratio"), ("nc2", "nc2_gram_mse")])
def test_collapse_by_layer_and_stage(run, plots, name, measure):
    chart = plots[name].chart
    expected = summarize_seeds(run.metrics(), measure)
    del expected[True, "agop"]  # the control has no such step
    assert chart.log_y
    assert len(chart.curves) == len(expected) == 5
    for ((control, _), layers), curve in zip(expected.items(), chart.curves, strict=True):
        assert list(curve.x) == [1, 2, 3]
        assert list(curve.y) == [layer.mean for layer in layers.values()]
        assert curve.low is curve.high is None  # two seeds are no band
        assert list(curve.seeds) == ["seed 0", "seed 1"]
        for seed, heights in enumerate(curve.seeds.values()):
            assert list(heights) == [dict(layer.values)[seed] for layer in layers.values()]
        assert curve.dash == ("dash" if control else "solid")
        assert ("control" in curve.name) is control


def test_several_runs_share_the_axes(make_run):
    runs = [result_of(make_run(seeds=(0,)), "a"), result_of(make_run(seeds=(0,), depth=5, control=False), "b")]
    plots = {plot.name: plot for plot in DEEP_RFM.plots_of(runs)}
    choice = plots["nc1"].chart
    assert isinstance(choice, Choice)
    assert list(choice.charts) == ["X (input)", "X M½ (AGOP)", "Φ(X M½) (random features)"]
    found = [(curve.name, curve.color, curve.dash, len(curve.x)) for curve in choice.charts["X (input)"].curves]
    assert found == [
        ("a", PALETTE[0], "solid", 3),
        ("a, control", PALETTE[0], "dash", 3),
        ("b", PALETTE[1], "solid", 5),
    ]
    assert [curve.name for curve in choice.charts["X M½ (AGOP)"].curves] == ["a", "b"]
    gram = plots["gram"].chart
    assert [[p.title for p in chart.pictures] for chart in gram.charts.values()] == [["a", "b"]] * 3 + [["b"]] * 2
    spectra = plots["spectra"].chart
    assert [curve.name for curve in spectra.charts["3"].curves] == ["a", "b"]
    assert {curve.name for curve in plots["accuracy"].chart.curves} >= {"a, test", "b, test", "a, test, control"}


def test_gram_panels_are_the_matrices_of_the_run(run, plots):
    tensors = run.load_tensors()
    chart = plots["gram"].chart
    assert chart.slider
    assert list(chart.charts) == ["1", "2", "3"]
    rows = [("agop", "input", "X"), ("agop", "agop", "X M½"), ("control", "input", "X, control")]
    for layer, pictures in chart.charts.items():
        assert (pictures.low, pictures.high) == (-1, 1)
        for picture, (metric, stage, title) in zip(pictures.pictures, rows, strict=True):
            expected = tensors[f"{metric}/seed0/layer{int(layer):02d}/gram/{stage}"].double().numpy()
            np.testing.assert_array_equal(picture.values, expected)
            assert picture.title == title


def test_many_pictures_are_thinned_and_keep_the_order():
    gram = torch.arange(200.0).expand(200, 200) / 200
    tensors = {f"agop/seed0/layer{k:02d}/gram/{stage}": gram for k in range(1, 41) for stage in ("input", "agop")}
    (plot,) = DEEP_RFM.plots_of([DeepRFMResult("run", {"settings": {}}, [], tensors)])
    sizes = [picture.values.size for chart in plot.chart.charts.values() for picture in chart.pictures]
    assert len(sizes) == 80
    assert set(sizes) == {61**2}
    assert 80 * 61**2 <= 300_000 < 80 * 62**2
    first = plot.chart.charts["1"].pictures[0].values[0]
    assert (np.diff(first) > 0).all()
    assert np.ptp(first) > 0.9 * np.ptp(gram[0].numpy())  # from the first sample nearly to the last


def test_gram_finding(make_run):
    run = make_run(depth=2, seeds=(0,), control=False)
    inside = torch.full((4, 4), 0.5).fill_diagonal_(1.0)
    gram = torch.full((12, 12), -0.25)
    for start in (0, 4, 8):
        gram[start : start + 4, start : start + 4] = inside
    tensors = {"agop/seed0/layer01/gram/input": gram, "agop/seed0/layer02/gram/input": torch.eye(12)}
    info = {"settings": {}, "n_classes": 3, "gram_counts": [4, 4, 4]}

    def findings(info, tensors):
        plots = DEEP_RFM.plots_of([DeepRFMResult("run", info, run.metrics(), tensors)])
        return next(plot.findings for plot in plots if plot.name == "gram")

    within, between = findings(info, tensors)
    assert (within.course.start, within.value) == pytest.approx((0.5, 0.0))
    assert within.notes == ("1 if collapsed",)
    assert (between.course.start, between.value) == pytest.approx((-0.25, 0.0))
    assert between.notes == ("simplex ETF of 3 classes: −0.5",)
    assert between.where == "layers 1 to 2"
    first, _ = findings(info, {"agop/seed0/layer01/gram/input": gram})
    assert (first.value, first.course) == (0.5, None)
    assert findings({"settings": {}, "n_classes": 3}, tensors) == []  # which sample is of which class is not known


def test_gram_finding_of_classes_of_other_sizes():
    """Two samples of a class and ten of another, of which the equal parts of the picture would be no classes."""
    labels = torch.tensor([0] * 2 + [1] * 10)
    gram = torch.where(labels[:, None] == labels, 0.75, -0.5).fill_diagonal_(1.0)
    info = {"settings": {}, "n_classes": 2, "gram_counts": [2, 10]}
    (plot,) = DEEP_RFM.plots_of([DeepRFMResult("run", info, [], {"agop/seed0/layer01/gram/input": gram})])
    assert [f.value for f in plot.findings] == [0.75, -0.5]


def test_spectra_of_the_first_seed_over_their_largest(plots):
    curves = plots["spectra"].chart.curves
    assert [curve.name for curve in curves] == ["layer 1", "layer 2", "layer 3"]
    assert all(list(curve.y) == [1.0, 0.5, 0.25] for curve in curves)
    rank, count = plots["spectra"].findings
    assert (rank.course.start, rank.value) == pytest.approx((7**2 / 21, 7**2 / 21))
    assert (count.where, count.value) == ("layer 3", 3)


def test_spectra_do_not_mix_seeds():
    tensors = {
        f"agop/seed{seed}/layer{k:02d}/spectrum": torch.tensor([10.0 * seed + k]) for seed in (2, 10) for k in (1, 11)
    }
    assert {layer: values.item() for layer, values in layer_spectra(tensors).items()} == {1: 21.0, 11: 31.0}


def test_eigenvalues_of_zero_are_gaps():
    tensors = {"agop/seed0/layer01/spectrum": torch.tensor([2.0, 0.0, -1e-9])}
    (plot,) = DEEP_RFM.plots_of([DeepRFMResult("run", {"settings": {}}, [], tensors)])
    assert list(plot.chart.curves[0].y) == [1.0, None, None]


def test_eigenvectors_as_images():
    vectors = torch.linalg.qr(torch.randn(12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0].mT
    tensors = {
        "agop/seed0/layer01/eigenvectors": vectors,
        "agop/seed0/layer01/spectrum": torch.tensor([6.0, 3.0, 1.0]),
    }
    result = DeepRFMResult("run", {"settings": {}, "image_shape": [1, 3, 4]}, [], tensors)
    plot = {plot.name: plot for plot in DEEP_RFM.plots_of([result])}["eigenvectors"]
    assert [picture.title for picture in plot.chart.pictures] == ["1: 60 %", "2: 30 %"]
    np.testing.assert_array_equal(plot.chart.pictures[1].values.ravel(), vectors[1])
    assert plot.chart.high == -plot.chart.low == vectors.abs().max()
    (found,) = plot.findings
    assert (found.where, found.value, found.notes) == (
        "2 eigenvectors, layer 1",
        pytest.approx(0.9),
        ("the first: 60 %",),
    )
    flat = DeepRFMResult("run", {"settings": {}, "image_shape": None}, [], tensors)
    assert "eigenvectors" not in [plot.name for plot in DEEP_RFM.plots_of([flat])]


def test_channels_of_an_image():
    vector = torch.arange(24.0)
    color = image_of(vector, (3, 2, 4))
    assert color.shape == (2, 4, 3)
    assert color[1, 2].tolist() == [6.0, 14.0, 22.0]
    other = image_of(vector, (2, 3, 4))
    assert other.shape == (3, 4)
    assert other[0, 1] == pytest.approx((1 + 13**2) ** 0.5)


def test_numbers_of_the_layers(run):
    table = deep_rfm_numbers(result_of(run))
    assert list(table.columns) == [
        "layer", "NC1 input", "NC1 AGOP", "NC1 features", "NC2 input", "NC1 control", "test accuracy",
    ]  # fmt: skip
    assert table.rows[0] == ["1", "11.3", "2.83", "22.6", "0.1", "11.3", "0.7600"]
    assert table.rows[2] == ["3", "0.707", "0.177", "1.41", "0.0333", "25.5", "0.7800"]


def test_columns_without_numbers_are_left_out(make_run):
    run = make_run(depth=1, seeds=(0,), control=False)
    run.record(sealed=None)
    run.rewrite({**line, "test_accuracy": None} for line in run.metrics())
    table = deep_rfm_numbers(result_of(run))
    assert list(table.columns)[-1] == "NC2 input"
    curves = {plot.name: plot for plot in DEEP_RFM.plots_of([result_of(run)])}["accuracy"].chart.curves
    assert [curve.name for curve in curves] == ["training"]


def test_a_layer_that_one_run_lacks_is_a_dash(make_run):
    run = make_run(depth=2, seeds=(0,), control=False)
    lines = [line for line in run.metrics() if (line["layer"], line["stage"]) != (2, "agop")]
    table = deep_rfm_numbers(DeepRFMResult("run", run.info(), lines))
    assert table.rows[1][2] == "–"


def test_nothing_measured():
    assert DEEP_RFM.plots_of([DeepRFMResult("run", {"settings": {}}, [])]) == []


def test_five_seeds_are_a_band_and_four_are_lines(make_run):
    for seeds, is_band in ((range(4), False), (range(5), True)):
        plot = next(plot for plot in DEEP_RFM.plots_of([result_of(make_run(seeds=tuple(seeds)))]) if plot.name == "nc1")
        for curve in plot.chart.curves:
            assert (curve.low is not None, len(curve.seeds)) == (is_band, 0 if is_band else 4)
        assert ("bands" in plot.caption, "thin lines" in plot.caption) == (is_band, not is_band)


def test_gaps_of_a_curve():
    found = {1: SeedSummary.of([1.0, 2.0, 3.0, 4.0, 5.0]), 3: SeedSummary.of([4.0])}
    curve = seed_curve("a", found, "#000000", at=[1, 2, 3])
    assert list(curve.x) == [1, 2, 3]
    assert curve.y[1] is curve.low[1] is curve.high[1] is None
    assert curve.low[0] < curve.y[0] < curve.high[0]
    assert curve.low[2] is curve.high[2] is None  # of one seed there is no interval
    assert not curve.seeds
    alone = seed_curve("a", {1: SeedSummary.of([4.0])}, "#000000")
    assert alone.low is alone.high is None
    assert not alone.seeds
    assert isinstance(Curves("x", "y", [alone]), Curves)
