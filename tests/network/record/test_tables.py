"""Tables of records: what is measured is said, and a deep network is read in one screen."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console

import agop
from agop.errors import InputError
from agop.network.record.samples import SeenSamples
from network.models import Convolutional, batches, data, mlp, seeded
from network.record.made import transformer


def printed(table, width=80):
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


@pytest.fixture(scope="module")
def deep():
    return transformer()


def test_a_screen_of_211_layers(deep):
    assert len(deep) == 211
    text = printed(deep.table())
    assert len(text.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 80
    cells = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(" layers.")}
    assert len(cells) == 30
    kinds = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert [line.split()[1:] for line in text.splitlines() if line.startswith(" block")] == [list(kinds)]
    for k in (0, 17, 29):
        layers = [layer for name, layer in deep.items() if name.startswith(f"model.layers.{k}.")]
        assert cells[f"layers.{k}"] == [f"{layer.input.nc1_trace_ratio:.3g}" for layer in layers]
    assert f"lm_head {deep['lm_head'].input.nc1_trace_ratio:.3g}" in " ".join(text.split())


def test_other_measures_by_block(deep):
    text = printed(deep.block_table("nc1_trace_ratio", "output"))
    row = next(line for line in text.splitlines() if "layers.3 " in line).split()
    gate = f"{deep['model.layers.3.mlp.gate_proj'].output.nc1_trace_ratio:.3g}"
    assert row == ["layers.3", gate]  # no other layer has such a stage
    text = printed(deep.block_table("nfa_pearson_root"))
    assert f"{deep['model.layers.3.mlp.up_proj'].nfa.pearson_root:.3g}" in text
    with pytest.raises(InputError, match="nc1_trace_ratio"):
        deep.block_table("nc1")
    with pytest.raises(InputError, match="activation"):
        deep.block_table("activation")
    with pytest.raises(InputError, match="stage"):
        deep.block_table("nc1_trace_ratio", "inputs")


def test_a_record_of_few_layers_has_a_row_for_each():
    x, y = data(40)
    record = agop.measure(seeded(mlp), batches(x, y))
    assert len([line for line in printed(record.table(), 120).splitlines() if line.split()[:1] in (["0"], ["2"])]) == 2
    with pytest.raises(InputError, match="blocks"):
        record.block_table("nc1_trace_ratio")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [("each", "each of 12 to 108 rows"), ("mean", "means of the rows of 12 samples"), ("flatten", "12 vectors of all")],
)
def test_which_rows_were_measured(rows, expected):
    x, y = data(12, (2, 5, 5))
    model = seeded(lambda: Convolutional(torch.nn.Conv2d(2, 3, 3), (5, 5)))
    record = agop.measure(model, [(x, y)], rows=rows)
    assert expected in " ".join(printed(record.table(), 200).split())


def test_without_classes_or_accuracy(deep):
    layers = dict(list(deep.items())[:3])
    samples = SeenSamples(10, 0, 1, None, None)
    text = printed(replace(deep, layers=layers, samples=samples).table(), 120)
    assert "classes" not in text
    assert "accuracy" not in text
    assert "None" not in text


def test_without_collapse():
    x, y = data(40)
    text = printed(agop.measure(seeded(mlp), batches(x, y), collapse=False).table())
    assert "NFA½" in text
    assert "NC1" not in text
    assert "share" not in text


def test_the_level_of_chance_is_beside_the_measures():
    x, y = data(40)
    model = seeded(mlp)
    record = agop.measure(model, [(x, y)], chance=5)
    text = printed(record.table(), 200)
    assert "NC1 chance ≥" in text
    assert "NC2 chance ≥" in text
    for layer in record.values():
        assert f"{layer.stages['input'].chance.least['nc1_trace_ratio']:.3g}" in text
    assert "chance" not in printed(agop.measure(model, [(x, y)]).table(), 200)
