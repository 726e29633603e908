"""Tables in pieces: the same rows as whole, whatever the pieces; files that are replaced whole."""

from __future__ import annotations

import builtins
import gzip

import numpy as np
import pytest

from agop.errors import DataFileError, InputError, MissingExtraError
from agop.tables.files import read_table, table_rows
from agop.tables.writing import check_rows_file, write_rows
from tables.packs import PACKS

pandas = pytest.importorskip("pandas")
TEXT = "age,ward,tall\n31, 07,True\n?,08,False\n, ?,True\n44,A,False\n"


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet"])
def test_the_same_rows_as_whole(tmp_path, name, n_rows):
    path, plain = tmp_path / name, tmp_path / "plain.csv"
    plain.write_text(TEXT)
    whole = read_table(plain)
    if name.endswith("parquet"):
        whole.to_parquet(path)
    else:
        path.write_bytes(gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode())
    pieces = list(table_rows(path, text=["ward", "no such column"], n_rows=n_rows))
    assert {len(piece) for piece in pieces[:-1]} <= {n_rows}
    together = pandas.concat(pieces)
    assert together.ward.fillna("–").tolist() == whole.ward.fillna("–").tolist() == ["07", "08", "–", "A"]
    assert together.age.fillna(-1).tolist() == [31, -1, -1, 44]
    assert together.tall.tolist() == [True, False, True, False]


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.zip", "x.csv.zst", "x.parquet"])
def test_how_much_of_a_file_is_done(tmp_path, name):
    """The share grows to all of it, never before the piece has been used."""
    path, shares = tmp_path / name, []
    numbers = pandas.DataFrame({"x": np.random.default_rng(0).normal(size=200_000)})
    if name.endswith("parquet"):
        numbers.to_parquet(path)
    else:
        text = numbers.to_csv(index=False).encode()
        path.write_bytes(PACKS[path.suffix](text) if path.suffix in PACKS else text)
    seen = [len(shares) for _ in table_rows(path, observe=shares.append)]
    assert seen == list(range(10))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1, abs=1e-3)  # an archive ends with the list of its files
    assert shares == pytest.approx([(k + 1) / 10 for k in range(10)], abs=0.15)


def test_numbers_become_text_where_a_piece_has_nothing_else_unless_it_is_told(tmp_path):
    (tmp_path / "x.csv").write_text(TEXT)
    assert next(table_rows(tmp_path / "x.csv", n_rows=2)).ward.tolist() == [7, 8]
    assert next(table_rows(tmp_path / "x.csv", n_rows=2, text=["ward"])).ward.tolist() == ["07", "08"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", b"a\n1\n", "to end in"),
        ("x.csv", b"", "complete, readable table"),
        ("x.csv", b"a,b\n", "to hold rows"),
        ("x.csv", b"a,b\n1,2,3\n", "more values than the first line"),
        ("x.csv", b"a,b\n" + b"1,2\n" * 9 + b"1,2,3\n", "complete, readable table"),
        ("x.csv", b"a,b\n1,\xff\n", "complete, readable table"),
        ("x.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 99, mtime=0)[:-9], "complete, readable table"),
        ("x.parquet", b"PAR1", "complete, readable table"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        list(table_rows(tmp_path / name, n_rows=4))
    with pytest.raises(DataFileError, match="no such file"):
        list(table_rows(tmp_path / f"no {name}"))


@pytest.mark.parametrize("name", ["y.csv", "y.csv.gz", "y.parquet"])
def test_written_in_pieces(tmp_path, name):
    frame = pandas.DataFrame({"a": [1.5, 2.0, 0.1 + 0.2], "b": ["x", "ü,\n", '"']})
    for pieces in ([frame], [frame[:1], frame[1:]]):
        write_rows(tmp_path / name, iter(pieces))
        pandas.testing.assert_frame_equal(read_table(tmp_path / name), frame)
        assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["y.csv", "y.csv.gz", "y.parquet"])
def test_a_piece_that_fails_leaves_the_file_as_it_was(tmp_path, name):
    (tmp_path / name).write_text("mine")

    def pieces():
        yield pandas.DataFrame({"a": [1]})
        raise InputError("this", "that", "Stop.")

    with pytest.raises(InputError, match="Stop"):
        write_rows(tmp_path / name, pieces())
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_names_that_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"ends in \.csv, \.csv\.gz, \.parquet, got y\.txt"):
        write_rows(tmp_path / "y.txt", [])
    with pytest.raises(InputError, match="Create it first"):
        check_rows_file(tmp_path / "none" / "y.csv")
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pyarrow":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    check_rows_file(tmp_path / "y.csv")
    with pytest.raises(MissingExtraError, match=r"what writes y\.parquet.*agop\[tables\]"):
        check_rows_file(tmp_path / "y.parquet")
