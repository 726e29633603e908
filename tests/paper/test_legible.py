"""Reproduced figures of the largest scale can be read at the width of the columns of a paper."""

from __future__ import annotations

import pytest
import torch

from agop.charts.print.figures import draw
from agop.charts.print.style import COLUMN, PAGE, TALLEST
from agop.paper import FIGURES
from agop.paper.figures.initialization import GAINS
from agop.runs import Run
from charts.legible import faults
from paper.figure_lines import LINES, kernel_addition, network_addition, network_lines

pytest.importorskip("matplotlib")

DATA = ("mnist", "cifar10", "svhn")
NETWORKS = ("mlp-mnist", "mlp-cifar10", "resnet18-cifar10", "mlp-svhn", "vgg11-svhn")
LAYERS = tuple(f"fc.{k}" for k in range(1, 6))


def over_data(lines):
    return [
        line | {"data": data, "part": line["part"].replace("digits", data)}
        for data in DATA
        for line in lines
        if line["data"] == "digits"
    ]


def of_networks():
    parts = {name: dict(zip(("model", "data"), name.split("-"), strict=True)) for name in NETWORKS}
    return network_lines(parts, LAYERS)


def of_gains():
    """Shares of some gains lie beyond the axis."""
    parts = {f"mlp-{gain}": {"gain": gain} for gain in GAINS["paper"]}
    lines = network_lines(parts, LAYERS)
    return over_data([line | ({"share": -7.0} if line["gain"] > 1 and line.get("share") else {}) for line in lines])


def of_recursion():
    lines = LINES["theory-recursion"]()
    return over_data(lines + [line | {"part": "recursion-digits-cosine", "features": "cosine"} for line in lines])


def of_fact():
    return [
        line | {"network": f"{data}, {depth} hidden layers", "data": data, "depth": depth, "decay": decay}
        for data in DATA[:2]
        for depth in (2, 4)
        for decay in (0.0, 1e-4, 5e-4, 2e-3)
        for line in LINES["fact"]()
        if line["part"] == "one"
    ]


def of_chance():
    names = (
        "as it is",
        "learning rate / 2",
        "batches of 100",
        "weight decay 1e-3",
        "initial gain 0.7",
        "shuffled labels",
    )
    return over_data(
        [line | {"condition": name} for name in names for line in LINES["chance"]() if line["part"] == "one"]
    )


LARGEST = {
    "fact": of_fact,
    "chance": of_chance,
    "structure-before-collapse": lambda: [
        line | {"data": data} for data in ("factors", "digits") for line in LINES["structure-before-collapse"]()[:12]
    ],
    "deep-rfm-metrics": lambda: over_data(LINES["deep-rfm-metrics"]()),
    "deep-rfm-maps": lambda: over_data(LINES["deep-rfm-maps"]()),
    "deep-rfm-gram": list,
    "network-attribution": of_networks,
    "network-nfa": of_networks,
    "initialization": of_gains,
    "theory-recursion": of_recursion,
    "theory-kernel-learning": lambda: over_data(LINES["theory-kernel-learning"]()),
    "central-subspace": lambda: [
        line | {"rows": rows}
        for rows in (50, 100, 200, 400, 800, 1600, 3200)
        for line in LINES["central-subspace"]()[:3]
    ],
    "linear-rfm": LINES["linear-rfm"],
    "grokking": lambda: [
        *(line | {"learner": f"{kernel} kernel"} for kernel in ("quadratic", "gaussian") for line in kernel_addition()),
        *network_addition(),
    ],
}


def run_of(folder, name, lines):
    run = Run.create(folder, {"figure": name, "scale": "paper", "data": list(DATA)})
    run.rewrite(lines)
    keys = [("agop", "input"), ("agop", "agop"), ("control", "input")]
    grams = {
        f"deep-rfm-{data}-relu/{metric}/seed0/layer{layer:02d}/gram/{stage}": torch.eye(4)
        for data in DATA
        for metric, stage in keys
        for layer in (1, 3, 7, 13, 19)
    }
    run.save_tensors(grams)
    return run


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_read(name, tmp_path):
    figure = draw(FIGURES[name].chart(run_of(tmp_path / name, name, LARGEST[name]())))
    width, height = figure.get_size_inches()
    assert width in (COLUMN, PAGE)
    assert height <= TALLEST
    assert faults(figure) == []


@pytest.mark.parametrize("name", ["deep-rfm-metrics", "deep-rfm-maps", "initialization", "central-subspace", "fact"])
def test_a_few_panels_take_one_column(name, tmp_path):
    figure = draw(FIGURES[name].chart(run_of(tmp_path, name, LINES[name]())))
    assert figure.get_figwidth() == COLUMN
    assert faults(figure) == []


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"deep-rfm-gram"}))
def test_one_palette_has_one_meaning(name, tmp_path):
    """A color and dash stand for one thing, the same in all panels."""
    meanings = {}
    for panels in FIGURES[name].chart(run_of(tmp_path / "run", name, LARGEST[name]())).rows.values():
        for curve in (curve for chart in panels.values() for curve in chart.curves if curve.name):
            meanings.setdefault((curve.color, curve.dash), set()).add(curve.name)
    assert set(map(len, meanings.values())) == {1}, meanings


def test_figures_say_what_they_show():
    for name, figure in FIGURES.items():
        assert len(figure.caption) > 100, name
