"""A chunk of rows and where it is, which errors on it name."""

from __future__ import annotations

from typing import Any

import numpy as np

from agop.errors import InputError
from agop.estimator.arrays import as_array

__all__ = ["Place"]


class Place:
    """A chunk and its rows, in whose context errors name them.

    Parameters
    ----------
    number, first
        Number of the chunk, and of its first row.
    chunk
        Its rows, as they came.

    Examples
    --------
    >>> print(Place(1, 20, np.zeros((10, 3))))
    chunk 1, rows 20 to 29
    """

    def __init__(self, number: int, first: int, chunk: Any) -> None:
        self.number, self.first, self.chunk = number, first, chunk

    def __str__(self) -> str:
        """Number of the chunk and its rows."""
        end = self.first + (len(self.chunk) if hasattr(self.chunk, "__len__") else 1)
        return f"chunk {self.number}, rows {self.first} to {end - 1}"

    def __enter__(self) -> None:
        """Begin what the chunk is needed for."""

    def __exit__(self, _: Any, error: BaseException | None, trace: Any) -> None:
        """Name the chunk in an error on its contents."""
        if isinstance(error, (ValueError, TypeError)):
            got = error.got if isinstance(error, InputError) else str(error).partition("\n")[0].rstrip(".")
            advice = error.advice if isinstance(error, InputError) else "Mend that chunk, or leave it out."
            raise InputError(
                "chunks of finite numbers with the columns of the first", f"{got}, in {self._row_or_chunk}", advice
            ) from error

    @property
    def _row_or_chunk(self) -> str:
        """The chunk, and its first row that is not finite, if it is one of numbers."""
        try:
            bad = ~np.isfinite(np.asarray(as_array(self.chunk), dtype=np.float64)).all(1)
        except (TypeError, ValueError, np.exceptions.AxisError):
            return str(self)
        return f"{self}, first in row {self.first + int(bad.argmax())}" if bad.any() else str(self)

    def targets(self, y: Any, before: Any, n_rows: int) -> Any:
        """Targets (b,) or (b, C) of the chunk, of the kind and the width of those before."""
        values = np.asarray(as_array(y))
        if len(values) != n_rows:
            raise InputError(f"{n_rows} targets", f"{len(values)}, in {self}", "Pair each row with its target.")
        if before is not None and (_is_number(values) != _is_number(before) or values.shape[1:] != before.shape[1:]):
            got = f"{values.dtype} of shape {values.shape}, in {self}"
            raise InputError(f"targets like those of the first chunk, {before.dtype}", got, "Make them all alike.")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row = self.first + int((~np.isfinite(values)).reshape(len(values), -1).any(1).argmax())
            raise InputError("finite targets", f"NaN or infinity, in {self}, first in row {row}", "Leave it out.")
        return values


def _is_number(values: Any) -> bool:
    return values.dtype.kind in "biuf"
