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
from agop.estimator.arrays import check_features
from agop.estimator.outline import Outline
from agop.estimator.place import Place
from agop.estimator.rows import GATHERED_BYTES, ChunkedRows

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
    outline = Outline(most_bytes)
    targets: list[Any] = []
    for number, (chunk, own) in enumerate(map(_pair, start())):
        where = Place(number, len(outline), chunk)
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
            with Place(number, n_rows, chunk):
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
