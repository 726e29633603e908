"""Pages of deep networks: layers by block and kind, and the course of each kind along the depth."""

from __future__ import annotations

import pytest

from agop.network.kind import NETWORK
from agop.network.plots.blocks import block_findings
from agop.network.plots.collapse import network_numbers
from agop.network.plots.findings import network_findings
from agop.network.result import NetworkResult
from network.record.made import transformer

KINDS = ("attn.qkv", "mlp.fc")


def lines_of(nc1, depth=20, seeds=(0,), epochs=(0,), **columns):
    """Lines of blocks of two kinds, and of a head; NC1 is a function of block, kind, seed and epoch."""
    found = []
    for seed in seeds:
        for epoch in epochs:
            for k in range(depth):
                for kind in KINDS:
                    line = {"seed": seed, "epoch": epoch, "layer": f"blocks.{k}.{kind}", "stage": "input", "n_rows": 40}
                    found.append({**line, "nc1_trace_ratio": nc1(k, kind, seed, epoch), "nfa_pearson_root": 0.5})
            head = {"seed": seed, "epoch": epoch, "layer": "head", "stage": "input", "n_rows": 10}
            found.append({**head, "nc1_trace_ratio": 1e-3})
    return [{**line, **columns} for line in found]


def result(lines, name="run"):
    return NetworkResult(name, {"settings": {"rows": "each"}}, lines)


def plots_of(*results):
    return {plot.name: plot for plot in NETWORK.plots_of(results)}


def falling(k, kind, seed, epoch):
    """Only the second kind falls."""
    return 0.9**k * 2.0 if kind == "mlp.fc" else 4.0


def test_heat_map_of_blocks_and_kinds():
    plots = plots_of(result(lines_of(falling)))
    assert plots["nc1"].title == "NC1 along the network"
    chart = plots["blocks"].chart
    assert list(chart.charts) == ["NC1 φ", "NFA½"]
    found = chart.charts["NC1 φ"]
    assert list(found.x) == [*map(str, range(20)), "head"]
    assert "Block 0 is blocks.0." in plots["blocks"].caption
    assert list(found.y) == ["qkv", "fc", "other"]
    assert found.values[0] == [pytest.approx(4.0)] * 20 + [None]
    assert found.values[1] == [*(pytest.approx(2 * 0.9**k) for k in range(20)), None]
    assert found.values[2] == [None] * 20 + [pytest.approx(1e-3)]
    assert (found.log, chart.charts["NFA½"].log) == (True, False)


def test_curves_along_the_depth():
    chart = plots_of(result(lines_of(falling, seeds=(0, 1))))["depth"].chart.charts["NC1 φ"]
    assert list(chart.panels) == ["qkv", "fc"]
    (curve,) = chart.panels["fc"]
    assert list(curve.x) == list(map(str, range(20)))
    assert curve.y == pytest.approx([2 * 0.9**k for k in range(20)])


def test_findings_name_layers_in_words():
    """The parts that all names have in common are left out, and a number says what it counts."""
    results = [NetworkResult.of(transformer(10, 16))]
    said = [*network_findings(results), *(found for plot in NETWORK.plots_of(results) for found in plot.findings)]
    assert not [found.where for found in said if "model.layers" in found.where]
    assert "block 0 to lm_head" in next(found.where for found in said if found.quantity == "NC1")
    assert "input of q_proj of block 0" in [found.where for found in said]


def test_the_stream_is_one_point_a_block():
    """No line goes from one layer of a block to another, which may lie beside it."""
    (curve,) = plots_of(result(lines_of(falling)))["nc1"].chart.curves
    assert list(curve.x) == [*map(str, range(20)), "head"]
    assert curve.y == pytest.approx([4.0] * 20 + [1e-3])
    both = plots_of(result(lines_of(falling), "a"), result(lines_of(falling, depth=17), "b"))
    assert [(each.name, len(each.x)) for each in both["nc1"].chart.curves] == [("a", 21), ("b", 18)]


def test_the_largest_step_is_one_of_the_stream():
    """Within a block NC1 falls by 100 from one kind to the other, which is no step of the network."""

    def steep(k, kind, seed, epoch):
        return 0.01 if kind == "mlp.fc" else 4.0 * 0.5 ** (k > 9) * 0.99**k

    steps = [f.where for f in network_findings([result(lines_of(steep))]) if "step" in f.where]
    assert steps == ["largest fall of a step, to head"]
    headless = [line for line in lines_of(steep) if line["layer"] != "head"]
    steps = [f.where for f in network_findings([result(headless)]) if "step" in f.where]
    assert steps == ["largest fall of a step, to block 10"]


def test_networks_of_few_blocks_with_parallel_layers():
    kinds = ("q", "k", "v", "o", "up", "down")
    lines = [
        {"seed": 0, "epoch": 0, "layer": f"model.layers.{k}.{kind}", "stage": "input", "nc1_trace_ratio": 1.0 / (1 + k)}
        for k in range(4)
        for kind in kinds
    ]
    plots = plots_of(result(lines))
    assert list(plots["nc1"].chart.curves[0].x) == ["0", "1", "2", "3"]
    assert list(next(iter(plots["depth"].chart.charts.values())).panels) == list(kinds)


def test_only_kinds_that_fall_are_said_to():
    qkv, fc = block_findings([result(lines_of(falling))])
    assert (qkv.where, fc.where) == ("qkv, blocks 0 to 19", "fc, blocks 0 to 19")
    assert (qkv.course.direction, fc.course.direction) == ("same", "falls")
    assert (fc.quantity, fc.course.start, fc.value) == ("NC1 φ", pytest.approx(2), pytest.approx(2 * 0.9**19))
    rising = block_findings([result(lines_of(lambda k, *rest: 1.1**k))])
    assert {finding.course.direction for finding in rising} == {"rises"}


def test_a_fall_inside_the_spread_is_none():
    def spread(k, kind, seed, epoch):
        return (0.99 if seed % 2 else 1.01) ** k

    assert {f.course.direction for f in block_findings([result(lines_of(spread, seeds=(0, 1)))])} == {"unsettled"}


def test_means_are_told_of_many_layers():
    found = [f for f in network_findings([result(lines_of(falling))]) if f.quantity.startswith("correlation")]
    assert [(f.where, f.value) for f in found] == [("mean over the layers at the end", pytest.approx(0.5))]
    assert [f.where for f in plots_of(result(lines_of(falling)))["blocks"].findings if "corr" in f.quantity] == [
        "mean over the layers at the end"
    ]


def test_few_layers_are_not_grouped():
    assert "blocks" not in plots_of(result(lines_of(falling, depth=10)))
    assert block_findings([result(lines_of(falling, depth=10))]) == []


def test_courses_by_epoch_of_each_kind():
    plots = plots_of(result(lines_of(lambda k, kind, seed, epoch: 2.0 / (1 + epoch + k), epochs=(0, 1, 2))))
    chart = plots["nc1-map"].chart
    assert list(chart.charts) == ["qkv", "fc", "other"]
    found = chart.charts["fc"]
    assert list(found.y) == [f"fc of block {k}" for k in range(20)]
    assert found.values[3] == pytest.approx([2.0 / (4 + epoch) for epoch in range(3)])
    assert set(found.y) <= set(plots["nc1-epochs"].chart.charts)
    assert "nfa" not in plots  # 41 courses in one chart


def test_several_runs_are_on_the_same_axes_too():
    deep, other = result(lines_of(falling), "a"), result(lines_of(falling, depth=4), "b")
    plots = plots_of(deep, other)
    assert [curve.name for curve in plots["nc1"].chart.charts["φ (input)"].curves] == ["a", "b"]
    assert list(plots["blocks"].chart.charts) == ["a"]
    assert {finding.run for finding in plots["depth"].findings} == {"a"}


def test_rows_in_captions_and_table():
    run = result(lines_of(falling))
    plots = plots_of(run)
    for name in ("blocks", "depth"):
        assert plots[name].caption.endswith("Measured: each of 10 to 40 rows.")
    table = network_numbers(run)
    assert table.title == "Layers of run, each of 10 to 40 rows"
    assert list(table.columns[:3]) == ["block", "kind", "NC1 φ"]
    assert table.rows[1][:3] == ["0", "fc", "2"]
    assert table.rows[-1][:2] == ["head", "other"]
    unknown = NetworkResult("run", {"settings": {}}, lines_of(falling))
    assert "Measured: 10 to 40 rows." in plots_of(unknown)["blocks"].caption
    means = NetworkResult("run", {"settings": {"measure_rows": "mean"}}, lines_of(falling))
    assert "means of the rows of 10 to 40 samples" in plots_of(means)["blocks"].caption
    before = [{name: value for name, value in line.items() if name != "n_rows"} for line in lines_of(falling)]
    assert "Measured" not in plots_of(result(before))["blocks"].caption
