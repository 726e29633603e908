"""Tensors and headers come back as they were; a file is whole or untouched."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from agop.errors import DataFileError, InputError
from agop.runs import storage
from agop.runs.files import write_text_atomic
from agop.runs.storage import load, save, to_json, write_json

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "values.safetensors"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (0,), (0, 4), (2, 0, 3), (2, 3, 4)])
def test_round_trip(dtype, shape, file):
    generator = torch.Generator().manual_seed(0)
    tensor = (torch.randn(shape, generator=generator) * 10).to(dtype)
    save(file, {"t": tensor})
    tensors, header = load(file)
    assert tensors["t"].dtype == dtype
    assert tensors["t"].shape == shape
    assert torch.equal(tensors["t"], tensor)
    assert header == {}


def test_non_finite_values_are_kept(file):
    tensor = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    save(file, {"t": tensor})
    assert load(file)[0]["t"].numpy().tobytes() == tensor.numpy().tobytes()


def test_views_that_share_memory(file):
    base = torch.arange(12.0).reshape(3, 4)
    views = {
        "all": base,
        "again": base,
        "transposed": base.T,
        "column": base[:, 1],
        "rows": base[1:],
        "first": base[:1],
        "broadcast": base[0].expand(5, 4),
        "flipped": torch.complex(base, base).conj().imag,
    }
    save(file, views)
    tensors, _ = load(file)
    assert set(tensors) == set(views)
    for name, view in views.items():
        assert torch.equal(tensors[name], view), name
        assert tensors[name].is_contiguous()


def test_gradients_and_inputs_are_left_alone(file):
    weight = torch.ones(2, 2, requires_grad=True)
    save(file, {"w": weight, "wt": weight.T})
    assert weight.requires_grad
    assert not load(file)[0]["w"].requires_grad


def test_no_tensors_but_a_header(file):
    header = {"name": "Kuß 中", "ridge": 1e-3, "layers": [1, 2], "nested": {"flag": True, "none": None}}
    save(file, {}, header)
    assert load(file) == ({}, header)


def test_file_can_be_replaced_while_its_tensors_live(file):
    save(file, {"t": torch.ones(1000)})
    tensors, _ = load(file)
    save(file, {"t": tensors["t"] * 2})
    assert torch.equal(tensors["t"], torch.ones(1000))
    assert torch.equal(load(file)[0]["t"], torch.full((1000,), 2.0))


@pytest.mark.parametrize("header", [{"a": math.nan}, {"a": [math.inf]}, {"a": torch.ones(1)}, {"a": {1, 2}}])
def test_header_must_be_finite_json(header, file):
    with pytest.raises(InputError, match="a header of finite JSON values"):
        save(file, {}, header)
    assert not file.exists()


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        (torch.eye(3).to_sparse(), "dense tensors, got t: torch.sparse_coo"),
        (np.zeros(3), "dense tensors, got t: ndarray"),
        (torch.zeros(2, dtype=torch.complex128), "a dtype that safetensors stores, got .*complex128"),
    ],
    ids=["sparse", "numpy", "complex"],
)
def test_tensors_that_cannot_be_stored(tensor, match, file):
    with pytest.raises(InputError, match=match):
        save(file, {"t": tensor})
    assert not list(file.parent.iterdir())


def test_missing_folder_of_the_file(tmp_path):
    with pytest.raises(InputError, match=r"a folder .*nowhere to write x.st to, got no such folder"):
        save(tmp_path / "nowhere" / "x.st", {})


def test_a_failure_leaves_the_old_file_and_no_other(file, monkeypatch):
    save(file, {"t": torch.ones(3)})

    def breaks_half_way(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(storage, "save_file", breaks_half_way)
    with pytest.raises(OSError, match="disk full"):
        save(file, {"t": torch.zeros(3)})
    assert list(file.parent.iterdir()) == [file]
    assert torch.equal(load(file)[0]["t"], torch.ones(3))


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_truncated_file(share, file):
    save(file, {"t": torch.ones(1000)})
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataFileError, match=r"values.safetensors to be a complete safetensors file"):
        load(file)


def test_missing_file(file):
    with pytest.raises(DataFileError, match=r"values.safetensors to be a complete safetensors file.*No such"):
        load(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_folder_and_a_pipe(tmp_path, file):
    os.mkfifo(file)
    end = os.open(file, os.O_RDWR)  # without one, whoever opened the pipe would wait
    for path in (file, tmp_path):
        with pytest.raises(DataFileError, match="a folder, pipe or device"):
            load(path)
    os.close(end)


@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}, {"agop": "no json"}, {"agop": "[1]"}, {"agop": '{"format": 1}'}]
)
def test_file_of_another_program(metadata, file):
    save_file({"t": torch.ones(2)}, file, metadata=metadata)
    with pytest.raises(DataFileError, match="to have been written by agop"):
        load(file)


def test_other_format_version(file):
    save_file({"t": torch.ones(2)}, file, metadata={"agop": json.dumps({"format": 99, "header": {}})})
    with pytest.raises(DataFileError, match="in format 1, got format 99"):
        load(file)


def test_to_json_unwraps_and_drops_what_is_not_finite():
    value = {
        "a": np.float32(0.5),
        "b": np.int64(3),
        "c": np.bool_(True),
        "d": (np.float64("nan"), -math.inf, np.longdouble("inf")),
        "e": Path("x"),
        "f": None,
        "g": True,
    }
    got = to_json(value)
    assert got == {"a": 0.5, "b": 3, "c": True, "d": [None, None, None], "e": "x", "f": None, "g": True}
    assert json.loads(json.dumps(got, allow_nan=False)) == got


@pytest.mark.parametrize("value", [{1: 2}, torch.ones(1), np.ones(2), {1, 2}, b"x", 1j, [object()]])
def test_to_json_refuses(value):
    with pytest.raises(InputError, match="values that JSON can hold"):
        to_json(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_to_json_is_the_identity_on_json(value):
    assert to_json(value) == value
    assert json.loads(json.dumps(to_json(value), allow_nan=False)) == value


def test_json_and_text_files(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": math.nan, "name": "Σ"})
    assert path.read_text(encoding="utf-8") == '{\n  "x": null,\n  "name": "Σ"\n}\n'
    write_text_atomic(path, "a\nb\n")
    assert path.read_bytes() == b"a\nb\n"
    with pytest.raises(InputError, match="values that JSON can hold"):
        write_json(path, {"x": object()})
    assert path.read_bytes() == b"a\nb\n"
    assert list(tmp_path.iterdir()) == [path]
