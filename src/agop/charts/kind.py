"""Kinds of runs: how a run of a kind is read, and what a report shows and says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from agop.charts.chart import Chart, Choice
from agop.charts.document import NumberTable, Plot, Summary
from agop.charts.findings import Finding
from agop.errors import InputError
from agop.rooms import import_rooms
from agop.runs import Run, TrainingFit

__all__ = [
    "Kind",
    "MakePlots",
    "Result",
    "accepting",
    "all_kinds",
    "by_run",
    "kind_of",
    "nothing_measured",
    "plain_settings",
    "register",
]


MakePlots: TypeAlias = Callable[[Sequence[Any]], Plot | Sequence[Plot] | None]
"""Function that makes a plot, or several, of results on the same axes; None where no result has its numbers."""


class Result(Protocol):
    """A run as reports see it, read from its folder or made from a value in hand; a frozen dataclass.

    Attributes
    ----------
    name
        Name of the run in a report.
    info
        ``run.json``; at least "settings".
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def info(self) -> Mapping[str, Any]: ...  # noqa: D102 - described above

    def fit(self) -> TrainingFit:
        """Fit of the worst seed to its training rows, where that is known."""
        ...


@dataclass(frozen=True, eq=False)
class Kind:
    """Readings and views of the runs of a subject; each subject registers one object, under the "kind" in ``run.json``.

    Attributes
    ----------
    name
        Value of "kind" in ``run.json`` and in the headers of files of this kind.
    title
        Name of the kind in headings.
    result
        Class of its results.
    read
        Result of a run folder; InputError if nothing was measured yet, DataFileError if files are damaged.
    accepts
        Values in hand that are of this kind, by their class, and how each becomes a result.
    load
        Value in hand from a file whose header has this kind.
    heading
        Heading of a report on one result.
    plots
        Functions that make the plots of one result, or of several on the same axes, in the order of reading.
    findings
        Findings on one result, or on several that are compared.
    table
        Numbers of a result.
    notes
        Notes on what a result leaves out.
    data
        Data of a result in words, such as "600 samples of 10 classes"; empty if they are not known.
    summary
        What is read first of one result, or of several that are compared; None if that are the findings.
    terms
        Meaning and source of each term that the plots use.
    """

    name: str
    title: str
    result: type[Any]
    read: Callable[[Run], Any]
    plots: Sequence[MakePlots]
    findings: Callable[[Sequence[Any]], list[Finding]]
    table: Callable[[Any], NumberTable]
    heading: Callable[[Any], str]
    notes: Callable[[Any], list[str]] = lambda result: []
    data: Callable[[Any], str] = lambda result: ""
    summary: Callable[[Sequence[Any]], Summary | None] = lambda results: None
    terms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    accepts: Mapping[type, Callable[[Any], Any]] = field(default_factory=dict)
    load: Callable[[Path], Any] | None = None

    def plots_of(self, results: Sequence[Any], observe: Callable[[], object] = lambda: None) -> list[Plot]:
        """All plots of results of this kind; ``observe`` is called after each of the functions that make them."""
        found: list[Plot] = []
        for make in self.plots:
            made = make(results)
            found += [made] if isinstance(made, Plot) else made or []
            observe()
        return found


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Add a kind to those that reports know; returns it."""
    _KINDS[kind.name] = kind
    return kind


def all_kinds() -> dict[str, Kind]:
    """Kinds of all rooms, by their names, in the order in which a report shows them."""
    import_rooms()
    return dict(sorted(_KINDS.items()))


def accepting(value: Any) -> Callable[[Any], Any] | None:
    """Function of a kind that makes a result of a value in hand; None if none accepts it."""
    accepted = {cls: make for kind in all_kinds().values() for cls, make in kind.accepts.items()}
    return next((make for cls, make in accepted.items() if isinstance(value, cls)), None)


def kind_of(result: Result) -> Kind:
    """Kind of a result, by its class."""
    return next(kind for kind in all_kinds().values() if type(result) is kind.result)


def by_run(results: Sequence[Result], charts: Mapping[str, Chart]) -> Chart:
    """The chart of the only run, or one of several at a time, by the name of the run."""
    return next(iter(charts.values())) if len(results) == 1 else Choice("run", charts, start=next(iter(charts)))


def nothing_measured(run: Run) -> InputError:
    """Error for a run that has no numbers yet."""
    return InputError(f"numbers in {run.path}", "a run that has measured nothing yet", "Let it go on first.")


def plain_settings(parameters: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Parameters of an estimator as settings: numbers, texts and truth values as they are, others by their text.

    Examples
    --------
    >>> plain_settings({"depth": 3, "seeds": (1, 2)}.items())
    {'depth': 3, 'seeds': '(1, 2)'}
    """
    plain = bool | int | float | str | None
    return {name: value if isinstance(value, plain) else repr(value) for name, value in parameters}
