"""Work of ``agop merge``: one run from those of the parts of the data, as array jobs leave them."""

from __future__ import annotations

from pathlib import Path

from agop.cli.app import readable_errors
from agop.cli.measure import show_record
from agop.cli.terminal import working
from agop.network import merge_runs

__all__ = ["merge"]


def merge(runs: list[Path], out: Path) -> None:
    """Merge into a folder, and print the record."""
    with readable_errors():
        with working(f"merging {len(runs)} runs", len(runs) + 1) as advance:  # the last piece is the measurement
            record = merge_runs(runs, out, advance)
        show_record(record, out)
