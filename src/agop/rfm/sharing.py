"""What ranks must have in common before they fit a model together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agop.ranks import Ranks, require_same
from agop.rfm.samples import Samples

__all__ = ["require_same_parameters", "require_same_samples"]

_OWN = {"callback", "verbose", "random_state"}
"""Parameters that each rank may have for itself; the random state of the first rank counts."""


def require_same_parameters(ranks: Ranks, parameters: Mapping[str, Any]) -> None:
    """Raise for parameters of an estimator that differ between ranks.

    Raises
    ------
    InputError
        On all ranks.
    """
    shared = {name: repr(value) for name, value in parameters.items() if name.rpartition("__")[2] not in _OWN}
    require_same(ranks, shared)


def require_same_samples(ranks: Ranks, samples: Samples, kind: str = "") -> None:
    """Raise unless all ranks have the same samples, as the sums of their bits say.

    Raises
    ------
    InputError
        On all ranks.
    """
    parts = {"inputs": samples.inputs, "targets": samples.sample_targets, "weights": samples.sample_weights}
    require_same(ranks, {kind + name: values for name, values in parts.items()}, "samples")
