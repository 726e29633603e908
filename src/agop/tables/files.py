"""Tables in files, whole or in pieces of some rows for those that do not fit memory (extra ``tables``)."""

from __future__ import annotations

import gzip
import lzma
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agop.datasets.files import COPY_AGAIN
from agop.errors import DataFileError, InputError, MissingExtraError
from agop.runs.storage import replacing

if TYPE_CHECKING:
    import pandas

__all__ = ["check_rows_file", "read_table", "table_rows", "write_rows"]

_CSV = re.compile(r"\.csv(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|pq)$", re.IGNORECASE)
_WRITTEN = (".csv", ".csv.gz", ".parquet")
_INSTALL = "Install agop with its extra: pip install 'agop[tables]'."
_CSV_OPTIONS: dict[str, Any] = {"na_values": "?", "skipinitialspace": True, "index_col": False, "low_memory": False}


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
        If the file is missing, of another kind, unreadable, or has no rows.

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
    with _readable(path):
        import pandas

        if _PARQUET.search(path.name):
            frame = pandas.read_parquet(path)
        else:
            with _no_surplus_values():
                frame = pandas.read_csv(path, **_CSV_OPTIONS)
    _check_rows(path, has_rows=not frame.empty)
    return frame


def table_rows(
    path: str | os.PathLike[str], *, text: Collection[str] = (), n_rows: int = 20_000
) -> Iterator[pandas.DataFrame]:
    r"""Pieces of a table, in the order of its rows; of a CSV file one is in memory at a time.

    Parameters
    ----------
    path
        As for :func:`read_table`.
    text
        Columns of a CSV file that are text whatever they hold, so that a piece in which a category happens to be made
        of numbers is read as the others are. Names that are no columns do not matter.
    n_rows
        Rows of a piece at most.

    Raises
    ------
    MissingExtraError, DataFileError
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
    if _PARQUET.search(path.name):
        frame = read_table(path)
        yield from (frame.iloc[start : start + n_rows] for start in range(0, len(frame), n_rows))
        return
    has_rows = False
    with _readable(path):
        for piece in _csv_pieces(path, text, n_rows):
            has_rows = has_rows or not piece.empty
            yield piece
    _check_rows(path, has_rows=has_rows)


def check_rows_file(path: str | os.PathLike[str]) -> None:
    """Raise unless ``write_rows`` can write a file of that name here.

    Raises
    ------
    MissingExtraError
        If pandas, or pyarrow for Parquet, is not installed.
    InputError
        If the name has another suffix, or the folder does not exist.
    """
    path = Path(path)
    if not path.name.endswith(_WRITTEN):
        raise InputError(f"a file name that ends in {', '.join(_WRITTEN)}", path.name, "Choose one of these.")
    if not path.parent.is_dir():
        raise InputError(f"a folder {path.parent} to write {path.name} to", "no such folder", "Create it first.")
    try:
        import pandas  # noqa: F401

        if path.name.endswith(".parquet"):
            import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"what writes {path.name}", str(error), _INSTALL) from error


def write_rows(path: str | os.PathLike[str], pieces: Iterable[pandas.DataFrame]) -> None:
    """Write a table piece by piece as CSV, ``.csv.gz`` or Parquet; ``path`` is replaced whole or left as it was.

    Parameters
    ----------
    path
        File to write. The same pieces give the same bytes.
    pieces
        Frames with the same columns, one or more; their index is left out.

    Raises
    ------
    MissingExtraError, InputError
        As :func:`check_rows_file`; and whatever making the pieces raises.

    Examples
    --------
    >>> import tempfile
    >>> import pandas
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rows(Path(folder, "x.csv"), (pandas.DataFrame({"x": [k, k]}) for k in range(2)))
    ...     Path(folder, "x.csv").read_text().split()
    ['x', '0', '0', '1', '1']
    """
    path = Path(path)
    check_rows_file(path)
    with replacing(path) as temporary:
        if path.name.endswith(".parquet"):
            _write_parquet(temporary, pieces)
        else:
            _write_csv(temporary, pieces, packed=path.name.endswith(".gz"))


def _table_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file of a kind that can be read."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataFileError(f"a file {path}", "no such file", "Check the path.")
    if not (_CSV.search(path.name) or _PARQUET.search(path.name)):
        advice = "Convert it, or name it after what it holds."
        raise DataFileError(f"{path} to end in .csv, .csv.gz or .parquet", path.suffix or "no suffix", advice)
    return path


def _check_rows(path: Path, *, has_rows: bool) -> None:
    if not has_rows:
        raise DataFileError(f"{path} to hold rows", "none", "Check that it is the right file.")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file or with what reads it."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"what reads {path.name}", str(error), _INSTALL) from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataFileError(f"{path} to be a complete, readable table", str(error), COPY_AGAIN) from error


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


def _csv_pieces(path: Path, text: Collection[str], n_rows: int) -> Iterator[pandas.DataFrame]:
    import pandas

    with pandas.read_csv(path, dtype=dict.fromkeys(text, str), chunksize=n_rows, **_CSV_OPTIONS) as reader:
        while True:
            with _no_surplus_values():
                piece = next(reader, None)
            if piece is None:
                return
            yield piece


def _write_parquet(path: Path, pieces: Iterable[pandas.DataFrame]) -> None:
    from pyarrow import Table, parquet

    pieces = iter(pieces)
    first = Table.from_pandas(next(pieces), preserve_index=False)
    with parquet.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for piece in pieces:
            writer.write_table(Table.from_pandas(piece, schema=first.schema, preserve_index=False))


def _write_csv(path: Path, pieces: Iterable[pandas.DataFrame], *, packed: bool) -> None:
    with ExitStack() as stack:
        file: Any = stack.enter_context(path.open("wb"))
        if packed:  # without the time and the temporary name
            file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
        for number, piece in enumerate(pieces):
            file.write(piece.to_csv(index=False, header=number == 0, lineterminator="\n").encode())
