"""Plots of deep networks: every layer by its block and its kind, and what becomes of each kind along the depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agop.charts.changes import Change
from agop.charts.chart import Choice, Curve, Curves, HeatMap, Panels
from agop.charts.document import Plot
from agop.charts.findings import Finding, at_most
from agop.charts.judging import of_each
from agop.charts.kind import by_run
from agop.charts.palette import color
from agop.charts.seed_curves import seed_caption, seed_curve
from agop.network.output_layer import output_layer
from agop.network.plots.findings import layer_findings, nfa_findings
from agop.network.plots.grouping import block_names, grouped, stream
from agop.network.plots.measures import Shown, shown_measures
from agop.network.record.blocks import Blocks
from agop.network.result import NetworkResult, rows_caption
from agop.runs import SeedSummary, select, summarize_along, values_of

__all__ = ["block_findings", "block_plots", "has_blocks", "stream_plot"]


@dataclass(frozen=True, eq=False)
class _Found:
    """A measure of every layer of a network at its last measurement."""

    blocks: Blocks
    shown: Shown
    values: Mapping[str, SeedSummary]

    def heat_map(self) -> HeatMap:
        """Kinds below each other, blocks side by side."""
        layers = {place: layer for layer, place in self.blocks.places.items()}
        rows = [[self._mean(layers.get((block, kind))) for block in self.blocks.blocks] for kind in self.blocks.kinds]
        names = list(self.blocks.kinds.values())
        blocks = list(block_names(self.blocks).values())
        return HeatMap("block", "kind", blocks, names, rows, self.shown.label, self.shown.log)

    def panels(self) -> Panels:
        """A panel for each kind that repeats, along the blocks that have any of them."""
        kinds, names = self.blocks.repeated, block_names(self.blocks)
        found = {self.blocks.places[layer][0] for kind in kinds for layer in self.blocks.depth(kind)}
        panels: dict[str, list[Curve]] = {}
        for kind in kinds:
            here = [layer for layer in self.blocks.depth(kind) if layer in self.values]
            by_block = {names[self.blocks.places[layer][0]]: self.values[layer] for layer in here}
            if by_block:
                at = [name for block, name in names.items() if block in found]
                panels[self.blocks.kinds[kind]] = [seed_curve(self.shown.label, by_block, color(0), at=at)]
        return Panels("block", self.shown.label, panels, log_y=self.shown.log)

    def _mean(self, layer: str | None) -> float | None:
        return self.values[layer].mean if layer is not None and layer in self.values else None


def block_plots(results: Sequence[NetworkResult]) -> list[Plot]:
    """Heat maps by block and kind, and curves along the depth, for networks of many layers in blocks that repeat."""
    found = {result.name: each for result in results if (each := _found(result))}
    if not found:
        return []
    maps = {name: _choice({each.shown.label: each.heat_map() for each in some}) for name, some in found.items()}
    depths = {
        name: {each.shown.label: panels for each in some if (panels := each.panels()).panels}
        for name, some in found.items()
    }
    every = [chart for charts in depths.values() for chart in charts.values()]
    drawn = [curve for chart in every for curves in chart.panels.values() for curve in curves]
    terms = ("NC1", "NFA", "attribution", "stage (network)", "seed band")
    return [
        Plot(
            "blocks",
            "Layers by block and kind",
            by_run(results, maps),
            [*layer_findings(results), *nfa_findings(results)],
            "At the last measurement, blocks in the order of their calls; means over seeds, geometric where colors go "
            f'by the logarithm. The kind "other" are layers in no block.{_named(results)} {rows_caption(results)}',
            terms,
        ),
        Plot(
            "depth",
            "Kinds of layers along the depth",
            by_run(results, {name: _choice(charts) for name, charts in depths.items()}),
            block_findings(results),
            "A panel for each kind of layer, since layers of one block may lie beside each other; blocks in their "
            f"order, at the last measurement{seed_caption(drawn)}. "
            f"{rows_caption(results)}",
            terms,
        ),
    ]


def has_blocks(results: Sequence[NetworkResult]) -> bool:
    """Whether there is one network, whose layers are told by block and kind."""
    return len(results) == 1 and bool(_found(results[0]))


def stream_plot(results: Sequence[NetworkResult]) -> Plot | None:
    """NC1 of the stream of the network, a point a block; None unless all networks have blocks."""
    curves: list[Curve] = []
    for run, result in enumerate(results):
        last = result.last
        blocks = grouped(values_of(last, "layer"))
        if blocks is None:
            return None
        names, found = block_names(blocks), summarize_along(select(last, stage="input"), "nc1_trace_ratio", "layer")
        here = {names[blocks.places[layer][0]]: found[layer] for layer in stream(blocks) if layer in found}
        curves += [seed_curve(result.name, here, color(run), at=list(names.values()))] if here else []
    if not curves:
        return None
    return Plot(
        "nc1",
        "NC1 along the network",
        Curves("block", "NC1", curves),
        layer_findings(results),
        "Of what the first layer of each block reads, the stream that all its layers add to; at the last measurement"
        f"{seed_caption(curves)}.{_named(results)} {rows_caption(results)}",
        ("NC1", "stage (network)", "seed band"),
    )


def _named(results: Sequence[NetworkResult]) -> str:
    """Sentence on names that the blocks are numbered without."""
    found = [grouped(values_of(result.last, "layer")) for result in results]
    pairs = [(full, short) for blocks in found if blocks for full, short in block_names(blocks).items()]
    numbers = [(full, short) for full, short in pairs if short.isdecimal() and full.endswith(f".{short}")]
    return f" Block {numbers[0][1]} is {numbers[0][0]}." if numbers else ""


def block_findings(results: Sequence[NetworkResult]) -> list[Finding]:
    """Course of the first measure, such as NC1 of the inputs, of each kind from its first to its last block."""

    def found(result: NetworkResult) -> list[Finding]:
        some = _found(result)
        return at_most(_courses(some[0])) if some else []

    return of_each(results, found)


def _courses(found: _Found) -> list[Finding]:
    findings = []
    for kind in found.blocks.repeated:
        layers = [layer for layer in found.blocks.depth(kind) if layer in found.values]
        if len(layers) > 1:
            first, last = (found.values[layers[place]] for place in (0, -1))
            names = block_names(found.blocks)
            ends = [names[found.blocks.places[layers[place]][0]] for place in (0, -1)]
            where = f"{found.blocks.kinds[kind]}, blocks {ends[0]} to {ends[1]}"
            change = Change.between(first, last, log=found.shown.log)
            findings.append(Finding.of(found.shown.label, where, change, last))
    return findings


def _choice(charts: Mapping[str, HeatMap] | Mapping[str, Panels]) -> Choice:
    return Choice("measure", dict(charts), start=next(iter(charts)))


def _found(result: NetworkResult) -> list[_Found]:
    """Measures that some layer has, of a network whose layers are grouped; none of others."""
    last = result.last
    blocks = grouped(values_of(last, "layer"))
    if blocks is None:
        return []
    found = []
    for shown in shown_measures(last):
        values = summarize_along(select(last, stage=shown.stage), shown.measure, "layer", log=shown.log)
        if shown.measure == "share":
            values = {layer: share for layer, share in values.items() if 0 <= share.mean <= 1}
        if shown.measure.startswith("nfa"):
            values.pop(output_layer(last) or "", None)
        if values:
            found.append(_Found(blocks, shown, values))
    return found
