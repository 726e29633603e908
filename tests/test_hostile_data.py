"""Damaged tables and images, which have no checksum: they are read as what they are, or refused by agop's own errors.

Some thousands of changes here, far more by ``make faults``.
"""

from __future__ import annotations

import gzip
import lzma

import numpy as np
import pandas
import pytest
import torch

from agop.datasets import load
from agop.errors import AgopError, InputError
from agop.paper.training.checkpoints import load_checkpoint, save_checkpoint
from agop.runs import storage
from agop.tables import explain_agop
from agop.tables.explanation import Explanation
from agop.tables.files import read_table, table_rows
from oracles.datasets import cifar_bytes, idx_bytes, mat_bytes
from test_hostile_files import N, bounded, damaged, odd, soon

__all__ = ["bounded"]

TABLES = ["t.csv", "t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zip", "t.parquet"]


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
    frame().to_parquet(file) if name.endswith("parquet") else frame().to_csv(file, index=False)
    content = file.read_bytes()
    for step in range(N // 2):
        found = tried(
            read_table if step % 2 else lambda path: pandas.concat(table_rows(path, n_rows=7)), content, file, rng
        )
        assert found is None or (isinstance(found, pandas.DataFrame) and len(found))


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
