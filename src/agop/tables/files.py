"""Tables in files, whole or in pieces of some rows for those that do not fit memory (extra ``tables``)."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agop.errors import DataFileError, InputError, MemoryBudgetError
from agop.tables.packed import is_larger, unpacked
from agop.tables.parquet import ParquetTable
from agop.tables.readable import check_rows, readable

if TYPE_CHECKING:
    import pandas

__all__ = ["is_parquet", "open_table", "read_table", "table_rows"]

_CSV = re.compile(r"\.csv(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|pq)$", re.IGNORECASE)
_CSV_OPTIONS: dict[str, Any] = {"na_values": "?", "skipinitialspace": True, "index_col": False, "low_memory": False}


def is_parquet(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of Parquet, by its name."""
    return _PARQUET.search(Path(path).name) is not None


def open_table(path: str | os.PathLike[str], max_memory: int | None = None) -> pandas.DataFrame | ParquetTable:
    """A table to fit a model to: of a Parquet file columns and pieces are read when they are asked for, a CSV whole.

    Raises
    ------
    MissingExtraError, DataFileError, InputError
        As :func:`read_table`; what is wrong with the values in a Parquet file, when these are read.
    MemoryBudgetError
        If a CSV file has, or unpacks to, more than ``max_memory`` bytes.
    """
    path = _table_file(path)
    if is_parquet(path):
        return ParquetTable(path)
    with readable(path):
        if max_memory is not None and is_larger(path, max_memory):
            expected = f"a CSV file of {max_memory / 2**20:,.0f} MiB at most, which is read whole"
            raise MemoryBudgetError(expected, f"more in {path}", "Convert it to Parquet, which is read in parts.")
    return read_table(path)


def read_table(path: str | os.PathLike[str]) -> pandas.DataFrame:
    r"""Read a table whose first line names the columns.

    Parameters
    ----------
    path
        CSV (``.csv``, or compressed: ``.csv.gz``, ``.bz2``, ``.xz``, ``.zip``, ``.zst``) or Parquet (``.parquet``,
        ``.pq``). In a CSV file an empty cell, ``?``, and what pandas takes for missing (``NA``, ``nan``, ``null``, ...)
        are missing values; spaces after a comma do not count.

    Returns
    -------
    pandas.DataFrame
        One row a sample.

    Raises
    ------
    MissingExtraError
        If pandas, or what it needs for this kind of file, is not installed.
    DataFileError
        If the file is missing, of another kind, unreadable, or has no rows, or unpacks to more than 100 times its
        size (16 MiB if that is more).
    InputError
        If two columns have one name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("age,color\n31,red\n?,blue")
    ...     read_table(path)
        age color
    0  31.0   red
    1   NaN  blue
    """
    path = _table_file(path)
    with readable(path):
        import pandas

        if is_parquet(path):
            frame = pandas.read_parquet(ParquetTable(path).path)
        else:
            _check_names(path)
            with path.open("rb") as file, unpacked(file) as source, _no_surplus_values():
                frame = pandas.read_csv(source, **_CSV_OPTIONS)
    check_rows(path, has_rows=not frame.empty)
    return frame


def table_rows(
    path: str | os.PathLike[str],
    *,
    text: Collection[str] = (),
    n_rows: int = 20_000,
    observe: Callable[[float], object] = lambda share: None,
) -> Iterator[pandas.DataFrame]:
    r"""Pieces of a table, in the order of its rows, of which one is in memory at a time.

    Parameters
    ----------
    path
        As for :func:`read_table`.
    text
        Columns of a CSV file that are text whatever they hold, so that a piece in which a category happens to be made
        of numbers is read as the others are. Names that are no columns do not matter.
    n_rows
        Rows of a piece at most.
    observe
        Called with the share of the file that is done, when the piece after it is asked for.

    Raises
    ------
    MissingExtraError, DataFileError, InputError
        As ``read_table``; what is wrong with later rows, when they are reached.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("age,ward\n31,07\n?,08\n40,A")
    ...     [piece.ward.tolist() for piece in table_rows(path, text=["ward"], n_rows=2)]
    [['07', '08'], ['A']]
    """
    path = _table_file(path)
    if is_parquet(path):
        yield from _parquet_pieces(path, n_rows, observe)
        return
    has_rows = False
    with readable(path):
        _check_names(path)
        for piece, share in _csv_pieces(path, text, n_rows):
            has_rows = has_rows or not piece.empty
            yield piece
            observe(share)
    check_rows(path, has_rows=has_rows)


def _table_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file of a kind that can be read."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataFileError(f"a file {path}", "no such file", "Check the path.")
    if not (_CSV.search(path.name) or is_parquet(path)):
        advice = "Convert it, or name it after what it holds."
        raise DataFileError(f"{path} to end in .csv, .csv.gz or .parquet", path.suffix or "no suffix", advice)
    return path


def _check_names(path: Path) -> None:
    """Raise if the first line of a CSV file has a name twice: pandas takes the second "y" for a column "y.1"."""
    import pandas

    options = _CSV_OPTIONS | {"header": None, "nrows": 1, "dtype": str, "na_values": None, "keep_default_na": False}
    with path.open("rb") as file, unpacked(file) as source:
        names = Counter(pandas.read_csv(source, **options).iloc[0])
    if twice := [name for name, count in names.items() if name and count > 1]:
        raise InputError(f"columns with different names in {path}", f"{', '.join(twice)} twice", "Rename them.")


@contextmanager
def _no_surplus_values() -> Iterator[None]:
    """Raise where pandas warns of values that have no column."""
    import pandas

    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        try:
            yield
        except pandas.errors.ParserWarning as error:
            raise ValueError("rows with more values than the first line has names") from error


def _parquet_pieces(path: Path, n_rows: int, observe: Callable[[float], object]) -> Iterator[pandas.DataFrame]:
    table, done = ParquetTable(path, n_rows), 0
    for piece in table:
        yield piece
        done += len(piece)
        observe(done / len(table))


def _csv_pieces(path: Path, text: Collection[str], n_rows: int) -> Iterator[tuple[pandas.DataFrame, float]]:
    """Pieces, and the share of the bytes of the file that have been read after each."""
    import pandas

    options = _CSV_OPTIONS | {"dtype": dict.fromkeys(text, str), "chunksize": n_rows}
    with path.open("rb") as file, unpacked(file) as source, pandas.read_csv(source, **options) as reader:
        size = max(1, path.stat().st_size)
        while True:
            with _no_surplus_values():
                piece = next(reader, None)
            if piece is None:
                return
            yield piece, file.tell() / size
