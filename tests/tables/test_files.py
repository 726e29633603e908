"""Tables from files: what is missing, what is damaged, and what is not installed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys

import numpy as np
import pytest

from agop.errors import DataFileError, MissingExtraError
from agop.tables.files import read_table

pandas = pytest.importorskip("pandas")
TEXT = "age,town,tall\n31, Ulm,True\n?,Köln,False\n, ?,True\n44,Bonn,False\n"


def assert_read(frame):
    assert list(frame.columns) == ["age", "town", "tall"]
    np.testing.assert_array_equal(frame.age, [31, np.nan, np.nan, 44])
    assert [town if isinstance(town, str) else None for town in frame.town] == ["Ulm", "Köln", None, "Bonn"]
    assert frame.tall.dtype == bool


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("people.csv", bytes),
        ("people.v2.CSV", bytes),
        ("people.csv.gz", gzip.compress),
        ("people.csv.bz2", bz2.compress),
        ("people.csv.xz", lzma.compress),
    ],
)
def test_csv_plain_and_compressed(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TEXT.encode()))
    assert_read(read_table(path))
    assert_read(read_table(str(path)))


def test_commas_at_the_end_of_lines(tmp_path):
    (tmp_path / "a.csv").write_text("age,town\n0,Ulm,\n1,Bonn,\n")
    assert read_table(tmp_path / "a.csv").to_dict("list") == {"age": [0, 1], "town": ["Ulm", "Bonn"]}


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"age": [31, None], "town": pandas.Categorical(["Ulm", "Bonn"])})
    for name in ("people.parquet", "people.pq"):
        frame.to_parquet(tmp_path / name)
        pandas.testing.assert_frame_equal(read_table(tmp_path / name), frame)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", b"", "readable table"),
        ("a.csv", b"age,town\n", "rows"),
        ("a.csv", b"age,town\n31,Ulm,7\n32,Bonn,8\n", "more values than the first line"),
        ("a.csv", b"age,town\n31,Ulm\n32,Bonn,8\n", "readable table"),
        ("a.csv", b"age,town\n31,\xff\xfe\n", "readable table"),
        ("a.csv.gz", b"age,town\n31,Ulm\n", "readable table"),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-12], "readable table"),
        ("a.csv.xz", lzma.compress(TEXT.encode())[:-12], "readable table"),
        ("a.csv.zip", b"PK", "readable table"),
        ("a.parquet", b"PAR1", "readable table"),
        ("a.txt", b"age\n31\n", "end in .csv"),
        ("a.gz", gzip.compress(b"age\n31\n", mtime=0), "end in .csv"),
        ("a", b"age\n31\n", "no suffix"),
    ],
)
def test_unusable_files(tmp_path, name, content, word):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=word):
        read_table(tmp_path / name)


def test_no_file(tmp_path):
    with pytest.raises(DataFileError, match="no such file"):
        read_table(tmp_path / "a.csv")
    with pytest.raises(DataFileError, match="no such file"):
        read_table(tmp_path)


def test_without_pandas(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(TEXT, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"agop\[tables\]"):
        read_table(tmp_path / "a.csv")
