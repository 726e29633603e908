"""Lines of measured layers as tables for the terminal, a row a layer or a block, and as curves of a training."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from agop.charts.terminal import Column, TerminalTable
from agop.collapse import CHANCE_MEASURES, MEASURES, REGRESSION_MEASURES
from agop.errors import InputError
from agop.network.record.blocks import ALONE, Blocks
from agop.network.record.stage import STAGES
from agop.runs import Line

__all__ = ["block_table", "curves", "layer_table", "regression_measures", "rows_text"]

_CURVES = {
    "nc1_trace_ratio": "nc1_trace_ratio/{layer}/{stage}",
    "nc2_gram_mse": "nc2_gram_mse/{layer}/{stage}",
    **{name: name + "/{layer}/{stage}" for name in REGRESSION_MEASURES},
    "share": "share/{layer}",
    "nfa_pearson_root": "nfa/{layer}",
    "fact_pearson": "fact/{layer}",
}
"""Columns of the lines that are followed through a training, and their names in experiment trackers."""

_BAR = 8

_ROWS = {"each": "each of {} rows", "mean": "means of the rows of {} samples", "flatten": "{} vectors of all rows"}
"""Rows that were measured, by the mode; {} is their number at a layer."""

_NC1, _NC2 = (MEASURES[name].label for name in ("nc1_trace_ratio", "nc2_gram_mse"))

_CLASSES = (
    (f"{_NC1} φ", "nc1_trace_ratio", "input", ".3g"),
    ("Wφ", "nc1_trace_ratio", "linear", ".3g"),
    ("σ(Wφ)", "nc1_trace_ratio", "output", ".3g"),
    ("AGOP½φ", "nc1_trace_ratio", "agop_1/2", ".3g"),
    (f"{_NC2} φ", "nc2_gram_mse", "input", ".3g"),
)
_ANSATZ = (("NFA", "nfa_pearson", "input", ".2f"), ("NFA½", "nfa_pearson_root", "input", ".2f"))
_FACT = (("FACT", "fact_pearson", "input", ".2f"),)
_CHANCE = tuple(
    (f"{MEASURES[name].label} chance ≥", f"{name}_chance_least", "input", ".3g") for name in CHANCE_MEASURES
)
_SHARE = (("share of W", "share", "input", ".2f"),)
"""Heading, measure, stage and format of each column."""


def curves(lines: Iterable[Line]) -> dict[str, float]:
    """Numbers to follow through a training, by names that experiment trackers take: "qkv[0:64]" becomes "qkv.0-64"."""
    return {
        name.format(layer=re.sub(r"\[(\d+):(\d+)\]$", r".\1-\2", line["layer"]), stage=line["stage"]): float(value)
        for line in lines
        for column, name in _CURVES.items()
        if (value := line.get(column)) is not None and math.isfinite(value)
    }


def layer_table(lines: Iterable[Line], title: str) -> TerminalTable:
    """Table of the lines of a record with a row a layer, and a bar for the share of the linear part.

    Columns of classes or of a regression are those that the lines have.
    """
    lines = list(lines)
    found = {(line["layer"], line["stage"]): line for line in lines}
    has_classes = any("nc1_trace_ratio" in line for line in lines)
    numbers = [(f"{REGRESSION_MEASURES[name].label} φ", name, "input", ".3g") for name in regression_measures(lines)]
    has_loss = any("fact_pearson" in line for line in lines)
    chance = [each for each in _CHANCE if any(each[1] in line for line in lines)]
    numbers = [
        *numbers,
        *(_CLASSES if has_classes else ()),
        *chance,
        *_ANSATZ,
        *(_FACT if has_loss else ()),
        *(_SHARE if has_classes else ()),
    ]
    columns = [Column("layer", "name"), *(Column(heading) for heading, *_ in numbers)]
    rows = []
    for layer in dict.fromkeys(line["layer"] for line in lines):
        cells = [_number(found.get((layer, stage), {}).get(measure), form) for _, measure, stage, form in numbers]
        rows.append([layer, *cells, *([_bar(found[layer, "input"].get("share"))] if has_classes else [])])
    return TerminalTable(title, [*columns, Column("", "bar")] if has_classes else columns, rows)


def block_table(lines: Iterable[Line], blocks: Blocks, what: tuple[str, str], title: str) -> TerminalTable:
    """Table of a measure at a stage, a row for each block and a column for each kind; the title has other layers.

    A cell is – where a layer has no such number, and empty where a block has no layer of the kind.

    Raises
    ------
    InputError
        If no line has a number of that name, or there is no such stage.
    """
    measure, stage = what
    if stage not in STAGES:
        raise InputError(f"a stage among {', '.join(STAGES)}", repr(stage), "Choose one of them.")
    here = [line for line in lines if line["stage"] == stage]
    known = dict.fromkeys(name for line in here for name, value in line.items() if isinstance(value, int | float))
    if measure not in known:
        got = repr(measure)
        raise InputError(f"a measure at the stage {stage} among {', '.join(known)}", got, "Choose one of them.")
    values = {blocks.places[line["layer"]]: _number(line.get(measure), ".3g") for line in here}
    kinds = {kind: shown for kind, shown in blocks.kinds.items() if kind != ALONE}
    rows = [
        [shown, *(values.get((block, kind), "") for kind in kinds)]
        for block, shown in blocks.blocks.items()
        if (block, ALONE) not in blocks.places.values()
    ]
    listed = MEASURES.get(measure) or REGRESSION_MEASURES.get(measure)
    label = measure if listed is None else f"{listed.label} ({measure})"
    alone = ", ".join(f"{block} {value}" for (block, kind), value in values.items() if kind == ALONE)
    title = f"{title}: {label}, stage {stage}" + (f"; in no block: {alone}" if alone else "")
    return TerminalTable(title, [Column("block", "name"), *map(Column, kinds.values())], rows)


def regression_measures(lines: Iterable[Line]) -> list[str]:
    """Measures of regression collapse, NRC1 to NRC4, among the columns of lines; none of a classification."""
    found = {name for line in lines for name in line}
    return [name for name in REGRESSION_MEASURES if name in found]


def rows_text(mode: str | None, counts: Sequence[int]) -> str:
    """Text on the rows that were measured at the layers, by the mode of ``rows``; empty if that is not known.

    Examples
    --------
    >>> rows_text("each", [360, 40]), rows_text("mean", [40, 40]), rows_text(None, [40])
    ('each of 40 to 360 rows', 'means of the rows of 40 samples', '40 rows')
    """
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    number = f"{least}" if least == most else f"{least} to {most}"
    return _ROWS.get(mode or "", "{} rows").format(number)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _bar(share: float | None) -> str:
    """A bar from 0 to 1; the number beside it may lie outside."""
    if share is None:
        return ""
    filled = round(_BAR * min(1.0, max(0.0, share)))
    return f"{'█' * filled}{'░' * (_BAR - filled)}"
