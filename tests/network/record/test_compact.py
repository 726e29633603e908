"""Compact layers: all numbers, few bytes, no merging."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import agop
from agop.errors import InputError
from agop.network import NetworkRecord
from network.models import batches, data, mlp, seeded
from network.record.made import layer, transformer


@pytest.fixture(scope="module")
def record():
    x, y = data(40)
    return agop.measure(seeded(mlp), batches(x, y), ood_loader=[data(9, seed=5)])


def compacted(record, k=3):
    return replace(record, layers={name: each.compact(k) for name, each in record.items()})


def test_no_number_changes(record):
    assert list(compacted(record).lines()) == list(record.lines())
    assert str(compacted(record).table()) == str(record.table())


def test_leading_eigenpairs_and_the_trace_of_the_rest(record):
    for name, small in compacted(record).items():
        values, vectors = np.linalg.eigh(record[name].agop.numpy())
        k = min(3, record[name].spectrum.rank)
        np.testing.assert_allclose(small.spectrum.values, values[::-1][:k], rtol=1e-9)
        overlaps = np.abs(vectors[:, ::-1][:, :k].T @ small.spectrum.vectors.numpy())
        np.testing.assert_allclose(overlaps, np.eye(k), atol=1e-6)
        assert float(small.eigenvalues.sum()) == pytest.approx(values.sum(), rel=1e-12)
        assert small.nfa.as_dict() == record[name].nfa.as_dict()


def test_what_is_left_out_is_said(record):
    small = compacted(record)
    assert small["0"].is_compact
    assert not record["0"].is_compact
    assert small["0"].weight is small["0"].gradients is small["0"].stages["input"].moments is None
    with pytest.raises(InputError, match=r"eigenvectors of the AGOP of layer 0.*max_width"):
        _ = small["0"].agop
    for one, other in ((small, record), (record, small), (small, small)):
        with pytest.raises(InputError, match=r"full record of layer 0.*max_width"):
            one.merge(other)
    assert any(note.startswith("0, 2, 4: ") and "do not merge" in note for note in small.notes)
    assert not any("do not merge" in note for note in record.notes)
    with pytest.raises(InputError, match="one or more"):
        record["0"].compact(0)


def test_a_rank_that_fits_is_left_as_it_is(record):
    rank = record["4"].spectrum.rank
    whole = record["4"].compact(rank)
    torch.testing.assert_close(whole.agop, record["4"].agop, rtol=0, atol=0)
    assert len(whole.smaller_eigenvalues) == 0


def test_compact_of_compact(record):
    again = record["0"].compact(3).compact(2)
    assert again.spectrum.rank == 2
    assert torch.equal(again.eigenvalues, record["0"].eigenvalues)
    assert torch.equal(record["0"].compact(2).compact(3).spectrum.values, again.spectrum.values)


def test_no_gradient_and_no_ansatz():
    x, y = data(12)
    model = seeded(mlp)
    with torch.no_grad():
        model[2].weight.zero_()
    found = agop.measure(model, [(x, y)])
    assert found["2"].nfa is None
    assert found["2"].compact().nfa is None
    assert list(compacted(found).lines()) == list(found.lines())


def test_save_and_load(record, tmp_path):
    small = compacted(record)
    small.save(tmp_path / "small.safetensors")
    loaded = NetworkRecord.load(tmp_path / "small.safetensors")
    assert json.dumps(list(loaded.lines())) == json.dumps(list(small.lines()))
    assert loaded.notes == small.notes
    assert loaded["0"].is_compact
    assert torch.equal(loaded["0"].eigenvalues, small["0"].eigenvalues)
    assert torch.equal(loaded["0"].spectrum.vectors, small["0"].spectrum.vectors)
    cosines = [each["0"].stages["input"].features.cosines for each in (loaded, record)]
    assert torch.equal(*cosines)


def test_memory_is_given_back():
    """No view of a large matrix is kept."""
    kept = layer("fc", 300, 400).compact(k=2)
    tensors = [kept.spectrum.values, kept.spectrum.vectors, kept.smaller_eigenvalues]
    assert sum(tensor.untyped_storage().nbytes() for tensor in tensors) < 3 * 8 * 400


def test_a_record_of_many_wide_layers_is_small(tmp_path):
    """A file of the same layers in full is larger."""
    small, full = transformer(8, 96, 150, 3000, compact=True), transformer(8, 96, 150, 3000)
    small.save(tmp_path / "small")
    full.save(tmp_path / "full")
    assert 3 * (tmp_path / "small").stat().st_size < (tmp_path / "full").stat().st_size


def test_fewer_rows_than_features_is_noted(record):
    x, y = data(40)
    wide = agop.measure(seeded(lambda: nn.Sequential(nn.Linear(5, 60), nn.ReLU(), nn.Linear(60, 3))), [(x, y)])
    (note,) = [note for note in wide.notes if "fewer rows" in note]
    assert note.startswith("input of 2: fewer rows (40) than features (60)")
    assert not any("fewer rows" in note for note in record.notes)
