"""Digests of the rows of a table, and of all of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agop.tables.parquet import ParquetTable

if TYPE_CHECKING:
    import pandas

__all__ = ["row_digests", "table_checksum"]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""An odd factor, so that columns in another order make another digest."""


def row_digests(table: pandas.DataFrame | ParquetTable) -> NDArray[np.uint64]:
    """Digests (n,) of the rows, equal for rows of equal values, missing ones included; a column is read at a time.

    Examples
    --------
    >>> import pandas
    >>> digests = row_digests(pandas.DataFrame({"a": [1, 2, 1], "b": [None, 3, None]}))
    >>> bool(digests[0] == digests[2]), bool(digests[0] == digests[1])
    (True, False)
    """
    from pandas.util import hash_pandas_object

    digests = np.zeros(len(table), dtype=np.uint64)
    for name in table.columns:
        digests = digests * _FACTOR + hash_pandas_object(table[name], index=False).to_numpy()
    return digests


def table_checksum(table: pandas.DataFrame | ParquetTable) -> str:
    """SHA-256 of names and values, in their order."""
    digest = hashlib.sha256(json.dumps([str(name) for name in table.columns]).encode())
    digest.update(row_digests(table).tobytes())
    return digest.hexdigest()
