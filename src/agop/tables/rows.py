"""Tables read and written in pieces of some rows, for those that do not fit memory (extra ``tables``)."""

from __future__ import annotations

import gzip
import lzma
import os
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agop.datasets.files import COPY_AGAIN
from agop.errors import DataFileError, InputError, MissingExtraError
from agop.runs.storage import replacing
from agop.tables.files import _CSV, _INSTALL, read_table

if TYPE_CHECKING:
    import pandas

__all__ = ["check_rows_file", "table_rows", "write_rows"]

_WRITTEN = (".csv", ".csv.gz", ".parquet")


def table_rows(
    path: str | os.PathLike[str], *, text: Collection[str] = (), n_rows: int = 20_000
) -> Iterator[pandas.DataFrame]:
    r"""Pieces of a table, in the order of its rows; of a CSV file one is in memory at a time.

    Parameters
    ----------
    path
        As for :func:`agop.tables.files.read_table`.
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
    path = Path(path).expanduser()
    if path.is_file() and _CSV.search(path.name):
        yield from _csv_rows(path, text, n_rows)
    else:
        frame = read_table(path)
        for start in range(0, len(frame), n_rows):
            yield frame.iloc[start : start + n_rows]


def _csv_rows(path: Path, text: Collection[str], n_rows: int) -> Iterator[pandas.DataFrame]:
    empty = True
    try:
        for piece in _pieces(path, text, n_rows):
            empty = empty and piece.empty
            yield piece
    except ImportError as error:
        raise MissingExtraError(f"what reads {path.name}", str(error), _INSTALL) from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataFileError(f"{path} to be a complete, readable table", str(error), COPY_AGAIN) from error
    if empty:
        raise DataFileError(f"{path} to hold rows", "none", "Is it the right file?")


def _pieces(path: Path, text: Collection[str], n_rows: int) -> Iterator[pandas.DataFrame]:
    import pandas

    options = {"na_values": "?", "skipinitialspace": True, "index_col": False, "low_memory": False}
    with pandas.read_csv(path, dtype=dict.fromkeys(text, str), chunksize=n_rows, **options) as reader:
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pandas.errors.ParserWarning)  # of values that have no column
                try:
                    piece = next(reader, None)
                except pandas.errors.ParserWarning as error:
                    raise ValueError("rows with more values than the first line has names") from error
            if piece is None:
                return
            yield piece


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
