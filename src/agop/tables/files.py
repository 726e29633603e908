"""Tables from files, as pandas frames (extra ``tables``)."""

from __future__ import annotations

import lzma
import os
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from agop.datasets.files import COPY_AGAIN
from agop.errors import DataFileError, MissingExtraError

if TYPE_CHECKING:
    import pandas

__all__ = ["read_table"]

_CSV = re.compile(r"\.csv(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|pq)$", re.IGNORECASE)
_INSTALL = "Install agop with its extra: pip install 'agop[tables]'."


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
    ...     _ = path.write_text("age,colour\n31,red\n?,blue")
    ...     read_table(path)
        age colour
    0  31.0    red
    1   NaN   blue
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataFileError(f"a file {path}", "no such file", "Check the path.")
    if not (_CSV.search(path.name) or _PARQUET.search(path.name)):
        advice = "Convert it, or name it after what it holds."
        raise DataFileError(f"{path} to end in .csv, .csv.gz or .parquet", path.suffix or "no suffix", advice)
    try:
        frame = _read(path)
    except ImportError as error:
        raise MissingExtraError(f"what reads {path.name}", str(error), _INSTALL) from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataFileError(f"{path} to be a complete, readable table", str(error), COPY_AGAIN) from error
    if frame.empty:
        raise DataFileError(f"{path} to hold rows", f"shape {frame.shape}", "Is it the right file?")
    return frame


def _read(path: Path) -> pandas.DataFrame:
    import pandas

    if _PARQUET.search(path.name):
        return pandas.read_parquet(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)  # of values that have no column
        try:
            return pandas.read_csv(path, na_values="?", skipinitialspace=True, index_col=False, low_memory=False)
        except pandas.errors.ParserWarning as error:
            raise ValueError("rows with more values than the first line has names") from error
