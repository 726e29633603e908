"""Plots of networks: collapse by layer and by epoch, what makes it, and the neural feature ansatz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from agop.charts.chart import Chart, Choice, Curves, Dash, HeatMap
from agop.charts.document import NumberTable, Plot
from agop.charts.kind import MakePlots, by_run
from agop.charts.palette import color, shade
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.network.output_layer import output_layer
from agop.network.plots.attribution import attribution_plot, share_findings
from agop.network.plots.blocks import block_plots, has_blocks, stream_plot
from agop.network.plots.findings import epoch_findings, layer_findings, map_findings, nfa_findings, unit_of
from agop.network.plots.grouping import block_names, choice_names, grouped, in_words, told_names
from agop.network.plots.measures import STAGES, by_column, shown_measures
from agop.network.plots.pictures import agop_plot, eigenvector_plot, means_plot
from agop.network.plots.regression import regression_plot
from agop.network.plots.scores import score_plot
from agop.network.result import NetworkResult, rows_caption
from agop.runs import last_measured, select, summarize_along, values_of

__all__ = ["NETWORK_PLOTS", "network_numbers"]

_NC1 = "nc1_trace_ratio"

_DASHES: dict[str, Dash] = {"input": "solid", "linear": "dash", "output": "dot"}

_POWERS = {"nfa_pearson_root": "AGOP½", "nfa_pearson": "AGOP"}
"""Name of each power in the ansatz."""


def network_numbers(result: NetworkResult) -> NumberTable:
    """A row a layer at the last measurement: NC1 of the stages, the share of W, NFA, NC2; means over seeds.

    Of a regression NRC1 to NRC4. Layers of a deep network are told by their block and their kind.
    """
    last = result.last
    columns: dict[str, tuple[dict[str, float], str]] = {}
    for shown in shown_measures(last):
        found = summarize_along(select(last, stage=shown.stage), shown.measure, "layer", log=shown.log)
        skipped = output_layer(last) if shown.measure.startswith("nfa") else None
        columns[shown.label] = {layer: each.mean for layer, each in found.items() if layer != skipped}, shown.form
    if "share of W" in columns:
        told = {each.where: each.value for each in share_findings(last) if each.value is not None}
        shares = {layer: told[name] for layer, name in told_names(values_of(last, "layer")).items() if name in told}
        columns["share of W"] = shares, ".2f"
    layers = values_of(last, "layer")
    title = ", ".join(filter(None, [f"Layers of {result.name}", result.rows]))
    table = NumberTable.of(title, ("layer", layers), columns)
    blocks = grouped(layers)
    if blocks is None:
        return table
    names = block_names(blocks)
    places = [[names[block], blocks.kinds[kind]] for block, kind in blocks.places.values()]
    rows = [[*place, *row[1:]] for place, row in zip(places, table.rows, strict=True)]
    return NumberTable(title, ["block", "kind", *table.columns[1:]], rows, words=("kind",))


def _course_plots(results: Sequence[NetworkResult]) -> list[Plot]:
    """Collapse along the network: of its stream where it has blocks, or else of every layer."""
    stream = stream_plot(results)
    by_layer = [] if stream or has_blocks(results) else [_layer_plot(results), regression_plot(results)]
    return [plot for plot in (stream, *by_layer) if plot is not None]


def _layer_plot(results: Sequence[NetworkResult]) -> Plot | None:
    last = [result.last for result in results]
    layers = _layers(results)
    charts = {}
    for place, (stage, label) in enumerate(STAGES.items()):
        curves = [
            seed_curve(result.name if len(results) > 1 else label, found, paint, at=layers)
            for run, (result, lines) in enumerate(zip(results, last, strict=True))
            if (found := summarize_along(select(lines, stage=stage), _NC1, "layer"))
            for paint in [color(run if len(results) > 1 else place)]
        ]
        if curves:
            charts[label] = Curves("layer", "NC1", curves)
    if not charts:
        return None
    chart: Chart = Choice("stage", charts, start=next(iter(charts)))
    if len(results) == 1:
        chart = Curves("layer", "NC1", [curve for part in charts.values() for curve in part.curves])
    return Plot(
        "nc1",
        "NC1 by layer",
        chart,
        layer_findings(results),
        f"At the last measurement, layers in the order of their calls; geometric means over seeds{_seeds_of(charts)}. "
        f"{rows_caption(results)}",
        ("NC1", "stage (network)", "seed band"),
    )


def _map_plot(results: Sequence[NetworkResult]) -> Plot | None:
    charts: dict[str, Chart] = {}
    names = choice_names(_layers(results))
    for result in results:
        inputs = select(result.lines, stage="input")
        epochs, layers = sorted(values_of(inputs, "epoch")), values_of(inputs, "layer")
        rows = {layer: summarize_along(part, _NC1, "epoch") for layer, part in by_column(inputs, "layer").items()}
        if len(epochs) < 2 or not any(rows.values()):
            continue
        maps = {
            kind: HeatMap(
                result.unit,
                "layer",
                epochs,
                [names[layer] for layer in some],
                [[rows[layer][epoch].mean if epoch in rows[layer] else None for epoch in epochs] for layer in some],
                "NC1 of φ",
                log=True,
                picks="layer",
            )
            for kind, some in _by_kind(layers).items()
        }
        charts[result.name] = next(iter(maps.values())) if len(maps) == 1 else Choice("kind", maps)
    if not charts:
        return None
    return Plot(
        "nc1-map",
        f"NC1 by layer and {unit_of(results)}",
        by_run(results, charts),
        map_findings(results),
        "NC1 of what each layer reads, a geometric mean over seeds. Click a layer, or choose it in the next plot, for "
        f"its curves. {rows_caption(results)}",
        ("NC1", "stage (network)"),
    )


def _by_kind(layers: Sequence[str]) -> dict[str, list[str]]:
    """Layers of a deep network by kind; all together for others."""
    blocks = grouped(layers)
    return (
        {"all": list(layers)} if blocks is None else {name: blocks.depth(kind) for kind, name in blocks.kinds.items()}
    )


def _epoch_plot(results: Sequence[NetworkResult]) -> Plot | None:
    charts, lines = {}, [by_column(result.lines, "layer") for result in results]
    for layer, told in choice_names(_layers(results)).items():
        curves = []
        for run, (result, by_layer) in enumerate(zip(results, lines, strict=True)):
            here = by_layer.get(layer, [])
            for place, (stage, label) in enumerate(STAGES.items()):
                found = summarize_along(select(here, stage=stage), _NC1, "epoch")
                if len(found) > 1 and (len(results) == 1 or stage in _DASHES):
                    name = label if len(results) == 1 else f"{result.name}, {label}"
                    dash = "solid" if len(results) == 1 else _DASHES[stage]
                    paint = color(place if len(results) == 1 else run)
                    curves.append(seed_curve(name, dict(sorted(found.items())), paint, dash))
        if curves:
            charts[told] = Curves(unit_of(results), "NC1", curves)
    if not charts:
        return None
    return Plot(
        "nc1-epochs",
        f"NC1 of a layer by {unit_of(results)}",
        Choice("layer", charts),
        epoch_findings(results),
        f"Geometric means over seeds{_seeds_of(charts)}.",
        ("NC1", "stage (network)", "seed band"),
    )


def _nfa_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """Courses of one network, or by layer at the last measurement; None where these stand by block and kind."""
    if has_blocks(results):
        return None
    charts, skipped = {}, [output_layer(result.last) for result in results]
    inputs = [
        [line for line in select(result.lines, stage="input") if line["layer"] != layer]
        for result, layer in zip(results, skipped, strict=True)
    ]
    layers = values_of((line for lines in inputs for line in lines), "layer")
    courses = len(results) == 1 and len(values_of(inputs[0], "epoch")) > 1
    for measure, power in _POWERS.items():
        if courses:
            curves = [
                seed_curve(in_words(layer), dict(sorted(found.items())), shade(k, len(layers)), limits=(-1, 1))
                for k, (layer, here) in enumerate(by_column(inputs[0], "layer").items())
                if (found := summarize_along(here, measure, "epoch", log=False))
            ]
        else:
            last = [summarize_along(last_measured(lines), measure, "layer", log=False) for lines in inputs]
            curves = [
                seed_curve(result.name, found, color(run), at=layers, limits=(-1, 1))
                for run, (result, found) in enumerate(zip(results, last, strict=True))
                if found
            ]
        if curves:
            axis = results[0].unit if courses else "layer"
            charts[power] = Curves(axis, "correlation of the entries", curves, log_y=False)
    if not charts:
        return None
    return Plot(
        "nfa",
        "Neural feature ansatz",
        Choice("power", charts, start=next(iter(charts))),
        nfa_findings(results),
        "Pearson's correlation over the entries of WᵀW and of the AGOP or its root; means over "
        f"seeds{_seeds_of(charts)}.{_skipped(skipped)}",
        ("NFA", "NFM", "AGOP", "seed band"),
    )


def _skipped(layers: Sequence[str | None]) -> str:
    """Sentence on layers that are not compared."""
    names = ", ".join(dict.fromkeys(in_words(layer) for layer in layers if layer))
    return f" Without {names}: the AGOP of the layer that makes the outputs is WᵀW by definition." if names else ""


def _seeds_of(charts: Mapping[str, Curves]) -> str:
    return seed_caption(curve for chart in charts.values() for curve in chart.curves)


def _layers(results: Sequence[NetworkResult]) -> list[str]:
    """Layers of all runs in the order of their calls."""
    return list(dict.fromkeys(layer for result in results for layer in values_of(result.lines, "layer")))


NETWORK_PLOTS: tuple[MakePlots, ...] = (
    _course_plots,
    block_plots,
    _map_plot,
    _epoch_plot,
    attribution_plot,
    _nfa_plot,
    agop_plot,
    eigenvector_plot,
    means_plot,
    partial(score_plot, measure="loss"),
    partial(score_plot, measure="accuracy"),
)
"""Plots of networks, in the order in which they are read."""
