"""Tables for the terminal: names stay whole, whatever is in them, and no number is cut where it is narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agop.charts.console import PlainConsole
from agop.charts.document import NumberTable

__all__ = ["Column", "TerminalTable"]

_NARROWEST = 12
"""Letters of a name side by side at least, before it is broken into lines."""

_ANY = 10_000
"""A width at which nothing is broken."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Its heading; one without stays beside the column before it.
    kind
        "number"; "name", which may be broken into lines; "bar", which is left out where there is no room.
    """

    title: str
    kind: Literal["number", "name", "bar"] = "number"


@dataclass(frozen=True)
class TerminalTable:
    """A table that rich prints at any width, its first column the name of each row.

    Where it is wider than the terminal, bars are left out, then names are broken into lines, and then the columns are
    folded into blocks below each other, each with the names of the rows. All texts are printed as they are: brackets
    in them are no markup.

    Attributes
    ----------
    title
        Title above the table; may be empty.
    columns
        Columns of the table.
    rows
        Cells as they are printed, one for each column.

    Examples
    --------
    >>> columns = [Column("layer", "name"), Column("NC1"), Column("NC2")]
    >>> table = TerminalTable("", columns, [["rate [/h]", "4.5", "6.7"]])
    >>> console = Console(width=20)
    >>> with console.capture() as printed:
    ...     console.print(table)
    >>> [line.split() for line in printed.get().splitlines() if "h]" in line]
    [['rate', '[/h]', '4.5'], ['rate', '[/h]', '6.7']]
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, numbers: NumberTable, title: str) -> Self:
        """Table of a report."""
        words = {*numbers.columns[:1], *numbers.words}
        columns = [Column(name, "name" if name in words else "number") for name in numbers.columns]
        return cls(title, columns, numbers.rows)

    def __str__(self) -> str:
        """The table as it is printed here."""
        console = PlainConsole()
        with console.capture() as printed:
            console.print(self)
        return printed.get()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """The blocks that fit the width."""

        def fits(columns: Sequence[int], letters: int | None) -> bool:
            table = self._block(columns, letters)
            return Measurement.get(console, options.update(max_width=_ANY), table).maximum <= options.max_width

        everything = range(len(self.columns))
        plain = [place for place in everything if self.columns[place].kind != "bar"]
        if whole := next((columns for columns in (everything, plain) if fits(columns, None)), None):
            yield self._block(whole, None, self.title)
            return
        letters = max(_NARROWEST, options.max_width // 4)
        first, *groups = self._groups(plain)
        block, title = list(first), self.title
        for group in groups:
            if len(block) > len(first) and not fits([*block, *group], letters):
                yield self._block(block, letters, title)
                block, title = list(first), ""
            block += group
        yield self._block(block, letters, title)

    def _groups(self, columns: Sequence[int]) -> list[list[int]]:
        """Columns that stay together; the first one is by itself."""
        groups: list[list[int]] = []
        for place in columns:
            if len(groups) > 1 and not self.columns[place].title:
                groups[-1].append(place)
            else:
                groups.append([place])
        return groups

    def _block(self, columns: Sequence[int], letters: int | None, title: str = "") -> Table:
        """Some of the columns, with ``letters`` of a name side by side at most."""
        table = Table(title=Text(title) if title else None, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for place in columns:
            column = self.columns[place]
            is_name = column.kind == "name"
            table.add_column(
                Text(column.title),
                justify="right" if column.kind == "number" else "left",
                overflow="fold",
                no_wrap=not is_name,
                max_width=letters if is_name else None,
            )
        for row in self.rows:
            table.add_row(*(Text(row[place]) for place in columns))
        return table
