"""Another seed for all that is drawn: what a test says must hold for other data than those that it was written on.

Random streams are shifted where they start, in tests and in agop alike, so that equal seeds still give equal numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

__all__ = ["SEED", "shift_seeds"]

SEED = int(os.environ.get("AGOP_SEED", "0"))
"""Number that every seed is shifted by; 0 for the tests as they are."""


def shift_seeds() -> None:
    """Add it to every seed of ``numpy.random.default_rng``, ``torch.manual_seed`` and ``torch.Generator``."""

    class Generator(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            return super().manual_seed(seed + SEED)

    np.random.default_rng = _shifted(np.random.default_rng)
    torch.manual_seed = _shifted(torch.manual_seed)
    torch.Generator = Generator


def _shifted(start: Callable[..., Any]) -> Callable[..., Any]:
    def started(seed: Any = None) -> Any:
        if isinstance(seed, Iterable):
            return start([*seed, SEED])
        return start(seed + SEED if isinstance(seed, int | np.integer) else seed)

    return started
