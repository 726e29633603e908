"""Figures of a Deep RFM run, drawn with matplotlib (extra ``report``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from torch import Tensor

from agop.errors import MissingExtraError
from agop.records import summarise_seeds
from agop.runs import Run
from agop.storage import write_text_atomic

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:  # the extra is not installed: a run still finishes
    _MISSING: ImportError | None = error
else:
    _MISSING = None

__all__ = ["collapse_figure", "gram_figure", "save_deep_rfm_figures", "spectrum_figure", "svg"]

_STAGES = {
    "input": ("X (input)", "#0072B2"),
    "agop": ("X M^1/2 (AGOP)", "#D55E00"),
    "features": ("Φ(X M^1/2) (random features)", "#009E73"),
}
"""Label and colour (Okabe and Ito's palette) of each stage."""

_PANEL_LAYERS = (1, 3, 7, 13, 19)


def save_deep_rfm_figures(run: Run) -> list[Path]:
    """Write ``collapse.svg``, ``gram.svg`` and ``spectrum.svg`` into the folder of a run.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figures = deep_rfm_figures(run)
    for name, text in figures.items():
        write_text_atomic(run.path / f"{name}.svg", text)
    return [run.path / f"{name}.svg" for name in figures]


def deep_rfm_figures(run: Run) -> dict[str, str]:
    """SVG texts of the figures of a run by name, in the order in which they are read."""
    if _MISSING is not None:
        raise MissingExtraError(
            "matplotlib",
            "an environment without it",
            "Install agop with its extra: pip install 'agop[report]'.",
        ) from _MISSING
    lines, (tensors, _) = run.metrics(), run.load_tensors()
    figures = {
        "collapse": collapse_figure(lines),
        "gram": gram_figure(tensors),
        "spectrum": spectrum_figure(tensors),
    }
    return {name: svg(figure) for name, figure in figures.items()}


def collapse_figure(lines: list[dict[str, Any]]) -> Figure:
    """NC1 and NC2 by layer and stage: geometric mean and 95 % interval over seeds, control dashed."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    measures = {
        "nc1_trace_ratio": "NC1: tr Σ_W / tr Σ_B",
        "nc2_gram_mse": "NC2: mean squared deviation from ETF",
    }
    for axes, (measure, title) in zip(figure.subplots(1, 2), measures.items(), strict=True):
        for (control, stage), layers in summarise_seeds(lines, measure).items():
            if control and stage == "agop":
                continue  # the control multiplies by the identity: its input once more
            label, colour = _STAGES[stage]
            style = {"color": colour, "ls": "--" if control else "-", "lw": 1 if control else 1.8}
            values = list(layers.values())
            label = f"{label}, control" if control else label
            axes.plot(list(layers), [v.mean for v in values], label=label, marker=".", **style)
            axes.fill_between(
                list(layers), [v.low for v in values], [v.high for v in values], color=colour, alpha=0.2, lw=0
            )
        axes.set(yscale="log", xlabel="layer", title=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    return figure


def gram_figure(tensors: Mapping[str, Tensor]) -> Figure:
    """Gram matrices of centred, normalised features, samples sorted by class: a column a layer."""
    found = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(agop|control)/seed\d+/layer(\d+)/gram/(\w+)", name):
            found[match[1], match[3], int(match[2])] = tensor
    rows = [row for row in (("agop", "input"), ("agop", "agop"), ("control", "input")) if (*row, 1) in found]
    depth = max((layer for _, _, layer in found), default=0)
    layers = sorted({min(layer, depth) for layer in _PANEL_LAYERS})
    figure = Figure(figsize=(2.1 * len(layers) + 1.2, 2.2 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(layers), squeeze=False)
    titles = {
        ("agop", "input"): "X",
        ("agop", "agop"): "X M^1/2",
        ("control", "input"): "X, control",
    }
    for i, row in enumerate(rows):
        for j, layer in enumerate(layers):
            image = _panel(axes[i, j], found[*row, layer])
            if i == 0:
                axes[i, j].set_title(f"layer {layer}")
        axes[i, 0].set_ylabel(titles[row])
    if rows:
        figure.colorbar(image, ax=axes, shrink=0.8, label="cosine")
    return figure


def spectrum_figure(tensors: Mapping[str, Tensor]) -> Figure:
    """Leading eigenvalues of the AGOP of each layer, over the largest, first seed."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    names = sorted(name for name in tensors if name.endswith("/spectrum"))
    names = [name for name in names if name.split("/")[1] == names[0].split("/")[1]]
    colours = mpl.colormaps["viridis"]
    for i, name in enumerate(names):
        values = tensors[name].clamp_min(0)
        values = (values / values[0])[:100]
        label = str(int(name.split("/")[2].removeprefix("layer")))
        axes.plot(range(1, len(values) + 1), values, color=colours(i / max(1, len(names) - 1)), label=label)
    axes.set(yscale="log", ylim=(1e-5, 2), xlabel="eigenvalue", title="AGOP spectrum, over its largest eigenvalue")
    if names:
        axes.legend(title="layer", fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    return figure


def svg(figure: Figure) -> str:
    """SVG text of a figure: the same bytes for the same figure."""
    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": "agop", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _panel(axes: Axes, gram: Tensor) -> Any:
    axes.set(xticks=[], yticks=[])
    return axes.imshow(gram.float().numpy(), vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
