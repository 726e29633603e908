"""Records merge, are saved and loaded."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import agop
from agop.errors import AgopError, InputError
from agop.network import NetworkRecord
from network.models import N_CLASSES, Convolutional, Shared, batches, data, mlp, seeded
from oracles.network import assert_agop


def measured(n=40, **options):
    x, y = data(n)
    model = seeded(mlp)
    return model, x, y, agop.measure(model, batches(x, y), **options)


MERGED = ("within_total_ratio", "between_total_ratio", "nc1_trace_ratio", "nc1_cdnv", "nc2_gram_mse", "nc2_etf_error")


@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_merge_equals_whole(rows):
    x, y = data(24, (2, 5, 5))
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 3), (5, 5), nn.ReLU()))
    whole = agop.measure(model, [(x, y)], rows=rows)
    parts = [agop.measure(model, [(x[r], y[r])], rows=rows) for r in (slice(0, 10), slice(10, 17), slice(17, 24))]
    for merged in (parts[0].merge(parts[1]).merge(parts[2]), parts[0].merge(parts[1].merge(parts[2]))):
        assert (merged.n_samples, merged.n_classes) == (24, N_CLASSES)
        assert merged.accuracy == pytest.approx(whole.accuracy)
        for name in whole:
            assert_agop(merged[name].agop, whole[name].agop)
            assert merged[name].rows == pytest.approx(whole[name].rows)
            assert merged[name].feature_norm == pytest.approx(whole[name].feature_norm, rel=1e-10)
            for stage in ("input", "linear", "output"):
                found, expected = getattr(merged[name], stage), getattr(whole[name], stage)
                if expected is None:
                    assert found is None
                    continue
                for field in MERGED:
                    assert getattr(found, field) == pytest.approx(getattr(expected, field), rel=1e-9), (stage, field)
                assert found.nc1_pinv is None
                assert found.nc4_agreement is None
            fall = merged[name].attribution.linear_log_fall
            assert fall == pytest.approx(whole[name].attribution.linear_log_fall, rel=1e-9)
            assert (merged[name].attribution.share is None) == (whole[name].attribution.share is None)
            assert merged[name].nfa.pearson == pytest.approx(whole[name].nfa.pearson, rel=1e-8)
        assert any("merged" in note for note in merged.notes)
        merged.table()
        list(merged.lines())


def test_merge_of_different_things():
    model, x, y, record = measured()
    with pytest.raises(InputError):
        record.merge(agop.measure(model, [(x, y)], layers="0"))
    with pytest.raises(InputError):
        record.merge(agop.measure(model, [(x, y)], outputs=agop.Rademacher(2, 0)))
    with torch.no_grad():
        model[0].weight.add_(0.1)
    with pytest.raises(InputError):
        record.merge(agop.measure(model, batches(x, y)))
    pictures, labels = data(12, (2, 4, 4))
    convolutional = seeded(lambda: Convolutional(nn.Conv2d(2, 3, 3), (4, 4)))
    each, mean = (agop.measure(convolutional, [(pictures, labels)], rows=rows) for rows in ("each", "mean"))
    with pytest.raises(InputError):
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
    for field in ("n_samples", "n_dropped", "n_classes", "accuracy", "settings", "notes"):
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
    with pytest.raises(AgopError):
        NetworkRecord.load(tmp_path / "b.safetensors")
    agop.runs.storage.save(tmp_path / "c.safetensors", {"x": torch.ones(2)}, {"kind": "other"})
    with pytest.raises(AgopError):
        NetworkRecord.load(tmp_path / "c.safetensors")
    with pytest.raises(AgopError):
        NetworkRecord.load(tmp_path / "missing.safetensors")


def test_patch_is_kept(tmp_path):
    x, y = data(12, (2, 4, 5))
    model = seeded(lambda: Convolutional(nn.Conv2d(2, 3, (3, 2)), (4, 5)))
    record = agop.measure(model, [(x, y)])
    record.save(tmp_path / "record.safetensors")
    for found in (record, NetworkRecord.load(tmp_path / "record.safetensors"), record.merge(record)):
        assert (found["conv"].patch, found["head"].patch) == ((2, 3, 2), None)
    tensors, header = agop.runs.storage.load(tmp_path / "record.safetensors")
    for layer in header["network"]["layers"]:
        del layer["patch"]
    agop.runs.storage.save(tmp_path / "without.safetensors", tensors, header)
    assert NetworkRecord.load(tmp_path / "without.safetensors")["conv"].patch is None
