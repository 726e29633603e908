"""What every result of a run has, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agop.runs import Fit

__all__ = ["FittedResult", "Result", "of_run"]


class Result(Protocol):
    """A run as reports see it, read from its folder or made from a record.

    Attributes
    ----------
    name
        Name of the run in this report.
    info
        ``run.json``; at least "settings".
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def info(self) -> Mapping[str, Any]: ...  # noqa: D102 - described above


class FittedResult(Result, Protocol):
    """A run that fits training rows."""

    def fit(self) -> Fit:
        """How well the worst seed fits, where it is measured last."""
        ...


def of_run(results: Sequence[Result], result: Result, sentence: str) -> str:
    """A sentence on one of the results, with its name where there are several."""
    return sentence if len(results) == 1 else f"{result.name}: {sentence}"
