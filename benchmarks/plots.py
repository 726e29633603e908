"""Pictures and tables of the benchmarks' results, from the JSON beside them: ``python -m benchmarks.plots``."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import Any

import matplotlib as mpl
import pandas as pd
from benchmarks.measuring import RESULTS
from benchmarks.table_methods import METHODS
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"agop": "#D55E00", "xrfm": "#0072B2", "kernel-ridge": "#009E73", "gradient-boosting": "#CC79A7"}

LARGE = {
    "machine": ("default", "#D55E00"),
    "centers": ("4,000 centers", "#0072B2"),
    "tree": ("tree of 20,000", "#009E73"),
}
"""Label and color of each method of ``large`` that is drawn where it was measured."""


def growth(found: Mapping[str, Any]) -> Figure:
    """Seconds and memory of a fit over the rows of the synthetic table, beside xrfm."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for name, growing in found["growth_exponents"].items():
        fits = [{"n": entry["n"], **entry[name]} for entry in found["results"]]
        _draw_fits(panels, fits, f"{name}: rows$^{{{growing['overall']:.2f}}}$", COLOURS[name])
    _finish(panels, [entry["n"] for entry in found["results"]])
    panels[0].set_title("seconds of fit and test prediction")
    return figure


def large(found: Mapping[str, Any]) -> Figure:
    """Seconds, memory and accuracy of fits up to a million rows; other sources than arrays as crosses."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for method, (label, colour) in LARGE.items():
        fits = [entry for entry in found["results"] if entry["method"] == method]
        arrays = [entry for entry in fits if entry["source"] == "array"]
        if not arrays:
            continue
        growing = found["growth_exponents"][f"{method}, array"]
        _draw_fits(panels, arrays, f"{label}: rows$^{{{growing['overall']:.2f}}}$", colour)
        _draw_fits(panels, [entry for entry in fits if entry["source"] != "array"], None, colour, "x")
    _finish(panels, sorted({entry["n"] for entry in found["results"]}))
    for axes in panels[1:]:
        axes.set_yscale("linear")
        axes.set_ylim(bottom=0)
    return figure


def _draw_fits(
    panels: Sequence[Axes], fits: Sequence[Mapping[str, Any]], label: str | None, colour: str, marks: str = "o-"
) -> None:
    """One method over the rows: seconds, memory and, where there is a third panel, what it leaves unexplained."""
    rows = [fit["n"] for fit in fits]
    seconds, memory, *accuracy = panels
    seconds.loglog(rows, [fit["seconds"] for fit in fits], marks, color=colour, label=label)
    memory.loglog(rows, [fit["extra_bytes"] / 2**20 for fit in fits], marks, color=colour)
    for axes in accuracy:
        axes.loglog(rows, [1 - fit["r2"] for fit in fits], marks, color=colour)


def _finish(panels: Sequence[Axes], rows: Sequence[int]) -> None:
    titles = ("seconds of a fit", "MiB beyond the data", "1 - R² on new rows")
    for axes, title in zip(panels, titles, strict=False):
        axes.set(xlabel="rows", title=title, xticks=rows)
        axes.set_xticklabels([f"{n // 1000:,}k" for n in rows])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize="small")


def errors(found: Mapping[str, Any]) -> Figure:
    """Error of each method on each table, over the smallest mean error there."""
    records = found["results"]
    tables = list(dict.fromkeys(record["table"] for record in records))
    figure = Figure(figsize=(9, 0.55 * len(tables) + 1.4), layout="constrained")
    axes: Axes = figure.subplots()
    for row, table in enumerate(tables):
        by_method = {
            method: [r["error"] for r in records if (r["table"], r["method"]) == (table, method) and "error" in r]
            for method in METHODS
        }
        best = min(fmean(values) for values in by_method.values() if values)
        for place, (method, values) in enumerate(by_method.items()):
            y = row + 0.15 * (place - 1.5)
            axes.plot([v / best for v in values], [y] * len(values), ".", ms=4, color=COLOURS[method], alpha=0.5)
            if values:
                label = method if row == 0 else None
                axes.plot(fmean(values) / best, y, "o", ms=7, color=COLOURS[method], label=label)
    axes.set(yticks=range(len(tables)), xlabel="error / smallest mean error (small dots: single splits)", xscale="log")
    axes.set_yticklabels([table.replace("_", " ") for table in tables])
    axes.set_xticks([1, 1.2, 1.5, 2, 3], ["1", "1.2", "1.5", "2", "3"])
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def by_method(found: Mapping[str, Any]) -> list[list[str]]:
    """A row for each table and method: mean error, and medians over the splits of seconds and memory."""
    records = pd.DataFrame(found["results"])
    head = ["table", "method", "error", "fit s", "predict s", "peak MiB"]
    rows = [head]
    for table, method in product(records["table"].unique(), METHODS):
        part = records[(records["table"] == table) & (records["method"] == method)]
        medians = part[["fit_seconds", "predict_seconds", "peak_mib"]].median()
        numbers = [f"{part['error'].mean():.4f}", *(f"{value:.2f}" for value in medians)]
        rows.append([table, method, *(number.replace("nan", "–") for number in numbers)])
    return rows


def ranks(found: Mapping[str, Any]) -> list[list[str]]:
    """A row for each method: mean rank, wins, failures and the longest fit, over all tables and splits."""
    head = ["method", "mean rank", "best of", "failures", "longest fit s", "largest peak MiB"]
    return [head] + [
        [
            entry["method"],
            f"{entry['mean_rank']:.2f}",
            f"{entry['wins']} of {entry['splits']}",
            str(entry["failures"]),
            f"{entry['longest_fit_seconds']:.0f}",
            f"{entry['largest_peak_mib']:.0f}",
        ]
        for entry in found["summary"]
    ]


def left_out(found: Mapping[str, Any]) -> list[list[str]]:
    """What estimators state of a problem and what is true, means over the draws."""
    head = ["problem", "rows", "stated", "true", "difference and its standard error"]
    return [head] + [
        [
            entry["problem"],
            f"{entry['n']:,}",
            f"{entry['stated']:.3f}",
            f"{entry['true']:.3f}",
            f"{entry['gap']:+.3f} ± {entry['gap_error']:.3f}",
        ]
        for entry in found["results"]
    ]


def small(found: Mapping[str, Any]) -> list[list[str]]:
    """A row for each method on small problems: mean ranks, how often it beats agop or loses, and processor seconds."""
    kinds = {"mean_rank_sample": "samples", "mean_rank_own": "own tables", "mean_rank_made_up": "made up"}
    head = ["method", "mean rank", *kinds.values(), "of log loss", "better than agop", "worse", "processor s"]
    rows = [head]
    for entry in found["summary"]:
        ranks = [entry[name] for name in ("mean_rank", *kinds, "mean_rank_of_log_loss")]
        against = ["", ""] if entry["method"] == "agop" else [entry["better_than_agop"], entry["worse_than_agop"]]
        cells = ["–" if rank is None else f"{rank:.2f}" for rank in ranks]
        rows.append([entry["method"], *cells, *map(str, against), f"{entry['processor_seconds']:.0f}"])
    return rows


def main() -> None:
    drawn: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"synthetic": growth, "large": large, "tables": errors}
    for name, draw in drawn.items():
        with mpl.rc_context({"svg.hashsalt": "agop"}):
            draw(_read(name)).savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
    tables = _read("tables")
    listed = {
        "tables": by_method(tables),
        "tables_ranks": ranks(tables),
        "small_tables": small(_read("small_tables")),
        "left_out": left_out(_read("left_out")),
    }
    for name, rows in listed.items():
        with (RESULTS / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


if __name__ == "__main__":
    main()
