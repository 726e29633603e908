"""What is said about the pictures of the layers of a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from agop import measure
from agop.network.output_layer import BY_DEFINITION
from agop.network.plots.pictures import agop_plot, eigenvector_plot, means_plot
from agop.network.result import NetworkResult

N_CLASSES = 3


def lines_of(record):
    return [{"seed": 0, "epoch": 0, **line} for line in record.lines()]


def result_of(record, name="net", **info):
    return NetworkResult(name, {"settings": {}, **info}, lines_of(record), record)


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(60, 75, generator=generator), torch.arange(60) % N_CLASSES


@pytest.fixture(scope="module")
def mlp(rows):
    torch.manual_seed(1)
    return measure(nn.Sequential(nn.Linear(75, 8), nn.ReLU(), nn.Linear(8, N_CLASSES)), [rows])


@pytest.fixture(scope="module")
def convolutions(rows):
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(3, 4, (3, 2)),
        nn.ReLU(),
        nn.Conv2d(4, 5, 1),
        nn.ReLU(),
        nn.Conv2d(5, 2, 2),
        nn.Flatten(),
        nn.LazyLinear(3),
    )
    images = rows[0].reshape(-1, 3, 5, 5)
    network(images)
    return measure(network, [(images, rows[1])], layers=["*"])


def test_which_power_is_closer(rows):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(75, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, N_CLASSES))
    record = measure(network, [rows])
    values = {}
    for name, layer in record.items():
        agop = layer.agop.numpy()
        eigenvalues, vectors = np.linalg.eigh(agop)
        root = (vectors * np.sqrt(eigenvalues.clip(0))) @ vectors.T
        nfm = (layer.weight.double().mT @ layer.weight.double()).numpy()
        values[name] = [np.corrcoef(nfm.ravel(), matrix.ravel())[0, 1] for matrix in (root, agop)]
    assert [root > agop for root, agop in values.values()] == [True, True, False]
    found = {f.where: (f.value, f.notes) for f in agop_plot([result_of(record)]).findings}
    assert found.pop("layer 4") == (None, (BY_DEFINITION,))
    assert values.pop("4")[1] == pytest.approx(1)
    assert found == {
        f"layer {name}": (pytest.approx(root), (f"with the AGOP: {agop:.2f}",)) for name, (root, agop) in values.items()
    }


def test_eigenvectors_of_the_layer_that_reads_images(mlp):
    assert eigenvector_plot([result_of(mlp)]) is None
    assert eigenvector_plot([result_of(mlp, image_shape=None)]) is None
    assert eigenvector_plot([result_of(mlp, image_shape=[1, 6, 6])]) is None  # another number of pixels
    plot = eigenvector_plot([result_of(mlp, image_shape=[3, 5, 5])])
    pictures = plot.chart.charts["0"]
    assert list(plot.chart.charts) == ["0"]
    values, vectors = np.linalg.eigh(mlp["0"].agop.numpy())
    shares = values[::-1] / values.sum()
    assert len(pictures.pictures) == min(8, mlp["0"].spectrum.rank)
    assert pictures.diverges
    for k, picture in enumerate(pictures.pictures):
        image = vectors[:, -1 - k].reshape(3, 5, 5).transpose(1, 2, 0)
        image = image * np.sign(image.flat[np.abs(image).argmax()])
        np.testing.assert_allclose(picture.values, image, atol=1e-5)
        assert picture.title.startswith(f"{k + 1}: ")
        assert float(picture.title.split()[1]) == pytest.approx(100 * shares[k], rel=0.06, abs=0.51)
    n, (held,) = len(pictures.pictures), plot.findings
    assert held.where == f"{n} eigenvectors, 0"
    assert held.value == pytest.approx(shares[:n].sum())
    assert held.notes == (f"the first: {100 * shares[0]:.0f} %",)


def test_patches_of_convolutions(convolutions):
    charts = eigenvector_plot([result_of(convolutions)]).chart.charts
    assert list(charts) == ["0", "4"]  # the patches of the second are single positions
    assert [charts[name].pictures[0].values.shape for name in charts] == [(3, 2, 3), (2, 2)]
    assert charts["0"].diverges
    assert charts["4"].low == 0
    vector = np.linalg.eigh(convolutions["4"].agop.numpy())[1][:, -1].reshape(5, 2, 2)
    np.testing.assert_allclose(charts["4"].pictures[0].values, np.sqrt((vector**2).sum(0)), atol=1e-5)
    assert charts["4"].high == pytest.approx(max(picture.values.max() for picture in charts["4"].pictures))


def test_cosines_between_class_means(mlp, rows):
    plot = means_plot([result_of(mlp)])
    charts = plot.chart.charts
    assert [picture.title for picture in charts["0"].pictures] == ["φ", "Wφ", "σ(Wφ)"]
    assert [picture.title for picture in charts["2"].pictures] == ["φ", "Wφ"]
    inputs, labels = (part.double().numpy() for part in rows)
    means = np.stack([inputs[labels == c].mean(0) for c in range(N_CLASSES)])
    means -= means.mean(0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    cosines = means @ means.T
    np.testing.assert_allclose(charts["0"].pictures[0].values, cosines, atol=1e-6)
    away = np.abs(cosines[~np.eye(3, dtype=bool)] + 0.5)
    first, last = plot.findings
    assert (first.where, last.where) == ("input of layer 0", "input of layer 2")
    assert first.value == pytest.approx(away.mean(), abs=1e-6)
    assert first.notes == ("simplex ETF of 3 classes: −0.5",)


def test_two_classes_and_one_layer(rows):
    torch.manual_seed(3)
    record = measure(nn.Linear(75, 2), [(rows[0], rows[1] % 2)])
    (layer,) = record
    plot = means_plot([result_of(record)])
    (found,) = plot.findings
    assert found.notes == ("two class means lie opposite each other whatever was learned",)
    np.testing.assert_allclose(plot.chart.charts[layer].pictures[0].values, [[1, -1], [-1, 1]], atol=1e-9)
    assert [f.where for f in agop_plot([result_of(record)]).findings] == [layer]


def test_several_runs(mlp, convolutions):
    results = [result_of(mlp, "a", image_shape=(3, 5, 5)), result_of(convolutions, "b")]
    titles = [picture.title for picture in agop_plot(results).chart.charts["0"].pictures]
    assert titles == [f"{name}: {matrix}" for name in "ab" for matrix in ("WᵀW", "AGOP", "AGOP½")]
    assert list(eigenvector_plot(results).chart.charts) == ["0, a", "0, b", "4, b"]
    assert {f.run for f in means_plot(results).findings} == {"a", "b"}
    assert {f.run for f in agop_plot(results).findings} == {"a", "b"}


def test_layers_without_matrices_are_named(mlp):
    names = list(mlp)
    some = replace(mlp, layers={**mlp.layers, names[1]: mlp[names[1]].compact()})
    assert f"Not shown: layer {names[1]} (compact records)." in agop_plot([result_of(some)]).caption
    assert "Not shown" not in agop_plot([result_of(mlp)]).caption


def test_without_a_record(mlp):
    nothing = NetworkResult("net", {"settings": {}, "image_shape": [3, 5, 5]}, lines_of(mlp))
    assert [plot([nothing]) for plot in (agop_plot, eigenvector_plot, means_plot)] == [None] * 3
    assert agop_plot([nothing, result_of(mlp, "b")]).findings[0].run == "b"


def test_many_layers_share_the_room_of_the_page():
    torch.manual_seed(0)
    layers = [layer for _ in range(10) for layer in (nn.Linear(64, 64), nn.ReLU())]
    record = measure(nn.Sequential(*layers, nn.Linear(64, 100)), [(torch.randn(200, 64), torch.arange(200) % 100)])
    results = [result_of(record, name) for name in "abc"]
    for plot, expected in ((agop_plot(results), 34), (means_plot(results), 34), (agop_plot(results[:1]), 48)):
        sizes = {picture.values.shape for chart in plot.chart.charts.values() for picture in chart.pictures}
        assert sizes == {(expected, expected)}
        assert f" {expected} " in plot.caption
    assert 3 * 33 * 34**2 <= 120_000 < 3 * 33 * 35**2
    assert means_plot(results[:1]).chart.charts["20"].pictures[0].values.shape == (60, 60)
