"""Settings of runs, their versions and machines as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from agop.charts.document import NumberTable
from agop.charts.kind import Result

__all__ = ["differing_settings", "settings_table"]


def differing_settings(results: Sequence[Result]) -> NumberTable:
    """A row for each setting that is not the same in all runs."""
    found = [_flat(result.info["settings"]) for result in results]
    rows = [[name, *(each.get(name, "–") for each in found)] for name in dict.fromkeys(chain.from_iterable(found))]
    kept = [row for row in rows if len(set(row[1:])) > 1]
    return NumberTable("Settings that differ", ["setting", *(result.name for result in results)], kept)


def settings_table(result: Result, *, several: bool) -> NumberTable:
    """Settings, versions and machine of a run."""
    info = result.info
    rows = [
        [f"{section}: {name}", value]
        for section in ("settings", "versions", "machine")
        for name, value in _flat(info.get(section, {})).items()
    ]
    rows += [[name, str(info[name])] for name in ("started", "finished") if info.get(name)]
    rows += [["seconds", f"{info['seconds']:.1f}"]] if info.get("seconds") else []
    title = f"Settings and machine of {result.name}" if several else "Settings and machine"
    return NumberTable(title, ["name", "value"], rows)


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in values.items()
    }
