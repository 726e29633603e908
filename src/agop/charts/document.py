"""What a report says, apart from how it is laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agop.charts.chart import Chart

__all__ = ["Document", "NumberTable", "Plot"]


@dataclass(frozen=True, eq=False)
class Plot:
    """A chart with what it shows.

    Attributes
    ----------
    name
        Of its files, such as "nc1".
    title
        Its heading.
    chart
        What is drawn.
    findings
        Sentences about these numbers.
    caption
        How to read it.
    terms
        Terms that it uses, out of those of its document.
    """

    name: str
    title: str
    chart: Chart
    findings: Sequence[str]
    caption: str
    terms: Sequence[str] = ()


@dataclass(frozen=True)
class NumberTable:
    """Rows of cells as they are printed, with the names of the columns; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Document:
    """A report.

    Attributes
    ----------
    title, lead
        Heading, and a line on what was run.
    findings
        Sentences on the whole.
    plots
        In the order in which they are read.
    tables
        Numbers, settings and machines.
    notes
        What the reader must know first, such as that labels were permuted or what could not be shown.
    differences
        Settings that differ between runs of one kind; None for a single run, or runs of several kinds.
    terms
        Meaning and source of each term that the plots use.
    """

    title: str
    lead: str
    findings: Sequence[str]
    plots: Sequence[Plot]
    tables: Sequence[NumberTable]
    notes: Sequence[str] = ()
    differences: NumberTable | None = None
    terms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
