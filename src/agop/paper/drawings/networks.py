"""Drawings of trained networks: which part of a layer collapses the features, the ansatz, and the initial gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agop.paper.drawings.style import COLORS, STAGES, finish, new_figure, palette, plot_curve
from agop.runs import Line, Run, hidden_layers, last_measured, measurements, select, values_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_initialization", "draw_network_attribution", "draw_network_nfa"]

_NFA = {"nfa_pearson_root": "root of the AGOP", "nfa_pearson": "AGOP"}

_SCATTER = {"within_total_ratio": "tr Σ_W / tr Σ_T", "between_total_ratio": "tr Σ_B / tr Σ_T"}


def draw_network_attribution(run: Run) -> Figure:
    """A row of panels for each network, one a hidden layer: NC1 of its stages by epoch, and the share at the end."""
    lines = run.metrics()
    parts = values_of(lines, "part")
    columns = max(len(hidden_layers(select(lines, part=part))) for part in parts)
    figure, axes = new_figure(len(parts), columns, (2.6, 2.5), one_scale=True)
    for row, part in enumerate(parts):
        found = select(lines, part=part)
        for column, layer in enumerate(hidden_layers(found)):
            panel, here = axes[row, column], select(found, layer=layer)
            for stage, (label, color) in STAGES.items():
                style: dict[str, Any] = {
                    "color": color,
                    "label": label,
                    "ls": ":" if stage.startswith("agop") else "-",
                }
                plot_curve(panel, select(here, stage=stage), "epoch", "nc1_trace_ratio", **style)
            title = f"{layer}{_share(here)}"
            finish(panel, title=title, xlabel="epoch", ylabel="" if column else f"{_name(found)}\nNC1")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return figure


def draw_network_nfa(run: Run) -> Figure:
    """A row of panels for each network: the ansatz, the two parts of the scatter by layer, and the loss, by epoch."""
    lines = run.metrics()
    parts = values_of(lines, "part")
    figure, axes = new_figure(len(parts), 4, (3.4, 2.7))
    for row, part in enumerate(parts):
        found = select(lines, part=part)
        colors = palette(hidden_layers(found))
        for layer, color in colors.items():
            here = select(found, layer=layer)
            for measure, style in zip(_NFA, ("-", "--"), strict=True):
                label = layer if style == "-" else None
                at_input = select(here, stage="input")
                plot_curve(axes[row, 0], at_input, "epoch", measure, log=False, color=color, ls=style, label=label)
            for column, measure in enumerate(_SCATTER, start=1):
                plot_curve(axes[row, column], select(here, stage="output"), "epoch", measure, log=False, color=color)
        plot_curve(axes[row, 3], measurements(found), "epoch", "loss", color=COLORS[6])
        title = "correlation of WᵀW with the AGOP's root\n(dashed: with the AGOP)"
        finish(axes[row, 0], log=False, xlabel="epoch", ylabel=_name(found), title="" if row else title)
        finish(axes[row, 1], xlabel="epoch", title="" if row else f"{_SCATTER['within_total_ratio']}\nafter the layer")
        finish(axes[row, 2], xlabel="epoch", title="" if row else f"{_SCATTER['between_total_ratio']}\nafter the layer")
        finish(axes[row, 3], xlabel="epoch", title="" if row else "training loss")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    return figure


def draw_initialization(run: Run) -> Figure:
    """A row of panels for each data set: collapse and the candidates for its cause by gain, and NC1 by epoch."""
    lines = run.metrics()
    names = values_of(lines, "data")
    figure, axes = new_figure(len(names), 5, (3.1, 2.8))
    measures = {
        "nc1_trace_ratio": ("NC1 after the layer", "output", True),
        "share": ("share of S Vᵀ\nin the fall of NC1", "input", False),
        "nfa_pearson_root": ("correlation of WᵀW\nwith the AGOP's root", "input", False),
        "weight_change": ("change of the weights\n‖W − W₀‖ / ‖W₀‖", "input", True),
    }
    for row, name in enumerate(names):
        found = select(lines, data=name)
        end, layers, gains = last_measured(found), hidden_layers(found), sorted(values_of(found, "gain"))
        for column, (measure, (title, stage, log)) in enumerate(measures.items()):
            for layer, color in palette(layers).items():
                here = select(end, layer=layer, stage=stage)
                plot_curve(axes[row, column], here, "gain", measure, log=log, color=color, label=layer)
            finish(axes[row, column], log=log, xlabel="initial gain", title="" if row else title)
            axes[row, column].set_xscale("log")
            axes[row, column].set_xticks(gains, [f"{gain:g}" for gain in gains])
            axes[row, column].set_xticks([], minor=True)
        axes[row, 1].set_ylim(-0.2, 1.3)  # shares of a small fall lie far outside
        for gain, color in palette(gains).items():
            last = select(found, gain=gain, layer=layers[-1], stage="output")
            plot_curve(axes[row, 4], last, "epoch", "nc1_trace_ratio", color=color, label=f"gain {gain:g}")
        finish(axes[row, 4], xlabel="epoch", title="" if row else "NC1 after the last\nhidden layer")
        axes[row, 4].legend(fontsize="x-small")
        axes[row, 0].set_ylabel(_name(found))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    return figure


def _name(lines: list[Line]) -> str:
    return f"{lines[0]['model']}, {lines[0]['data']}"


def _share(lines: list[Line]) -> str:
    """Mean share at the end, over the seeds that have one, for a title."""
    shares = [line["share"] for line in select(last_measured(lines), stage="input") if line.get("share") is not None]
    return f": share {sum(shares) / len(shares):.2f}" if shares else ""
