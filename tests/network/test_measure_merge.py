"""Records merge, are saved and loaded."""

from __future__ import annotations

import copy
import gc
import json
import weakref
from dataclasses import replace
from functools import reduce

import pytest
import torch
from torch import nn

import agop
from agop.errors import AgopError, InputError
from agop.network import NetworkRecord
from agop.network.passes.gradients import LayerGradients
from agop.network.record import layer as record_of_layer
from network.models import N_CLASSES, Convolutional, Function, Shared, batches, data, mlp, seeded
from network.same_records import assert_same


def measured(n=40, **options):
    x, y = data(n)
    model = seeded(mlp)
    return model, x, y, agop.measure(model, batches(x, y), **options)


AT_ONCE = {"nc1_pinv", "nc4_agreement"}
"""Measures that class moments and outer products do not determine."""


def assert_merged(merged, whole):
    """The numbers of the whole, but for those that need all data at once, which are None."""
    assert (merged.n_samples, merged.n_dropped, merged.classes) == (whole.n_samples, whole.n_dropped, whole.classes)
    assert merged.accuracy == (None if whole.accuracy is None else pytest.approx(whole.accuracy, rel=1e-12))
    found = {(line["layer"], line["stage"]): line for line in merged.lines()}
    expected = {(line["layer"], line["stage"]): line for line in whole.lines()}
    assert found.keys() == {place for place in expected if not place[1].startswith("agop")}
    for place, line in found.items():
        for name, value in expected[place].items():
            if name in AT_ONCE or name == "agop_error":
                assert line[name] is None, (place, name)
            elif value is None or isinstance(value, str):
                assert line[name] == value, (place, name)
            else:
                close = {"abs": 1e-6} if name == "nfa_best_power" else {"rel": 1e-10, "abs": 1e-13}
                assert line[name] == pytest.approx(value, **close), (place, name)
    for name in whole:
        torch.testing.assert_close(merged[name].agop, whole[name].agop, rtol=1e-10, atol=1e-12)
        assert merged[name].rows == pytest.approx(whole[name].rows, rel=1e-12)
    assert any("merged" in note for note in merged.notes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_merge_equals_whole(rows, dtype):
    """Halves of batches of one size, so that float32 rounds alike in them and in the whole; samples from elsewhere."""
    x, y = data(24, (2, 5, 5), dtype=dtype)
    dealt = y.argsort().view(6, 4).mT.ravel()  # so that no batch is of one class
    x, y = x[dealt], y[dealt]
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 3), (5, 5), nn.ReLU())).to(dtype)
    outside = data(9, (2, 5, 5), seed=5, dtype=dtype)
    parts = [(x[k : k + 6], y[k : k + 6]) for k in range(0, 24, 6)]
    options = {"rows": rows, "ood_loader": [outside]}
    whole = agop.measure(model, parts, **options)
    assert whole["head"].input.nc3_self_duality > 0
    assert whole["conv"].input.nc5_orthogonality > 0
    a, b, c = (agop.measure(model, some, **options) for some in (parts[:2], parts[2:3], parts[3:]))
    for merged in (a.merge(b).merge(c), a.merge(b.merge(c))):
        assert_merged(merged, whole)
        merged.table()


def test_note_of_what_merging_loses():
    model, x, y, record = measured()
    lost = lambda *parts: [note for note in NetworkRecord.of_parts(parts).notes if note.startswith("merged")]  # noqa: E731
    assert lost(record, record, record) == ["merged: no NC1 pinv, no NC4, no stages after the AGOP"]
    assert lost(record.merge(record), record) == ["merged: no NC1 pinv, no NC4, no stages after the AGOP"]
    of_numbers = agop.measure(model, [(x, x[:, :2])])
    assert lost(of_numbers, of_numbers) == ["merged: no stages after the AGOP"]
    random = agop.measure(model, [(x, y)], outputs=agop.Rademacher(2, 0), collapse=False)
    assert lost(random, random) == ["merged: no error of the AGOP"]
    agops = agop.measure(model, [(x, y)], collapse=False)
    assert lost(agops, agops) == []


def by_class(x, y):
    return [[(x[y == label], y[y == label])] for label in y.unique()]


def test_parts_of_one_class_each_make_the_whole():
    """As the tasks of an array job have it, on data that are sorted by class."""
    x, y = data(40)
    model, order = seeded(mlp), torch.argsort(y)
    whole = agop.measure(model, [(x[order], y[order])])
    parts = [agop.measure(model, part, second_pass=False) for part in by_class(x, y)]
    alone = "class 2 alone, no means to compare: no collapse until parts with others are merged"
    assert alone in parts[2].notes
    assert not any("scores of" in note for part in parts for note in part.notes)  # one class cannot tell
    for layer in parts[2].values():
        assert (layer.input, layer.linear, layer.output) == (None, None, None)
        assert layer.agop is not None
    assert NetworkRecord.of_parts(parts[2:]) is parts[2]
    assert "1 class," in parts[2].table().title
    assert "nc1_trace_ratio/4/input" not in parts[2].scalars()
    merged = parts[0].merge(*parts[1:])
    assert whole["4"].input.nc3_self_duality > 0
    assert_merged(merged, whole)
    assert not any("alone" in note for note in merged.notes)


def test_a_part_of_one_class_is_saved(tmp_path):
    x, y = data(40)
    parts = [agop.measure(seeded(mlp), part, second_pass=False) for part in by_class(x, y)]
    for k, part in enumerate(parts):
        part.save(tmp_path / f"{k}.safetensors")
    loaded = NetworkRecord.of_parts(NetworkRecord.load(tmp_path / f"{k}.safetensors") for k in range(len(parts)))
    assert json.dumps(list(loaded.lines())) == json.dumps(list(NetworkRecord.of_parts(parts).lines()))


def test_regressions_of_parts_make_the_whole():
    x, _ = data(40)
    y = x[:, :2] + x[:, 2:4].square()
    model = seeded(lambda: mlp(widths=(5, 7, 6, 2)))
    whole = agop.measure(model, batches(x, y, (10,)))
    parts = [agop.measure(model, [(x[k : k + 10], y[k : k + 10])]) for k in range(0, 40, 10)]
    merged = NetworkRecord.of_parts(parts)
    assert merged["4"].input.nrc4_prediction_error > 0
    assert_merged(merged, whole)


def test_many_parts_are_measured_once(monkeypatch):
    """The sum of all is what one after the other gives, for one decomposition a layer whatever their number."""
    x, y = data(90)
    model = seeded(mlp)
    parts = [agop.measure(model, [(x[k : k + 10], y[k : k + 10])], second_pass=False) for k in range(0, 90, 10)]
    pairwise = reduce(NetworkRecord.merge, parts)
    taken, decompose = [], LayerGradients.spectrum
    monkeypatch.setattr(LayerGradients, "spectrum", lambda self, w: taken.append(w) or decompose(self, w))
    compared, compare = [], record_of_layer.ansatz_of
    monkeypatch.setattr(record_of_layer, "ansatz_of", lambda *about: compared.append(about) or compare(*about))
    merged = NetworkRecord.of_parts(parts)
    assert (len(taken), len(compared)) == (3, 3)
    assert_same(merged, pairwise)
    assert_same(parts[0].merge(*parts[1:]), pairwise)


def test_parts_are_read_one_after_the_other():
    """Beside the sum one record is in memory, of however many parts."""
    *_, first = measured()
    seen = []

    def read():
        for _ in range(5):
            gc.collect()
            assert sum(each() is not None for each in seen) <= 2
            part = copy.copy(first)
            seen.append(weakref.ref(part))
            yield part
            del part

    assert NetworkRecord.of_parts(read()).n_samples == 5 * first.n_samples


def test_no_parts_and_a_single_one():
    *_, record = measured()
    assert record.merge() is record
    assert NetworkRecord.of_parts([record]) is record
    with pytest.raises(InputError, match="records of parts of the data, got none"):
        NetworkRecord.of_parts([])


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("n_outputs", [3, 12])
def test_whether_outputs_are_scores_is_decided_by_all(trained, n_outputs):
    """Each part lacks a class, one of them the largest, so that it may decide otherwise."""
    x, y = data(60)
    model = seeded(lambda: mlp(activation=nn.Tanh, widths=(5, 7, 6, n_outputs)))
    if trained:
        x = x + 6 * torch.eye(5)[y]  # classes far apart
        fit(model, x, y)
    else:
        with torch.no_grad():
            model[-1].bias[3:] += 100  # no output that is largest names a class
    wanted = [y == 0, y == 1, y == 2]
    whole = agop.measure(model, [(x[rows], y[rows]) for rows in wanted])
    parts = [agop.measure(model, [(x[rows], y[rows])], second_pass=False) for rows in (y < 2, y == 2)]
    assert whole.samples.are_scored == (trained or n_outputs == 3)
    for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
        assert merged.samples == whole.samples
        assert merged.accuracy == whole.accuracy
        assert (merged["4"].input.nc3_self_duality is None) == (not whole.samples.are_scored)
        assert_merged(merged, whole)


def fit(model, x, y):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def test_one_output_that_decides_between_two_classes():
    x, y = data(30, n_classes=2)
    model = seeded(lambda: mlp(widths=(5, 7, 6, 1)))
    whole = agop.measure(model, [(x[:15], y[:15]), (x[15:], y[15:])])
    parts = [agop.measure(model, [(x[rows], y[rows])]) for rows in (slice(0, 15), slice(15, 30))]
    assert whole.accuracy == pytest.approx(float(((model(x)[:, 0] > 0) == y).double().mean()))
    assert_merged(parts[0].merge(parts[1]), whole)


def test_classes_that_a_part_left_out_as_rare():
    """Their samples are missing in the moments, so that a class that is common in all would be measured on a part."""
    (x, _), y = data(40), torch.arange(40) % 3
    model = seeded(mlp)
    others, rare = torch.nonzero(y != 2).flatten(), torch.nonzero(y == 2).flatten()
    rows = torch.cat([others, rare[:3]]), torch.cat([others[:12], rare[3:9]]), torch.cat([others[:12], rare[:1]])
    parts = [agop.measure(model, [(x[of], y[of])], min_count=5) for of in rows]
    assert [part.classes for part in parts] == [(0, 1), (0, 1, 2), (0, 1)]
    for one, other in (parts[:2], parts[1::-1]):
        with pytest.raises(InputError, match=r"all samples of class 2, got .* fewer than 5 .*min_count=1"):
            one.merge(other)
    of = torch.cat([rows[0], rows[2]])
    whole = agop.measure(model, [(x[of], y[of])], min_count=5)
    assert_merged(parts[0].merge(parts[2]), whole)
    with pytest.raises(InputError, match="all samples of class 2"):
        parts[0].merge(parts[2], parts[2])


def test_ways_of_measuring_that_differ():
    model, x, y, record = measured()
    for options, expected in (
        ({"min_count": 2}, "min_count=1, got min_count=2"),
        ({"classifier": True}, "classifier=None, got classifier=True"),
        ({"rows": "mean"}, "rows='each', got rows='mean'"),
    ):
        with pytest.raises(InputError, match=expected):
            record.merge(agop.measure(model, [(x, y)], **options))
    with pytest.raises(InputError, match="targets='labels', got targets='numbers'"):
        record.merge(agop.measure(model, [(x, x[:, :3])]))
    with pytest.raises(InputError, match="same layers, got 2, 4 in some"):
        record.merge(agop.measure(model, [(x, y)], layers="0"))


def test_one_pass_finds_what_a_merged_record_keeps():
    x, y = data(40)
    model = seeded(mlp)
    whole, once = agop.measure(model, [(x, y)]), agop.measure(model, iter([(x, y)]), second_pass=False)
    assert_merged(replace(once, omissions=("merged",)), whole)
    assert once["4"].input.nc3_self_duality == whole["4"].input.nc3_self_duality
    with pytest.raises(InputError, match="twice"):
        agop.measure(model, iter([(x, y)]))


def test_gradients_that_reach_a_layer_in_one_part_only():
    """In the other part they are 0, and its samples count."""

    def run(self, x, cut):
        x = torch.tanh(self.first(x))
        return self.last(x + (self.side(x).detach() if cut else self.side(x)))

    x, y = data(17)
    build = lambda: Function(run, first=nn.Linear(5, 6), side=nn.Linear(6, 6), last=nn.Linear(6, N_CLASSES))  # noqa: E731
    model = seeded(build)
    parts = [(x[:9], False, y[:9]), (x[9:], True, y[9:])]
    whole = agop.measure(model, parts)
    halves = [agop.measure(model, [part]) for part in parts]
    assert halves[1]["side"].agop is None
    assert whole["side"].agop.any()
    for merged in (halves[0].merge(halves[1]), halves[1].merge(halves[0])):
        assert_merged(merged, whole)


def test_notes_of_a_part_are_not_those_of_the_whole():
    """One part lacks a class, the other has one sample of a class."""
    x, y = data(40)
    last = int(torch.nonzero(y == 2)[-1])
    few, lacking = (y < 2) | (torch.arange(40) == last), (y > 0) & (torch.arange(40) != last)
    parts = [agop.measure(seeded(mlp), [(x[rows], y[rows])]) for rows in (few, lacking)]
    assert any("one sample of class 2" in note for note in parts[0].notes)
    assert any("no samples of class 0" in note for note in parts[1].notes)
    assert not any("of class " in note for note in parts[0].merge(parts[1]).notes)


def test_merge_of_different_things():
    model, x, y, record = measured()
    with pytest.raises(InputError, match="same layers"):
        record.merge(agop.measure(model, [(x, y)], layers="0"))
    with pytest.raises(InputError, match="outputs='exact'"):
        record.merge(agop.measure(model, [(x, y)], outputs=agop.Rademacher(2, 0)))
    with torch.no_grad():
        model[0].weight.add_(0.1)
    with pytest.raises(InputError, match="same weight"):
        record.merge(agop.measure(model, batches(x, y)))
    pictures, labels = data(12, (2, 4, 4))
    convolutional = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 3), (4, 4)))
    each, mean = (agop.measure(convolutional, [(pictures, labels)], rows=rows) for rows in ("each", "mean"))
    with pytest.raises(InputError, match="rows='each'"):
        each.merge(mean)


def test_merge_keeps_what_a_record_can_be_saved_with(tmp_path):
    *_, record = measured()
    merged = record.merge(record)
    merged.save(tmp_path / "merged.safetensors")
    loaded = NetworkRecord.load(tmp_path / "merged.safetensors")
    assert json.dumps(list(loaded.lines())) == json.dumps(list(merged.lines()))
    assert loaded.notes == merged.notes
    again = loaded.merge(record)
    assert again.n_samples == 3 * record.n_samples


@pytest.mark.parametrize("outputs", ["exact", agop.Rademacher(2, 0) if hasattr(agop, "Rademacher") else None])
def test_save_and_load(tmp_path, outputs):
    _, _, _, record = measured(outputs=outputs, max_samples=30)
    path = tmp_path / "record.safetensors"
    record.save(path)
    loaded = NetworkRecord.load(path)
    for field in ("n_samples", "n_dropped", "n_classes", "accuracy", "settings", "omissions", "notes"):
        assert getattr(loaded, field) == getattr(record, field), field
    assert list(loaded) == list(record)
    for name in record:
        assert torch.equal(loaded[name].weight, record[name].weight)
        torch.testing.assert_close(loaded[name].agop, record[name].agop, rtol=0, atol=0)
        assert loaded[name].stages.keys() == record[name].stages.keys()
        assert loaded[name].nfa.as_dict() == record[name].nfa.as_dict()
        for part in (
            "name",
            "rows",
            "activation",
            "agop_error",
            "input",
            "linear",
            "output",
            "agop_stage",
            "attribution",
            "feature_norm",
        ):
            assert getattr(loaded[name], part) == getattr(record[name], part), part
    assert json.dumps(list(loaded.lines())) == json.dumps(list(record.lines()))
    assert [f.name for f in tmp_path.iterdir()] == ["record.safetensors"]


def test_save_and_load_of_awkward_records(tmp_path):
    """No gradient, no collapse, bfloat16 weights, slashes in no layer's name, shared memory."""
    x, y = data(12)
    model = seeded(Shared)
    with torch.no_grad():
        model.first.weight.zero_()
    model.to(torch.bfloat16)
    record = agop.measure(
        model,
        [(x.to(torch.bfloat16), y)],
        forward=lambda m, b: (m(b[0]).detach() + m.last(torch.ones(6).bfloat16()), b[1]),
    )
    record.save(tmp_path / "a.safetensors")
    loaded = NetworkRecord.load(tmp_path / "a.safetensors")
    assert json.dumps(list(loaded.lines())) == json.dumps(list(record.lines()))
    assert loaded["again"].weight.dtype == record["again"].weight.dtype
    (tmp_path / "b.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(AgopError, match=r"b\.safetensors"):
        NetworkRecord.load(tmp_path / "b.safetensors")
    agop.runs.storage.save(tmp_path / "c.safetensors", {"x": torch.ones(2)}, {"kind": "other"})
    with pytest.raises(AgopError, match=r"c\.safetensors"):
        NetworkRecord.load(tmp_path / "c.safetensors")
    with pytest.raises(AgopError, match=r"missing\.safetensors"):
        NetworkRecord.load(tmp_path / "missing.safetensors")


def test_patch_is_kept(tmp_path):
    x, y = data(12, (2, 4, 5))
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, (3, 2)), (4, 5)))
    record = agop.measure(model, [(x, y)])
    record.save(tmp_path / "record.safetensors")
    for found in (record, NetworkRecord.load(tmp_path / "record.safetensors"), record.merge(record)):
        assert (found["conv"].patch, found["head"].patch) == ((2, 3, 2), None)
