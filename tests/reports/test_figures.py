"""Figures show the numbers of the run, the same bytes every time."""

from __future__ import annotations

import importlib.util
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from agop.errors import MissingExtraError
from agop.records import summarise_seeds
from agop.reports import figures, save_deep_rfm_figures

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


def test_files(run):
    paths = save_deep_rfm_figures(run)
    assert [path.name for path in paths] == ["collapse.svg", "gram.svg", "spectrum.svg"]
    assert all(path.parent == run.path for path in paths)
    for path in paths:
        root = ElementTree.parse(path).getroot()  # noqa: S314 (written a line above)
        assert root.tag == f"{SVG}svg"
        assert len(list(root.iter(f"{SVG}path"))) > 5
    assert not list(run.path.glob(".*"))


def test_the_same_bytes_every_time(run):
    assert figures.deep_rfm_figures(run) == figures.deep_rfm_figures(run)


def test_collapse_by_layer(run):
    lines = run.metrics()
    figure = figures.collapse_figure(lines)
    for axes, measure in zip(figure.axes, ("nc1_trace_ratio", "nc2_gram_mse"), strict=True):
        assert axes.get_yscale() == "log"
        expected = summarise_seeds(lines, measure)
        del expected[True, "agop"]  # the control has no such step
        assert len(axes.lines) == len(axes.collections) == len(expected) == 5
        for ((control, _), layers), curve in zip(expected.items(), axes.lines, strict=True):
            assert list(curve.get_xdata()) == [1, 2, 3]
            assert list(curve.get_ydata()) == [layer.mean for layer in layers.values()]
            assert curve.get_linestyle() == ("--" if control else "-")
            assert ("control" in curve.get_label()) is control
        for layers, band in zip(expected.values(), axes.collections, strict=True):
            heights = band.get_paths()[0].vertices[:, 1]
            assert heights.min() == pytest.approx(min(layer.low for layer in layers.values()))
            assert heights.max() == pytest.approx(max(layer.high for layer in layers.values()))
    assert len(figure.legends[0].get_texts()) == 5


@pytest.mark.parametrize(("depth", "layers"), [(1, [1]), (2, [1, 2]), (9, [1, 3, 7, 9]), (20, [1, 3, 7, 13, 19])])
def test_panels_at_the_layers_of_the_paper_or_the_last(depth, layers):
    tensors = {
        f"agop/seed4/layer{layer:02d}/gram/{stage}": torch.full((3, 3), layer / 100)
        for layer in range(1, depth + 1)
        for stage in ("input", "agop", "features")
    }
    figure = figures.gram_figure(tensors)
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_allclose([image[0, 0] for image in images], 2 * [layer / 100 for layer in layers])
    assert [axes.get_title() for axes in figure.axes[: len(layers)]] == [f"layer {layer}" for layer in layers]


def test_panels_hold_the_gram_matrices(run):
    tensors, _ = run.load_tensors()
    images = [axes.images[0] for axes in figures.gram_figure(tensors).axes if axes.images]
    names = [f"{row}/seed0/layer{layer:02d}/gram/{stage}" for row, stage in ROWS for layer in (1, 3)]
    assert len(images) == len(names)
    for name, image in zip(names, images, strict=True):
        np.testing.assert_array_equal(image.get_array(), tensors[name].float())
        assert image.get_clim() == (-1, 1)


ROWS = [("agop", "input"), ("agop", "agop"), ("control", "input")]


def test_spectra_of_the_first_seed(run):
    (axes,) = figures.spectrum_figure(run.load_tensors()[0]).axes
    assert [curve.get_label() for curve in axes.lines] == ["1", "2", "3"]
    for curve in axes.lines:
        np.testing.assert_allclose(curve.get_ydata(), [1, 0.5, 0.25])


def test_no_control_and_one_seed(make_run):
    run = make_run(depth=1, seeds=(2,), control=False)
    assert set(figures.deep_rfm_figures(run)) == {"collapse", "gram", "spectrum"}


def test_without_matplotlib(run, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    spec = importlib.util.spec_from_file_location("figures_without_matplotlib", figures.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(MissingExtraError, match=r"expected matplotlib, .*pip install 'agop\[report\]'"):
        module.save_deep_rfm_figures(run)
