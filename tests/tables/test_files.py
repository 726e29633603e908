"""Tables from files: what is missing, what is damaged, and what is not installed."""

from __future__ import annotations

import sys
import zipfile

import numpy as np
import pytest

from agop.errors import DataFileError, InputError, MemoryBudgetError, MissingExtraError
from agop.tables.files import open_table, read_table, table_rows
from tables.packs import PACKS

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
        *((f"people.csv{suffix}", pack) for suffix, pack in PACKS.items()),
    ],
)
def test_csv_plain_and_compressed(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TEXT.encode()))
    assert_read(read_table(path))
    assert_read(read_table(str(path)))


def test_equal_rows_may_pack_to_a_thousandth(tmp_path):
    """A small table of one value is no bomb."""
    for suffix, pack in PACKS.items():
        path = tmp_path / f"zeros.csv{suffix}"
        path.write_bytes(pack(b"a,b\n" + b"0,0\n" * 20_000))
        assert path.stat().st_size < 800
        assert len(read_table(path)) == sum(map(len, table_rows(path))) == 20_000


def test_a_packed_file_of_two_tables(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, TEXT)
    with pytest.raises(DataFileError, match="2 files in it instead of one"):
        read_table(tmp_path / "a.csv.zip")


def test_commas_at_the_end_of_lines(tmp_path):
    (tmp_path / "a.csv").write_text("age,town\n0,Ulm,\n1,Bonn,\n")
    assert read_table(tmp_path / "a.csv").to_dict("list") == {"age": [0, 1], "town": ["Ulm", "Bonn"]}


@pytest.mark.parametrize("suffix", ["", *PACKS])
def test_two_columns_of_one_name(tmp_path, suffix):
    """The second one would be a column beside the target, and tell all of it."""
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(PACKS[suffix](b"age, y,y\n1,2,2\n") if suffix else b"age, y,y\n1,2,2\n")
    for read in (read_table, lambda file: list(table_rows(file))):
        with pytest.raises(InputError, match=r"columns with different names in .*, got y twice"):
            read(path)
    (tmp_path / "b.csv").write_text(",,y,y.1\n1,2,3,4\n")
    assert list(read_table(tmp_path / "b.csv"))[2:] == ["y", "y.1"]


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
        ("a.csv.gz", PACKS[".gz"](TEXT.encode())[:-12], "readable table"),
        ("a.csv.xz", PACKS[".xz"](TEXT.encode())[:-12], "readable table"),
        ("a.csv.zip", b"PK", "readable table"),
        ("a.parquet", b"PAR1", "readable table"),
        ("a.txt", b"age\n31\n", "end in .csv"),
        ("a.gz", PACKS[".gz"](b"age\n31\n"), "end in .csv"),
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


@pytest.mark.parametrize("suffix", ["", *PACKS])
def test_a_csv_beyond_the_memory_is_refused_before_it_is_read(tmp_path, suffix, monkeypatch):
    path, text = tmp_path / f"a.csv{suffix}", "age,town\n" + "31,Ulm\n" * 1000
    path.write_bytes(PACKS[suffix](text.encode()) if suffix else text.encode())
    assert len(open_table(path, len(text))) == len(open_table(path)) == 1000
    monkeypatch.setattr(pandas, "read_csv", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(MemoryBudgetError, match="Convert it to Parquet"):
        open_table(path, len(text) - 1)


def test_a_parquet_file_may_be_larger_than_the_memory(tmp_path):
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"age": range(1000)}).to_parquet(tmp_path / "a.parquet")
    assert len(open_table(tmp_path / "a.parquet", 1)) == 1000
