"""Tables that are written piece by piece (extra ``tables``)."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agop.errors import InputError, MissingExtraError
from agop.runs.files import replacing
from agop.tables.readable import INSTALL

if TYPE_CHECKING:
    import pandas

__all__ = ["check_rows_file", "write_rows"]

_WRITTEN = (".csv", ".csv.gz", ".parquet")


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
        raise MissingExtraError(f"what writes {path.name}", str(error), INSTALL) from error


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
