"""Damaged tables and images, which have no checksum: they are read as what they are, or refused by agop's own errors.

Some thousands of changes here, far more by ``make faults``.
"""

from __future__ import annotations

import gzip
import lzma
import os
import zipfile

import numpy as np
import pandas
import pyarrow
import pytest
import torch
from pyarrow import parquet
from safetensors.torch import save_file

from agop.datasets import load
from agop.errors import AgopError, DataFileError, InputError
from agop.network.factory import load_weights
from agop.paper.training.checkpoints import load_checkpoint, save_checkpoint
from agop.runs import storage
from agop.tables import ParquetTable, explain_agop
from agop.tables.explanation import Explanation
from agop.tables.files import read_table, table_rows
from oracles.datasets import cifar_bytes, idx_bytes, mat_bytes
from tables.packs import PACKS
from test_hostile_files import MIB, N, bounded, damaged, odd, soon

__all__ = ["bounded"]

TABLES = ["t.csv", *(f"t.csv{suffix}" for suffix in PACKS), "t.parquet"]


def frame():
    """Numbers, text, dates, missing values, quotes and names that are not ASCII."""
    words, number = ["a", "ü,b", 'c"d', None] * 5, np.linspace(0, 1, 20)
    return pandas.DataFrame({"x": number, "größe": np.arange(20), "word": words, "day": ["2026-11-29"] * 20})


def tried(read, content, file, rng):
    """What a damaged file is read as; None where it is refused in one line."""
    file.write_bytes(damaged(content, rng))
    try:
        return soon(lambda: read(file))
    except AgopError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return None


@pytest.mark.parametrize("name", TABLES)
def test_tables(name, tmp_path, bounded):
    """A damaged table is a table or is refused, read whole or piece by piece."""
    file, rng = tmp_path / name, np.random.default_rng(0)
    text = frame().to_csv(index=False).encode()
    content = frame().to_parquet() if name.endswith("parquet") else PACKS.get(file.suffix, bytes)(text)
    for step in range(N // 2):
        found = tried(
            read_table if step % 2 else lambda path: pandas.concat(table_rows(path, n_rows=7)), content, file, rng
        )
        assert found is None or (isinstance(found, pandas.DataFrame) and len(found))


@pytest.mark.parametrize("row", [b"0\n", b"0"], ids=["rows", "one value"])
@pytest.mark.parametrize("suffix", PACKS)
def test_tables_that_unpack_to_any_size(suffix, row, tmp_path, bounded):
    file = tmp_path / f"t.csv{suffix}"
    file.write_bytes(PACKS[suffix](b"a\n" + row * (20 * MIB // len(row))))
    assert file.stat().st_size < MIB
    for read in (read_table, lambda path: list(table_rows(path, n_rows=10**9))):
        with pytest.raises(DataFileError, match="to unpack to at most"):
            read(file)


def test_a_table_of_more_rows_than_its_bytes_can_hold(tmp_path, bounded):
    """Equal rows take few bytes, however many there are."""
    file = tmp_path / "t.parquet"
    table = pyarrow.table({"a": pyarrow.array([1] * 2**20)})
    with parquet.ParquetWriter(file, table.schema) as writer:
        for _ in range(10):
            writer.write_table(table)
    assert file.stat().st_size < 2**16
    for read in (read_table, ParquetTable, lambda path: list(table_rows(path))):
        with pytest.raises(DataFileError, match=r"at most 2097152 rows in its .* bytes, got 10485760"):
            read(file)


def test_tables_of_which_a_part_is_in_memory(tmp_path, bounded):
    """The columns and the pieces of a damaged Parquet file are those of one table, or it is refused."""
    file, rng = tmp_path / "t.parquet", np.random.default_rng(4)
    frame().to_parquet(file)
    content = file.read_bytes()

    def read(path):
        table = ParquetTable(path, n_rows=7)
        return [pandas.DataFrame({name: table[name] for name in table.columns}), pandas.concat(table)]

    for _ in range(N // 2):
        if (found := tried(read, content, file, rng)) is not None:
            pandas.testing.assert_frame_equal(*found)


@pytest.mark.parametrize("name", ["own.safetensors", "w.safetensors", "w.pt", "old.pt"])
def test_weights(name, tmp_path, bounded):
    """Damaged weights are refused; so far as nothing can notice it they are tensors of the names and shapes."""
    file, rng, model = tmp_path / name, np.random.default_rng(5), torch.nn.Linear(2, 3)
    state = model.state_dict()
    if name == "own.safetensors":
        storage.save(file, state, {"history": []})
    elif name == "w.safetensors":
        save_file(state, file)
    else:
        torch.save(state, file, _use_new_zipfile_serialization=name == "w.pt")
    content = file.read_bytes()

    def read(path):
        found = torch.nn.Linear(2, 3)
        load_weights(found, path)
        return found.state_dict()

    for _ in range(N // 4):
        found = tried(read, content, file, rng)
        if found is not None and name == "own.safetensors":
            assert all(torch.equal(found[each], state[each]) for each in state)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_are_awaited_from_no_pipe(suffix, tmp_path):
    pipe = tmp_path / f"pipe{suffix}"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)  # without one, whoever opened the pipe would wait
    os.write(end, bytes(2**12))
    with pytest.raises(DataFileError, match="a folder, pipe or device"):
        load_weights(torch.nn.Linear(2, 3), pipe)
    os.close(end)


def test_weights_that_unpack_to_gibibytes(tmp_path, bounded):
    """PyTorch reads entries that are packed, too, though it never writes them."""
    file = tmp_path / "w.pt"
    torch.save({"weight": torch.zeros(2**22), "bias": torch.zeros(3)}, tmp_path / "all.pt")
    with zipfile.ZipFile(tmp_path / "all.pt") as plain, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    assert file.stat().st_size < 2**22
    with pytest.raises(DataFileError, match="may unpack to any size"):
        load_weights(torch.nn.Linear(2, 3), file)


def write_images(folder, name, rng):
    """The files of a data set, of few samples."""
    n, labels = 6, np.arange(6) % 10
    gray, color = (rng.integers(0, 256, (n, *shape), dtype=np.uint8) for shape in ((28, 28), (3, 32, 32)))
    files = {
        "mnist": {
            f"{part}-{kind}": gzip.compress(idx_bytes(rows), mtime=0)
            for part in ("train", "t10k")
            for kind, rows in (("images-idx3-ubyte.gz", gray), ("labels-idx1-ubyte.gz", labels))
        },
        "fashion_mnist": {
            f"{part}-{kind}": idx_bytes(rows)
            for part in ("train", "t10k")
            for kind, rows in (("images-idx3-ubyte", gray), ("labels-idx1-ubyte", labels))
        },
        "cifar10": {f"{part}.bin": cifar_bytes(color, labels) for part in ("data_batch_1", "test_batch")},
        "svhn": {
            "train_32x32.mat.xz": lzma.compress(mat_bytes(color, labels)),
            "test_32x32.mat": mat_bytes(color, labels),
        },
    }
    (folder / name).mkdir()
    for file, content in files[name].items():
        (folder / name / file).write_bytes(content)
    return files[name]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "svhn"])
def test_images(name, tmp_path, bounded):
    """A damaged file of images is so many images or is refused."""
    rng = np.random.default_rng(1)
    files = write_images(tmp_path, name, rng)
    for step in range(N // 4):
        file = list(files)[step % len(files)]
        found = tried(lambda _: load(name, tmp_path), files[file], tmp_path / name / file, rng)
        assert found is None or (found.name == name and found.n_classes == 10)
        (tmp_path / name / file).write_bytes(files[file])


def test_explanations():
    """Odd values in an explanation are refused, or are those of an explanation."""
    names, rng = ("age", "mass"), np.random.default_rng(2)
    values = explain_agop(
        np.diag([3.0, 1]), np.eye(2), names, (0, 1), names, effects=[0.2, 0.9], errors=[0, 0]
    ).to_json()
    for _ in range(N):
        changed = odd(values, rng)
        try:
            found = soon(lambda: Explanation.from_json(changed))  # noqa: B023 - it is called at once
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert found.effects.shape == (2,)


def test_checkpoints(tmp_path, bounded):
    """A damaged checkpoint is refused; so are odd values under a right checksum, or they are a list of entries."""
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    file, rng = tmp_path / "state.safetensors", np.random.default_rng(3)
    save_checkpoint(file, model, optimizer, [{"loss": 0.5}])
    whole, (tensors, header) = file.read_bytes(), storage.load(file)
    for step in range(N // 2):
        if step % 2:
            found = tried(lambda path: load_checkpoint(path, model, optimizer), whole, file, rng)
            assert found in (None, [{"loss": 0.5}])
            continue
        kept = {name: tensor for name, tensor in tensors.items() if rng.random() < 0.9}
        changed = odd(header, rng)
        storage.save(file, kept, changed if isinstance(changed, dict) else {})
        try:
            found = soon(lambda: load_checkpoint(file, model, optimizer))
        except AgopError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert isinstance(found, list)
