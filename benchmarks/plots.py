"""Pictures and tables of the benchmarks' results, from the JSON beside them: ``python -m benchmarks.plots``."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
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


def growth(found: Mapping[str, Any]) -> Figure:
    """Seconds and memory of a fit over the rows of the synthetic table."""
    results = found["curve"]["results"]
    rows = [entry["n"] for entry in results]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for name, growing in found["curve"]["growth_exponents"].items():
        label = f"{name}: rows$^{{{growing['overall']:.2f}}}$"
        seconds.loglog(rows, [entry[name]["seconds"] for entry in results], "o-", color=COLOURS[name], label=label)
        mib = [entry[name]["extra_bytes"] / 2**20 for entry in results]
        memory.loglog(rows, mib, "o-", color=COLOURS[name], label=name)
    for axes, title in ((seconds, "seconds of fit and test prediction"), (memory, "MiB beyond the data")):
        axes.set(xlabel="rows", title=title, xticks=rows)
        axes.set_xticklabels([f"{n:,}" for n in rows])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


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


def large(found: Mapping[str, Any]) -> list[list[str]]:
    """The fit to 100,000 rows beside that to 20,000."""
    fits = [(entry, "agop") for entry in found["curve"]["results"] if entry["n"] == 20_000]
    fits += [(entry, "agop-tree") for entry in found["large"]["results"]]
    head = ["estimator", "rows", "seconds", "MiB beyond the data", "R²"]
    return [head] + [
        [
            {"agop": "RFMRegressor", "agop-tree": "TreeRFMRegressor"}[name],
            f"{entry['n']:,}",
            f"{entry[name]['seconds']:.0f}",
            f"{entry[name]['extra_bytes'] / 2**20:.0f}",
            f"{entry[name]['r2']:.4f}",
        ]
        for entry, name in fits
    ]


def main() -> None:
    drawn: dict[str, Callable[[Mapping[str, Any]], Figure]] = {"synthetic": growth, "tables": errors}
    for name, draw in drawn.items():
        found = json.loads((RESULTS / f"{name}.json").read_text())
        with mpl.rc_context({"svg.hashsalt": "agop"}):
            draw(found).savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
    tables, synthetic, stated = (
        json.loads((RESULTS / f"{name}.json").read_text()) for name in ("tables", "synthetic", "left_out")
    )
    tables_of = {"tables": by_method(tables), "tables_ranks": ranks(tables), "large": large(synthetic)}
    for name, rows in {**tables_of, "left_out": left_out(stated)}.items():
        with (RESULTS / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
