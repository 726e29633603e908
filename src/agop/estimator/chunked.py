"""Features that come in chunks, which are read again and again, so that they need not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import as_array, check_features
from agop.estimator.rows import GATHERED_BYTES, ChunkedRows, row_words

__all__ = ["chunked_rows", "chunkwise", "features_and_targets", "is_chunked"]

Parameters = ParamSpec("Parameters")
Owner = TypeVar("Owner")
Result = TypeVar("Result")


def is_chunked(X: Any) -> bool:
    """Whether X comes in chunks: a function that starts an iterator, or an iterable that is no array, frame or list.

    Examples
    --------
    >>> is_chunked(lambda: iter([np.eye(2)])), is_chunked(np.eye(2)), is_chunked([[1.0, 2.0]])
    (True, False, False)
    """
    arrays = isinstance(X, (list, tuple, str, bytes, dict)) or any(hasattr(X, name) for name in ("__array__", "shape"))
    return not arrays and (callable(X) or hasattr(X, "__iter__"))


class _Chunks:
    """Passes over the chunks of X."""

    def __init__(self, X: Any) -> None:
        self._source, self._last = X, X

    def __call__(self) -> Iterator[Any]:
        """Start a pass; InputError if it cannot be another one."""
        chunks = _pass_over(self._source)
        if chunks is self._last:
            raise InputError(
                "chunks that can be read again",
                f"a {type(chunks).__name__} that ends after one pass",
                "Pass the function that makes it, or an object whose __iter__ starts anew.",
            )
        self._last = chunks
        return chunks


def _pass_over(X: Any) -> Iterator[Any]:
    return iter(X() if callable(X) else X)


def features_and_targets(
    estimator: BaseEstimator, X: Any, y: Any, max_memory: int | None, *, together: bool = False
) -> tuple[Tensor, Any]:
    """Features (n, d) of a fit, checked, and its targets, which chunks may bring along.

    Features in chunks that fit ``max_memory``, 1 GiB if None, are gathered; else they stay in the chunks, and stand for
    a tensor where slices and indices of its rows are all that is asked for (``ChunkedRows``).

    Raises
    ------
    ValueError
        As ``check_features``, with the number of the chunk and its rows; if chunks differ, end after one pass, or
        have targets where ``y`` is given, or none where it is not.
    MemoryBudgetError
        If they do not fit and are needed ``together``.
    """
    if not is_chunked(X):
        return check_features(estimator, X, reset=True), y

    def checked(chunk: Any, reset: bool) -> Tensor:
        return check_features(estimator, chunk, reset=reset, least=1)

    most_bytes = GATHERED_BYTES if max_memory is None else max_memory
    rows, targets = chunked_rows(_Chunks(X), checked, y, most_bytes)
    if len(rows) < 2:
        raise InputError("2 or more samples", f"{len(rows)}", "One sample says nothing about features.")
    if together and isinstance(rows, ChunkedRows):
        raise rows.too_large()
    return cast("Tensor", rows), targets


def chunked_rows(
    start: Callable[[], Iterator[Any]], convert: Callable[[Any, bool], Tensor], y: Any, most_bytes: int
) -> tuple[Tensor | ChunkedRows, Any]:
    """Rows after a first pass over chunks X, or pairs (X, y) where ``y`` is None, and their targets.

    Parameters
    ----------
    start
        Starts a pass over the chunks.
    convert
        A chunk as float32 or float64 (b, d), checked; whether it is the first.
    y
        Targets, if the chunks have none.
    most_bytes
        Bytes up to which rows are gathered.

    Raises
    ------
    InputError
        If chunks are unusable or differ.
    """
    outline = _Outline(most_bytes)
    targets: list[Any] = []
    for number, (chunk, own) in enumerate(map(_pair, start())):
        where = _Place(number, len(outline), chunk)
        with where:
            rows = convert(chunk, number == 0)
        outline.add(rows, where)
        if (own is None) == (y is None):
            got = "both" if own is not None else f"neither, in {where}"
            raise InputError("targets in the chunks, as pairs (X, y), or in y", got, "Pass them once.")
        if own is not None:
            targets.append(where.targets(own, targets[0] if targets else None, len(rows)))
    if not len(outline):
        raise InputError("chunks of rows", "none", "Check what the iterator gives.")
    y = np.concatenate(targets) if y is None else y

    def rows_again() -> Iterator[Tensor]:
        return (convert(_pair(item)[0], False).to(outline.device) for item in start())

    return outline.rows(rows_again), y


def chunkwise(
    method: Callable[Concatenate[Owner, Any, Parameters], Result],
) -> Callable[Concatenate[Owner, Any, Parameters], Result]:
    """A method whose results, one a row, are joined where X comes in chunks; targets in these do not count."""

    @wraps(method)
    def joined(self: Owner, X: Any, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if not is_chunked(X):
            return method(self, X, *args, **kwargs)
        results: list[Any] = []
        n_rows = 0
        for number, (chunk, _) in enumerate(map(_pair, _pass_over(X))):
            with _Place(number, n_rows, chunk):
                results.append(method(self, chunk, *args, **kwargs))
            n_rows += len(chunk)
        if not results:
            raise InputError("chunks of rows", "none", "Check what the iterator gives.")
        several = isinstance(results[0], tuple)
        return cast("Result", tuple(map(_joined, zip(*results, strict=True))) if several else _joined(results))

    return cast("Callable[Concatenate[Owner, Any, Parameters], Result]", joined)


def _joined(parts: Any) -> Any:
    parts = list(parts)
    return torch.cat(parts) if isinstance(parts[0], Tensor) else np.concatenate(parts)


def _pair(item: Any) -> tuple[Any, Any]:
    """Features and targets of a chunk; None where it has no targets."""
    return tuple(item) if isinstance(item, (tuple, list)) and len(item) == 2 else (item, None)


class _Place:
    """A chunk and its rows, in whose context errors name them."""

    def __init__(self, number: int, first: int, chunk: Any) -> None:
        self.number, self.first, self.chunk = number, first, chunk

    def __str__(self) -> str:
        end = self.first + (len(self.chunk) if hasattr(self.chunk, "__len__") else 1)
        return f"chunk {self.number}, rows {self.first} to {end - 1}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, trace: Any) -> None:
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


class _Outline:
    """What is known of rows after a first pass: all of them where they are few, else what a ``ChunkedRows`` has."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._chunks: list[Tensor] = []
        self._words: list[Tensor] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, rows: Tensor, where: _Place) -> None:
        """Take in the rows of a chunk; InputError if their type is not that of the first."""
        if not self._n:
            self.dtype, self.device = rows.dtype, rows.device
            self._center, self._extremes = rows.new_zeros(rows.shape[1], dtype=torch.float64), (rows.min(), rows.max())
        if rows.dtype != self.dtype:
            raise InputError(f"{self.dtype} in all chunks", f"{rows.dtype} in {where}", "Convert them to one type.")
        rows = rows.to(self.device)
        self._n += len(rows)
        self._center += (rows.mean(0, dtype=torch.float64) - self._center) * (len(rows) / self._n)
        low, high = rows.aminmax()
        self._extremes = low.minimum(self._extremes[0]), high.maximum(self._extremes[1])
        if self._fits:
            self._chunks.append(rows.clone())  # the iterator may use its memory again
        else:
            self._words += map(row_words, [*self._chunks, rows])
            self._chunks.clear()

    def rows(self, start: Callable[[], Iterator[Tensor]]) -> Tensor | ChunkedRows:
        """All rows together, or to be read again."""
        if not self._fits:
            words = torch.cat(self._words)
            return ChunkedRows(start, self.dtype, self.device, words, self._extremes, self._center, self._most_bytes)
        whole = torch.empty(self._n, len(self._center), dtype=self.dtype, device=self.device)
        done = 0
        while self._chunks:
            rows = self._chunks.pop(0)
            whole[done : (done := done + len(rows))] = rows
        return whole

    @property
    def _fits(self) -> bool:
        return self._n * len(self._center) * self.dtype.itemsize <= self._most_bytes
