"""Figures of papers as values: their runs, their claims, and the verdicts on these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from agop.charts.chart import Chart, Grid
from agop.charts.findings import number_text
from agop.datasets import Standardization
from agop.errors import InputError
from agop.paper.scales import SCALE_DATA, SCALES, Scale
from agop.runs import Run
from agop.runs.storage import JSON

__all__ = ["Figure", "Observe", "Part", "Verdict"]

Observe: TypeAlias = Callable[[str], None]
"""Called with a line about the progress."""


@dataclass(frozen=True)
class Verdict:
    """A claim, the numbers that were measured for it, and whether they bear it out.

    Attributes
    ----------
    claim
        Claim of the paper.
    numbers
        Numbers that were measured for it.
    holds
        Whether it does; None where the numbers do not decide.
    note
        Limits of the verdict, such as a network that has not fitted.
    """

    claim: str
    numbers: Mapping[str, float | None]
    holds: bool | None
    note: str = ""

    @staticmethod
    def told(verdict: Mapping[str, Any]) -> str:
        """Numbers and note of a verdict in ``run.json`` as a text.

        Examples
        --------
        >>> Verdict.told({"numbers": {"share_end": 0.25, "root": None}, "note": "not fitted"})
        'share end = 0.25, root = –; not fitted'
        """
        numbers = ", ".join(f"{name.replace('_', ' ')} = {number_text(x)}" for name, x in verdict["numbers"].items())
        return "; ".join(filter(None, [numbers, verdict["note"]]))


@dataclass(frozen=True)
class Part:
    """One run of a figure, in a folder of its own that other figures may share.

    Attributes
    ----------
    name
        Name of the folder, the same only for the same settings.
    data
        Name of the data set.
    columns
        Columns that tell the lines of this part from those of others.
    settings
        Settings of the run, a dataclass; one with the field ``standardize`` for runs that standardize their inputs.
    run
        Called with the settings, the data set, None for a figure that makes its data, the folder and a callback; goes
        on with what the folder holds.
    lines
        Lines of the finished run.

    Examples
    --------
    >>> from agop.paper import FIGURES
    >>> part = FIGURES["network-nfa"].parts("quick", ("digits",), "cpu")[0]
    >>> part.name, part.data, part.columns, part.settings.epochs
    ('mlp-digits', 'digits', {'model': 'mlp'}, 150)
    """

    name: str
    data: str
    columns: Mapping[str, JSON]
    settings: Any
    run: Callable[[Any, Any, Path, Observe], Run]
    lines: Callable[[Run], Iterable[Mapping[str, Any]]] = Run.metrics

    def standardized(self, how: Standardization | None) -> Part:
        """The part with inputs standardized in this way; in its own if None."""
        return self if how is None else replace(self, settings=replace(self.settings, standardize=how))


@dataclass(frozen=True)
class Figure:
    """A figure of a paper: pure functions from (scale, data, device) to runs and from a run to verdicts.

    Attributes
    ----------
    name
        Name of the figure and of its folder.
    claim
        Claim of the paper, in one sentence.
    budget
        Seconds that the quick scale may take on two cores.
    parts
        Runs for a scale, data sets and a device.
    verdicts
        Verdicts of the finished figure.
    chart
        Chart of the finished figure.
    data
        Data sets of each scale where none are named: the paper's three, where they are expected to be there; None for a
        figure that makes its data, whose parts take none.
    measures
        Columns of the lines that the figure keeps; all if empty.
    tensors
        Regular expression for the names of the tensors that the figure keeps; none if empty.
    paper
        Paper that it is of.
    caption
        Caption of the chart: what is drawn, in which units, and how lines are told apart.

    Examples
    --------
    >>> from agop.paper import FIGURES
    >>> figure = FIGURES["initialization"]
    >>> figure.budget, [part.name for part in figure.parts("quick", figure.data_sets("quick"), "cpu")]
    (60, ['mlp-digits-gain-0.3', 'mlp-digits-gain-0.5', 'mlp-digits-gain-1', 'mlp-digits-gain-2'])
    """

    name: str
    claim: str
    budget: int
    parts: Callable[[Scale, tuple[str, ...], str], list[Part]]
    verdicts: Callable[[Run], list[Verdict]]
    chart: Callable[[Run], Chart | Grid]
    data: Mapping[Scale, tuple[str, ...]] | None = field(default_factory=lambda: SCALE_DATA)
    measures: tuple[str, ...] = ()
    tensors: str = ""
    paper: str = "Beaglehole, Súkeník, Mondelli, Belkin 2024, arXiv 2402.13728"
    caption: str = ""

    def data_sets(self, scale: Scale, wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The data sets that are wanted, each once, or those of the scale.

        Raises
        ------
        InputError
            If there is no such scale, or data sets are named for a figure that makes its data.
        """
        if scale not in SCALES:
            raise InputError(f"a scale out of {', '.join(SCALES)}", repr(scale), "Use one of these.")
        if self.data is None:
            if wanted:
                raise InputError(f"no data set for {self.name}", ", ".join(wanted), "It makes its data: name none.")
            return ()
        return tuple(dict.fromkeys(wanted)) or self.data[scale]
