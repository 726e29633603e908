"""Drawings of Deep RFM: NC1 and NC2 by layer and stage, and class-sorted Gram matrices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agop.paper.drawings.style import COLORS, finish, new_figure, plot_curve
from agop.runs import Run, select, values_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_deep_rfm_gram", "draw_deep_rfm_maps", "draw_deep_rfm_metrics"]

_MEASURES = {"nc1_trace_ratio": "NC1", "nc2_gram_mse": "NC2"}

_STAGES = {
    "input": ("X", COLORS[0]),
    "agop": ("X M½ (AGOP)", COLORS[1]),
    "features": ("Φ(X M½) (random map)", COLORS[2]),
}

_MAPS = {
    "relu": "ReLU",
    "cosine": "cosine, Cauchy (published)",
    "cosine-row-norm": "cosine, Cauchy, γ = 0.02, row norm 1",
    "gaussian": "cosine, Gaussian, L = 2",
    "gaussian-row-norm": "cosine, Gaussian, L = 0.7, row norm 1",
}

_ROWS = (("agop", "input", "X"), ("agop", "agop", "X M½"), ("control", "input", "X, control"))


def draw_deep_rfm_metrics(run: Run) -> Figure:
    """A column of panels for each data set and kind of features: NC1 above, NC2 below; the control dashed."""
    lines = run.metrics()
    parts = values_of(lines, "part")
    figure, axes = new_figure(2, len(parts), (4.2, 3.2))
    for column, part in enumerate(parts):
        found = select(lines, part=part)
        for row, (measure, title) in enumerate(_MEASURES.items()):
            panel = axes[row, column]
            for stage, (label, color) in _STAGES.items():
                plot_curve(panel, select(found, stage=stage, control=False), "layer", measure, color=color, label=label)
            control = select(found, stage="input", control=True)
            plot_curve(panel, control, "layer", measure, color=COLORS[6], label="X, control", ls="--", lw=1)
            name = f"{found[0]['data']}, {found[0]['features']} features"
            finish(panel, integer=True, ylabel=title, xlabel="layer" if row else "", title="" if row else name)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return figure


def draw_deep_rfm_maps(run: Run) -> Figure:
    """A column of panels for each data set: NC1 of the layer inputs, and how saturated each map is; controls dashed."""
    lines = run.metrics()
    names = values_of(lines, "data")
    figure, axes = new_figure(2, len(names), (4.4, 3.2))
    for column, name in enumerate(names):
        inputs = select(lines, data=name, stage="input")
        for (features, label), color in zip(_MAPS.items(), COLORS, strict=False):
            for row, measure in enumerate(("nc1_trace_ratio", "scaled_distance")):
                for control, style in ((False, {"label": label}), (True, {"ls": "--", "lw": 0.8, "marker": ""})):
                    here = select(inputs, features=features, control=control)
                    plot_curve(axes[row, column], here, "layer", measure, color=color, **style)
        finish(axes[0, column], integer=True, title=name, ylabel="" if column else "NC1 of the layer inputs")
        distance = "" if column else "distance across classes\nin units of the map's kernel"
        finish(axes[1, column], integer=True, xlabel="layer", ylabel=distance)
    axes[0, 0].plot([], [], color=COLORS[6], ls="--", lw=0.8, label="controls, without the AGOP")
    columns = min(3, len(names))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize="small")
    return figure


def draw_deep_rfm_gram(run: Run) -> Figure:
    """Three rows of pictures a data set, a column a layer: before and after the AGOP, and the control."""
    tensors = run.load_tensors()
    found = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(.+)/(agop|control)/seed\d+/layer(\d+)/gram/(\w+)", name):
            found[match[1], match[2], match[4], int(match[3])] = tensor
    parts = sorted({part for part, *_ in found})
    layers = sorted({layer for *_, layer in found})
    rows = [(part, *row) for part in parts for row in _ROWS]
    figure, axes = new_figure(len(rows), len(layers), (1.7, 1.7))
    for row, (part, metric, stage, title) in enumerate(rows):
        for column, layer in enumerate(layers):
            panel = axes[row, column]
            gram = found[part, metric, stage, layer].float().numpy()
            image = panel.imshow(gram, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
            panel.set(xticks=[], yticks=[], title="" if row else f"layer {layer}")
        data = part.removeprefix("deep-rfm-").removesuffix("-relu")
        axes[row, 0].set_ylabel(f"{data}\n{title}", fontsize="small")
    figure.colorbar(image, ax=axes, shrink=0.6, label="cosine")
    return figure
