"""Drawings of theory beside measurement: the linearized recursion, kernel learning, unconstrained features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agop.paper.drawings.style import COLORS, finish, new_figure, plot_curve
from agop.runs import Line, Run, select, values_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_theory_kernel_learning", "draw_theory_recursion"]

_CURVES: dict[str, tuple[str, dict[str, Any]]] = {
    "measured": ("measured", {"color": COLORS[6], "lw": 2.2}),
    "one step": ("one AGOP step from measured inputs", {"color": COLORS[1], "ls": "--"}),
    "first": ("both shifts from layer 1", {"color": COLORS[0]}),
    "refitted": ("both shifts from every layer", {"color": COLORS[2]}),
    "explained": ("rise at each random map as measured", {"color": COLORS[3]}),
}

_SHIFTS = {
    "kernel_shift": "λ_k",
    "features_shift": "λ_Φ",
    "explaining_shift": "λ_Φ explaining the rise",
}


def draw_theory_recursion(run: Run) -> Figure:
    """A row of panels for each part: NC1 after the AGOP, NC1 after the random map, and the shifts, by layer."""
    lines = run.metrics()
    parts = values_of(lines, "part")
    figure, axes = new_figure(len(parts), 3, (4.4, 3.1))
    for row, part in enumerate(parts):
        found = select(lines, part=part)
        for column, stage in enumerate(("agop", "features")):
            for curve, (label, style) in _CURVES.items():
                here = select(found, curve=curve, stage=stage)
                plot_curve(axes[row, column], here, "layer", "nc1_trace_ratio", label=label, **style)
        measured = select(found, curve="measured", stage="input")
        for (shift, label), color in zip(_SHIFTS.items(), COLORS, strict=False):
            plot_curve(axes[row, 2], measured, "layer", shift, color=color, label=label)
        name = f"{found[0]['data']}, {found[0]['features']}"
        titles = ("NC1 after the AGOP", "NC1 after the random map", "shifts")
        for panel, title in zip(axes[row], titles, strict=True):
            finish(panel, integer=True, xlabel="layer", title="" if row else title)
        axes[row, 0].set_ylabel(name)
    axes[0, 2].legend(fontsize="x-small")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    return figure


def draw_theory_kernel_learning(run: Run) -> Figure:
    """A row of panels for each data set: the objective three times, unconstrained features, real labels or not."""
    lines = run.metrics()
    names = values_of(lines, "data")
    figure, axes = new_figure(len(names), 5, (3.3, 3.1))
    titles = (
        "free kernels:\nobjective / minimum − 1",
        "RFM: objective",
        "Deep RFM: objective",
        "unconstrained features: NC1",
        "Deep RFM: NC1 of the inputs",
    )
    along = ("step", "AGOP updates", "layer", "step", "layer")
    for row, name in enumerate(names):
        found = select(lines, data=name)
        _draw_objectives(axes[row], found)
        _draw_labels(axes[row], found)
        for panel, title, text in zip(axes[row], titles, along, strict=True):
            finish(panel, integer=True, xlabel=text, title="" if row else title)
            panel.legend(fontsize="x-small")
        axes[row, 0].set_ylabel(name)
    return figure


def _draw_objectives(axes: Any, lines: list[Line]) -> None:
    descent = select(lines, panel="descent")
    for coding, color in zip(values_of(descent, "curve"), COLORS, strict=False):
        excess = [
            {"step": line["step"], "excess": line["objective"] / line["minimum"] - 1}
            for line in select(descent, curve=coding)
        ]
        plot_curve(axes[0], excess, "step", "excess", color=color, label=f"{coding} targets", marker="")
    (minimum, *_) = values_of(select(descent, curve="signed"), "minimum")
    for panel, which in zip(axes[1:3], ("rfm", "layers"), strict=True):
        found = select(lines, panel=which)
        for name, color in zip(values_of(found, "curve"), (COLORS[0], COLORS[6]), strict=False):
            plot_curve(panel, select(found, curve=name), "step", "objective", color=color, label=name)
        panel.axhline(minimum, color=COLORS[1], ls=":", label="least of any kernel")


def _draw_labels(axes: Any, lines: list[Line]) -> None:
    free = select(lines, panel="unconstrained")
    deep = select(lines, panel="labels", control=False, stage="input")
    for shuffled, style, text in ((False, "-", "real"), (True, "--", "shuffled")):
        for name, color in zip(values_of(free, "curve"), COLORS, strict=False):
            here = select(free, curve=name, shuffled=shuffled)
            look: dict[str, Any] = {"color": color, "ls": style, "marker": "", "label": f"{name}, {text}"}
            plot_curve(axes[3], here, "step", "nc1_trace_ratio", **look)
        here = select(deep, shuffled=shuffled)
        plot_curve(axes[4], here, "layer", "nc1_trace_ratio", color=COLORS[0], ls=style, label=f"{text} labels")
