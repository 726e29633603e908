"""Pictures of the first pages and of the glossary, from numbers that agop computes while the documentation is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from sklearn.datasets import load_diabetes, load_digits
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from torch import nn

from agop import ClassMoments, DeepRFMClassifier, average_gradient_outer_product, explain, measure, table_pipeline
from agop.charts.palette import color
from agop.collapse import nc1_trace_ratio, nc2_gram_mse
from agop.datasets import standardize
from agop.deep_rfm import ReLUFeatures, class_sorted_gram

FOLDER = Path(__file__).parent / "_pictures"


def nc1() -> Figure:
    """Three classes before and after they have nearly fallen onto their means."""
    noise, labels = np.random.default_rng(0).normal(size=(90, 2)), np.arange(90) % 3
    figure, panels = _panels()
    for axes, spread in zip(panels, (0.5, 0.06), strict=True):
        points = _triangle()[labels] + spread * noise
        axes.scatter(*points.T, s=8, c=[color(label) for label in labels])
        axes.set_title(f"NC1 = {nc1_trace_ratio(ClassMoments.of(points, labels, 3)):.2g}", fontsize=9)
    return figure


def nc2() -> Figure:
    """Three class means about their center, and at equal angles and lengths."""
    figure, panels = _panels()
    skew = np.array([[1.2, 0.1], [0.7, 0.9], [-1.1, -0.2]])
    for axes, means in zip(panels, (skew - skew.mean(0), _triangle()), strict=True):
        for label, mean in enumerate(means):
            axes.annotate("", mean, (0, 0), arrowprops={"arrowstyle": "->", "color": color(label), "lw": 2})
        found = nc2_gram_mse(ClassMoments.of(means, np.arange(3), 3))
        axes.set_title(f"NC2 = {round(found, 9):.2g}", fontsize=9)
    return figure


def agop() -> Figure:
    """Contours of a function of one direction, its gradients at some points, and the ellipse of its AGOP."""
    direction = torch.tensor([1.0, 0.6], dtype=torch.float64)

    def function(points: torch.Tensor) -> torch.Tensor:
        return torch.sin(points @ direction)[:, None]

    points = torch.from_numpy(np.random.default_rng(1).uniform(-1.2, 1.2, (40, 2)))
    gradients = torch.cos(points @ direction)[:, None] * direction
    matrix = average_gradient_outer_product(function, points)
    figure, (left, right) = _panels()
    grid = torch.linspace(-1.5, 1.5, 60, dtype=torch.float64)
    plane = torch.cartesian_prod(grid, grid)
    left.contour(grid, grid, function(plane).reshape(60, 60).T, 9, colors="#bbbbbb", linewidths=0.8)
    left.quiver(*points.T, *gradients.T, color=color(0), width=0.006)
    left.set_title("f and its gradients", fontsize=9)
    values, vectors = torch.linalg.eigh(matrix)
    angle = float(torch.rad2deg(torch.atan2(vectors[1, 1], vectors[0, 1])))
    width, height = (max(2.4 * float(value.clamp(min=0) ** 0.5), 0.04) for value in values.flip(0))
    right.add_patch(Ellipse((0, 0), width, height, angle=angle, color=color(1)))
    right.set_title(f"AGOP: {float(values[1] / values.sum()):.0%} along one direction".replace("%", " %"), fontsize=9)
    return figure


def _triangle() -> np.ndarray:
    angles = np.pi / 2 + 2 * np.pi * np.arange(3) / 3
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _panels() -> tuple[Figure, np.ndarray]:
    """Two squares beside each other."""
    figure = Figure(figsize=(4.4, 2.3), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes in panels:
        axes.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), xticks=[], yticks=[], aspect="equal")
    return figure, panels


def _save_network(folder: Path) -> None:
    """The ansatz and the share, from a network that has learned digits."""
    pixels, digits = load_digits(n_class=5, return_X_y=True)
    (pixels,) = standardize(pixels[:300], n_channels=1)
    inputs, labels = torch.from_numpy(pixels).float(), torch.from_numpy(digits[:300])
    torch.manual_seed(0)
    network = nn.Sequential(*(nn.Linear(64, 24), nn.ReLU()), *(nn.Linear(24, 24), nn.ReLU()), nn.Linear(24, 5))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    record = measure(network, [(inputs, labels)])
    layer = record["2"]
    correlation = next(line["nfa_pearson_root"] for line in layer.lines() if line["stage"] == "input")
    titles = "WᵀW", f"root of the AGOP: NFA = {correlation:.2g}"
    figure = Figure(figsize=(4.4, 2.3), layout="constrained")
    weight = network[2].weight.detach().double()
    matrices = weight.T @ weight, _root(layer.agop)
    for axes, title, matrix in zip(figure.subplots(1, 2), titles, matrices, strict=True):
        axes.imshow(matrix / matrix.abs().max(), cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_title(title, fontsize=9)
        axes.set(xticks=[], yticks=[])
    figure.savefig(folder / "nfa.svg")
    record.plot("attribution").save(folder / "share.svg")


def _save_gram(folder: Path) -> None:
    """Cosines between samples, sorted by class, of pixels and of the last features of Deep RFM."""
    pixels, digits = load_digits(n_class=5, return_X_y=True)
    (pixels,) = standardize(pixels[:300])
    labels = torch.from_numpy(digits[:300])
    model = DeepRFMClassifier(features=ReLUFeatures(256), depth=8, random_state=0).fit(pixels, digits[:300])
    figure = Figure(figsize=(4.4, 2.5), layout="constrained")
    stages = {"pixels": torch.from_numpy(pixels), "after 8 layers": torch.as_tensor(model.transform(pixels))}
    for axes, (name, features) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        axes.imshow(class_sorted_gram(features, labels, 5), cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_title(f"{name}: NC1 = {nc1_trace_ratio(ClassMoments.of(features, labels, 5)):.2g}", fontsize=9)
        axes.set(xticks=[], yticks=[])
    figure.savefig(folder / "gram.svg")


def _save_effects(folder: Path) -> None:
    """The effects of the columns of a table."""
    table, progression = load_diabetes(return_X_y=True, as_frame=True)
    model = table_pipeline("regression").fit(table[:300], progression[:300])
    explain(model, table[300:]).plot("effects").save(folder / "effects.svg")


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def draw(app: Sphinx | None = None, folder: Path = FOLDER) -> None:  # noqa: ARG001
    """Draw all pictures into a folder."""
    folder.mkdir(exist_ok=True)
    for picture in (nc1, nc2, agop):
        picture().savefig(folder / f"{picture.__name__}.svg")
    _save_network(folder)
    _save_gram(folder)
    _save_effects(folder)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Draw before pages are read."""
    app.connect("builder-inited", draw)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
