"""Contents of a report, apart from its layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from agop.charts.chart import Chart

if TYPE_CHECKING:
    from agop.charts.findings import Finding

__all__ = ["Document", "NumberTable", "Plot", "Summary"]


@dataclass(frozen=True, eq=False)
class Plot:
    """A chart with what it shows.

    Attributes
    ----------
    name
        Name of its files, such as "nc1".
    title
        Heading.
    chart
        Chart that is drawn.
    findings
        Findings from these numbers.
    caption
        Text on how to read it.
    terms
        Terms that it uses, out of those of its document.
    """

    name: str
    title: str
    chart: Chart
    findings: Sequence[Finding]
    caption: str
    terms: Sequence[str] = ()


@dataclass(frozen=True)
class NumberTable:
    """Rows of cells as they are printed, with the names of the columns.

    Attributes
    ----------
    title
        Heading.
    columns
        Names of the columns; the first names the row.
    rows
        Cells, one for each column.
    words
        Columns beside the first that hold words instead of numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Collection[str] = ()

    @classmethod
    def of(
        cls,
        title: str,
        rows: tuple[str, Sequence[Any]],
        columns: Mapping[str, tuple[Mapping[Any, float] | None, str]],
    ) -> Self:
        """Table from the name of the first column and its entries, and the numbers of others by them with a format.

        Examples
        --------
        >>> NumberTable.of("", ("layer", [1, 2]), {"NC1": ({1: 0.25}, ".3g"), "NC2": (None, ".3g")}).rows
        [['1', '0.25'], ['2', '–']]
        """
        shown = {name: (found, form) for name, (found, form) in columns.items() if found}
        cells = [
            [format(found[key], form) if key in found else "–" for found, form in shown.values()] for key in rows[1]
        ]
        return cls(title, [rows[0], *shown], [[str(key), *row] for key, row in zip(rows[1], cells, strict=True)])


@dataclass(frozen=True)
class Summary:
    """What is read first: a sentence, and the numbers that it rests on.

    Attributes
    ----------
    sentence
        Sentence on all the runs.
    table
        Table with a row a run.
    deciding
        (row, column) of the numbers that the sentence is about.
    """

    sentence: str
    table: NumberTable
    deciding: Collection[tuple[int, int]] = ()

    @classmethod
    def of(
        cls,
        sentence: str,
        runs: Sequence[tuple[str, Mapping[str, str]]],
        deciding: Sequence[tuple[int, str]],
        words: Collection[str] = ("fitted",),
    ) -> Self:
        """Summary of runs, each a name and its numbers by the names of their columns.

        Numbers that decide are (row, name of the column); those that no run has are left out. ``words`` are the columns
        that hold words instead of numbers.

        Examples
        --------
        >>> summary = Summary.of("", [("a", {"NC1": "4"}), ("b", {"NC2": "1"})], [(1, "NC2"), (0, "NC3")])
        >>> summary.table.rows, summary.deciding
        ([['a', '4', '–'], ['b', '–', '1']], [(1, 2)])
        """
        columns = ["run", *dict.fromkeys(column for _, cells in runs for column in cells)]
        rows = [[name, *(cells.get(column, "–") for column in columns[1:])] for name, cells in runs]
        table = NumberTable("Summary of the runs" if len(runs) > 1 else "Summary", columns, rows, words)
        return cls(sentence, table, [(row, columns.index(column)) for row, column in deciding if column in columns])


@dataclass(frozen=True, eq=False)
class Document:
    """A report.

    Attributes
    ----------
    title, lead
        Heading, and a line on the data and on what was run.
    findings
        Findings on the whole.
    plots
        Plots in the order in which they are read.
    tables
        Numbers, settings and machines.
    notes
        Notes that the reader must know first, such as that labels were permuted.
    differences
        Settings that differ between runs of one kind; None for a single run, or runs of several kinds.
    terms
        Meaning and source of each term that the plots use.
    summary
        Summary of the runs; without one the findings are read first.
    remarks
        Remarks on what was left out and why.
    """

    title: str
    lead: str
    findings: Sequence[Finding]
    plots: Sequence[Plot]
    tables: Sequence[NumberTable]
    notes: Sequence[str] = ()
    differences: NumberTable | None = None
    terms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    summary: Summary | None = None
    remarks: Sequence[str] = ()
