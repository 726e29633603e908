"""Another seed for all that is drawn: what a test says must hold for other data than those that it was written on.

Random streams are shifted where they start, in tests and in agop alike, so that equal seeds still give equal numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

__all__ = ["count_starts", "n_starts", "set_shift", "shift", "shift_seeds", "shift_seeds_of_processes", "unshifted"]

_SHIFT = "AGOP_SEED"
"""Name of the number that every seed is shifted by, here and in processes that tests start."""

_COUNT = "AGOP_STARTS"
"""Name of a file to which each start of a stream adds a byte: what processes draw that a test starts counts too."""


def shift() -> int:
    """Number that every seed is shifted by; 0 for the tests as they are."""
    return int(os.environ.get(_SHIFT, "0"))


def set_shift(number: int) -> None:
    """Shift every seed by it from now on, in this process and in those that it starts."""
    os.environ[_SHIFT] = str(number)


@contextmanager
def unshifted() -> Iterator[None]:
    """Streams start as they are written: for tests of others, whose claims are about their own data."""
    with mock.patch.dict(os.environ):
        for name in (_SHIFT, _COUNT):
            os.environ.pop(name, None)
        yield


def shift_seeds() -> None:
    """Shift the seeds of numpy's ``default_rng`` and ``RandomState``, ``torch.manual_seed`` and ``Generator``."""
    legacy = np.random.RandomState
    if hasattr(legacy, "is_shifted"):  # a process that tests start begins with it, and may be one that runs tests
        return

    class Kind(type):
        """Copies, and what numpy made before, are of the old class."""

        def __instancecheck__(cls, each: object) -> bool:
            return isinstance(each, legacy)

    class RandomState(legacy, metaclass=Kind):
        is_shifted = True

        def __init__(self, seed: Any = None) -> None:
            _shifted(super().__init__)(seed)

    class Generator(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            return _shifted(super().manual_seed)(seed)

    np.random.default_rng = _shifted(np.random.default_rng)
    np.random.RandomState = RandomState
    torch.manual_seed = _shifted(torch.manual_seed)
    torch.Generator = Generator


def shift_seeds_of_processes() -> None:
    """Let Python processes that start from now on begin with that."""
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def count_starts(file: Path) -> None:
    """Count the streams that start from now on, in this process and in those that it starts."""
    file.touch()
    os.environ[_COUNT] = str(file)


def n_starts() -> int:
    """Number of streams that have started."""
    return Path(os.environ[_COUNT]).stat().st_size


def _shifted(start: Callable[..., Any]) -> Callable[..., Any]:
    def started(seed: Any = None) -> Any:
        if _COUNT in os.environ:
            _add_byte(os.environ[_COUNT])
        if isinstance(seed, Iterable):
            return start([*seed, shift()])
        return start(seed + shift() if isinstance(seed, int | np.integer) else seed)

    return started


def _add_byte(file: str) -> None:
    """By calls of the system, which no test lets fail."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b".")
    os.close(descriptor)
