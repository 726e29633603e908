"""Chance and superclasses of a measured network."""

from __future__ import annotations

import json
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import nn

import agop
from agop.collapse import Chance, Superclasses
from agop.errors import InputError, MemoryBudgetError
from agop.moments import ClassMoments
from agop.network import NetworkRecord
from agop.network.passes.random_labels import sums_by_label
from network.models import Convolutional, batches, data, mlp, seeded
from oracles import collapse as oracles_collapse
from sampling import is_share


def test_sums_by_label_are_the_moments_of_those_labels():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(40, 3, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (40, 2), generator=generator)
    found = Chance.of_sums(sums_by_label(rows, labels, 4))
    x = rows.flatten(0, 1).numpy()
    for measure in ("nc1_trace_ratio", "nc2_gram_mse"):
        values = [
            getattr(oracles_collapse, measure)(x, drawn.repeat_interleave(3).numpy(), 4) for drawn in labels.unbind(1)
        ]
        assert found.least[measure] == pytest.approx(min(values), rel=1e-9)
        assert found.largest[measure] == pytest.approx(max(values), rel=1e-9)


def test_another_draw_lies_in_the_range_as_often_as_is_said():
    """Labels that have nothing to do with the features: 19 draws have 90 %."""
    generator = torch.Generator().manual_seed(0)
    inside = []
    for _ in range(400):
        x = torch.randn(30, 6, generator=generator)
        draws = [ClassMoments.of(x, torch.randint(3, (30,), generator=generator), 3) for _ in range(20)]
        chance = Chance.of(draws[1:])
        value = agop.collapse.nc1_trace_ratio(draws[0].drop_empty())
        inside.append(chance.least["nc1_trace_ratio"] <= value <= chance.largest["nc1_trace_ratio"])
    assert chance.level == 0.9
    assert is_share(sum(inside), 400, 0.9)


@pytest.mark.parametrize("sort", [False, True])
def test_chance_of_a_network(sort):
    """Also where each batch has samples of one class alone; NC1 is about (N - C) / (C - 1)."""
    x, y = data(90)
    order = torch.argsort(y) if sort else torch.arange(90)
    record = agop.measure(seeded(mlp), batches(x[order], y[order], (30, 30)), chance=39)
    for layer in record.values():
        for name in ("input", "linear"):
            stage = layer.stages[name]
            least, largest = (end["nc1_trace_ratio"] for end in (stage.chance.least, stage.chance.largest))
            assert least < (90 - 3) / (3 - 1) < largest
            assert stage.collapse.nc1_trace_ratio < least
            assert 0 <= stage.chance.least["nc2_gram_mse"] < stage.chance.largest["nc2_gram_mse"]
    line = next(record.lines())
    assert line["nc1_trace_ratio_chance_least"] == record["0"].stages["input"].chance.least["nc1_trace_ratio"]
    json.dumps(list(record.lines()))


def test_a_draw_of_one_class_alone_says_nothing():
    """Of a class with 2 of 60 samples two draws in five have none or one."""
    x, _ = data(60)
    stage = agop.measure(seeded(mlp), [(x, (torch.arange(60) < 2).long())], chance=39)["0"].stages["input"]
    assert 8 < stage.chance.n_draws < 39
    assert stage.chance.least["nc1_trace_ratio"] < stage.chance.largest["nc1_trace_ratio"]
    nothing = Chance.of([ClassMoments.of(x[:, :1], torch.zeros(60, dtype=torch.int64), 2)])
    assert (nothing.n_draws, nothing.level, nothing.as_dict()) == (0, 0, {})


def test_labels_of_noise_are_at_chance():
    """Their NC1 and NC2 lie in the range of 19 draws as often as it is said to hold them."""
    generator, y = torch.Generator().manual_seed(3), torch.arange(80) % 3
    inside = {"nc1_trace_ratio": 0, "nc2_gram_mse": 0}
    for _ in range(60):
        x = torch.randn(80, 5, generator=generator, dtype=torch.float64)
        stage = agop.measure(seeded(mlp), [(x, y)], layers="0", chance=19)["0"].stages["input"]
        for name in inside:
            inside[name] += stage.chance.least[name] <= stage.collapse.values[name] <= stage.chance.largest[name]
    assert all(is_share(count, 60, 0.9) for count in inside.values()), inside


def test_rows_of_a_sample_have_its_label():
    """With eight equal rows a sample chance is that of the samples, and not of eight times as many."""
    x, y = data(60, (2, 3, 3))
    x = x[:, :, :1, :1].expand(-1, -1, 3, 3).contiguous()
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 1), (3, 3)))
    each, mean = (agop.measure(model, [(x, y)], chance=39, rows=rows)["conv"] for rows in ("each", "mean"))
    for name, value in mean.stages["input"].chance.largest.items():
        assert each.stages["input"].chance.largest[name] == pytest.approx(value, rel=1e-6)


class PassesOver(list):
    """Batches that count how often they were gone through."""

    count = 0

    def __iter__(self):
        self.count += 1
        return super().__iter__()


GROUPS = {"first": {0: 0, 1: 1, 2: 1}, "last": {0: 0, 1: 0, 2: 1}}


def test_several_labelings_in_one_pass(tmp_path):
    x, y = data(60)
    model = seeded(mlp)
    record = agop.measure(model, batches(x, y), superclasses=GROUPS)
    for layer in record.values():
        for name in ("input", "linear"):
            stage = layer.stages[name]
            for group, grouping in GROUPS.items():
                assert stage.superclasses[group] == Superclasses.of(stage.moments, list(grouping.values()))
    lines = list(record.lines())
    assert lines[0]["superclass_structure/first"] == record["0"].stages["input"].superclasses["first"].structure
    features = x.numpy()
    grouped = np.array([GROUPS["last"][label] for label in y.tolist()])
    expected = oracles_collapse.nc1_trace_ratio(features, grouped, 2)
    assert lines[0]["superclass_nc1/last"] == pytest.approx(expected, rel=1e-9)
    record.save(tmp_path / "record.safetensors")
    loaded = NetworkRecord.load(tmp_path / "record.safetensors")
    assert list(loaded.lines()) == lines
    assert list(loaded["0"].compact().lines()) == list(record["0"].compact().lines())


def test_chance_is_lost_where_records_merge():
    x, y = data(60)
    model = seeded(mlp)
    one, other = (agop.measure(model, [(x, y)], chance=chance) for chance in (3, 0))
    for merged in (one.merge(other), other.merge(one)):
        assert [note for note in merged.notes if note.endswith("no level of chance")]
        assert not any("chance" in column for line in merged.lines() for column in line)


@pytest.mark.parametrize("sort", [False, True])
def test_superclasses_of_merged_records_are_those_of_all_samples(tmp_path, sort):
    """Also where each part is of one class alone, which shows nothing of superclasses."""
    x, y = data(60)
    order = torch.argsort(y) if sort else torch.arange(60)
    x, y, model = x[order], y[order], seeded(mlp)
    ends = [0, *(y.bincount().cumsum(0).tolist() if sort else (20, 45, 60))]
    options = {"superclasses": GROUPS, "second_pass": False}
    for k, (start, stop) in enumerate(pairwise(ends)):
        part = agop.measure(model, [(x[start:stop], y[start:stop])], **options)
        assert bool(part["0"].stages["input"].superclasses) != sort
        part.save(tmp_path / f"{k}.safetensors")
    merged = NetworkRecord.of_parts(NetworkRecord.load(tmp_path / f"{k}.safetensors") for k in range(3))
    whole = agop.measure(model, batches(x, y), **options)
    assert merged.settings == whole.settings
    for layer, name, group in product(whole, ("input", "linear"), GROUPS):
        found, expected = (record[layer].stages[name].superclasses[group] for record in (merged, whole))
        assert found.structure == pytest.approx(expected.structure, rel=1e-9)
        assert (found.chance, found.nc1) == (expected.chance, pytest.approx(expected.nc1, rel=1e-9))
    assert not any("superclasses" in note for note in merged.notes)


def test_superclasses_that_differ_are_left_out_of_merged_records():
    x, y = data(60)
    model, other = seeded(mlp), {"first": GROUPS["first"], "last": {0: 1, 1: 0, 2: 0}}
    parts = [agop.measure(model, [(x, y)], superclasses=groups) for groups in (GROUPS, other, GROUPS)]
    for records in (parts[:2], parts, parts[1:]):
        merged = NetworkRecord.of_parts(records)
        assert list(merged["0"].stages["input"].superclasses) == ["first"]
        assert merged.settings["superclasses"] == {"first": GROUPS["first"]}
        assert [note for note in merged.notes if note.endswith("no superclasses last")]
    without = parts[0].merge(agop.measure(model, [(x, y)]))
    assert [note for note in without.notes if note.endswith("no superclasses first, no superclasses last")]


def test_memory_of_the_sums_by_random_labels_counts_from_the_first_batch_on():
    x, y = data(60)
    model = seeded(mlp)
    agop.measure(model, batches(x, y), chance=2, max_memory=10**5)
    with pytest.raises(MemoryBudgetError):
        agop.measure(model, batches(x, y), chance=2000, max_memory=10**6)


def test_memory_of_the_classes_of_all_batches_counts():
    """One class a batch: 15 kB for the first of them, 0.3 MB for 30."""
    x, y = data(60, (200,), n_classes=30)
    model, parts = seeded(lambda: mlp(widths=(200, 3))), [(x[y == k], y[y == k]) for k in range(30)]
    options = {"max_memory": 150_000, "second_pass": False}
    agop.measure(model, parts[:5], **options)
    with pytest.raises(MemoryBudgetError):
        agop.measure(model, parts, **options)


def test_options_that_do_not_fit():
    x, y = data(30)
    model = seeded(mlp)
    for options in (
        {"chance": 1},
        {"chance": 5, "second_pass": False},
        {"chance": -1},
        {"chance": 5, "collapse": False},
    ):
        with pytest.raises(InputError, match="2 draws or more"):
            agop.measure(model, [(x, y)], **options)
    with pytest.raises(InputError, match="superclass of every class in 'odd', got none of class 2"):
        agop.measure(model, [(x, y)], superclasses={"odd": {0: 0, 1: 1}})
    passes = PassesOver(batches(x, y.clamp(max=1)))
    with pytest.raises(InputError, match=r"'first' from 0 on, two or more and fewer .*, got 0, 1 of 2 classes"):
        agop.measure(model, passes, superclasses=GROUPS)
    assert passes.count == 1  # before the second pass
    for options, match in (({"chance": 5}, "random labels"), ({"superclasses": GROUPS}, "superclasses")):
        with pytest.raises(InputError, match=f"classes for {match}, got targets of a regression"):
            agop.measure(model, [(x, x[:, :3].sin())], **options)
