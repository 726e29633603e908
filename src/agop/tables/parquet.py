"""Parquet files as tables that need not fit in memory (extra ``tables``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from agop.chunks import DEFAULT_CHUNK_BYTES
from agop.datasets.files import COPY_AGAIN
from agop.errors import DataFileError, InputError
from agop.extras import require
from agop.tables.packed import check_row_count
from agop.tables.readable import check_rows, readable

if TYPE_CHECKING:
    import pandas

__all__ = ["ParquetTable"]

_PIECE_ROWS, _BUFFER_BYTES = 20_000, 2**16
"""Rows of a piece at most; bytes of each column that are read from the file at once."""


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """Rows of a Parquet file, of which a column, or a piece of some rows, is in memory when it is asked for.

    ``table["age"]`` is a column, ``table[mask]`` has some of the rows, ``table.drop("age")`` lacks a column, and a loop
    over the table gives frames of consecutive rows, every time the same ones. ``TableEncoder`` learns from columns, and
    codes pieces; so a ``table_pipeline`` can be fitted to a table that does not fit in memory, and predict it.

    Parameters
    ----------
    path
        The file.
    n_rows
        Rows of a piece at most; 20,000 if None, fewer of a wide table.
    dropped
        Columns that are left out.
    kept
        Which of the rows count, a mask; all if None.

    Raises
    ------
    MissingExtraError
        If pandas or pyarrow is not installed.
    DataFileError
        If the file is missing, damaged, or has no rows, or so many that a column of numbers would take more than 100
        times the size of the file (16 MiB if that is more), as soon as that is seen.

    Examples
    --------
    >>> import tempfile
    >>> import pandas
    >>> from agop.tables.task import TableTask
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.parquet")
    ...     pandas.DataFrame({"age": [31, 40, 25], "town": ["Ulm", None, "Bonn"]}).to_parquet(path)
    ...     task = TableTask.of(ParquetTable(path, n_rows=1), "town")
    ...     len(task.rows), task.targets.tolist(), [frame.age.tolist() for frame in task.rows]
    (2, ['Ulm', 'Bonn'], [[31], [25]])
    """

    path: Path
    n_rows: int | None = None
    dropped: frozenset[str] = frozenset()
    kept: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        columns = self.columns
        if len(set(columns)) < len(columns):
            raise InputError("columns with different names", f"{columns}", "Rename them.")
        check_rows(self.path, has_rows=self._metadata.num_rows > 0)
        check_row_count(Path(self.path), self._metadata.num_rows)

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns; the index of a frame that was written with it is none."""
        with readable(self.path):
            schema = self._metadata.schema.to_arrow_schema()
            index = (schema.pandas_metadata or {}).get("index_columns", ())
        return [name for name in schema.names if name not in self.dropped and name not in index]

    @cached_property
    def _metadata(self) -> Any:
        with readable(self.path):
            from pyarrow import parquet

            return parquet.read_metadata(self.path)

    def __len__(self) -> int:
        """Number of rows."""
        return int(self._metadata.num_rows if self.kept is None else self.kept.sum())

    def __getitem__(self, key: Any) -> Any:
        """The column of a name, or the table of the rows where a mask (n,) is true."""
        if isinstance(key, str):
            return self._column(key)
        mask, kept = np.asarray(key, dtype=bool), self.kept
        if kept is None:
            return replace(self, kept=mask)
        kept = kept.copy()
        kept[kept] = mask
        return replace(self, kept=kept)

    def drop(self, columns: str) -> Self:
        """The table without a column."""
        return replace(self, dropped=self.dropped | {columns})

    def head(self) -> pandas.DataFrame:
        """The columns without rows."""
        return require("pandas", "tables").DataFrame(columns=self.columns)

    def each_column(self) -> Sequence[pandas.Series[Any]]:
        """The columns, each of which is read when it is asked for."""
        return _Columns(self)

    def __iter__(self) -> Iterator[pandas.DataFrame]:
        """Frames of consecutive rows, whose index is the place in the file."""
        done = 0
        size = self.n_rows or min(_PIECE_ROWS, max(1, DEFAULT_CHUNK_BYTES // (16 * len(self.columns))))
        with readable(self.path):
            batches = self._opened().iter_batches(batch_size=size, columns=self.columns)
        while True:
            with readable(self.path):
                batch = next(batches, None)
                if batch is None:
                    break
                batch.validate(full=True)  # text that is none, for which nothing else looks here
                frame = batch.to_pandas()[self.columns]
            frame.index = range(done, done + len(frame))
            done += len(frame)
            if self.kept is not None:
                frame = frame[self.kept[frame.index]]
            if len(frame):
                yield frame
        if done != self._metadata.num_rows:
            got = f"{done} of {self._metadata.num_rows}"
            raise DataFileError(f"all rows that {self.path} says it has", got, COPY_AGAIN)

    def _column(self, name: str) -> pandas.Series[Any]:
        with readable(self.path):
            table = self._opened().read(columns=[name])
            table.validate(full=True)
            column = table.to_pandas()[name].reset_index(drop=True)
        return column if self.kept is None else column[self.kept]

    def _opened(self) -> Any:
        from pyarrow import parquet

        options = {"pre_buffer": False, "buffer_size": _BUFFER_BYTES, "page_checksum_verification": True}
        return parquet.ParquetFile(self.path, metadata=self._metadata, **options)


@dataclass(frozen=True)
class _Columns(Sequence[Any]):
    table: ParquetTable

    def __len__(self) -> int:
        return len(self.table.columns)

    def __getitem__(self, index: Any) -> Any:
        return self.table[self.table.columns[index]]
