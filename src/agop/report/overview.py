"""What a report says of its runs as a whole: title, settings that differ, machines, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from agop.charts.document import NumberTable
from agop.deep_rfm.result import DeepRFMResult
from agop.network.result import NetworkResult
from agop.tables.result import TableResult

__all__ = ["differing_settings", "lead_of", "notes_of", "settings_table", "title_of"]

Result = DeepRFMResult | NetworkResult | TableResult


def title_of(results: Sequence[Result]) -> str:
    """Heading: what was run, or which runs are compared."""
    if len(results) > 1:
        return f"{len(results)} runs compared: {', '.join(result.name for result in results)}"
    (result,) = results
    settings = result.info["settings"]
    match result:
        case DeepRFMResult():
            what = "Deep RFM"
        case NetworkResult():
            name = settings.get("model", result.name)
            what = "Network" if name == "network" else f"Network {name}"
        case TableResult():
            target, unnamed = result.info.get("target"), result.name in ("model", "table")
            what = f"Model of {target}" if target else "Model of a table" if unnamed else f"Model {result.name}"
    return f"{what} on {settings['data']}" if "data" in settings else what


def lead_of(results: Sequence[Result]) -> str:
    """When and on what the runs were made, as far as it is known."""
    parts = []
    for result in results:
        info = result.info
        facts = [str(info["started"])[:10]] if info.get("started") else []
        if info.get("machine", {}).get("cpu"):
            facts.append(", ".join([info["machine"]["cpu"], *info["machine"].get("gpus", [])]))
        if info.get("seconds"):
            facts.append(_duration(info["seconds"]))
        if info.get("versions", {}).get("agop"):
            facts.append(f"agop {info['versions']['agop']}")
        if facts:
            parts.append(", ".join(facts) if len(results) == 1 else f"{result.name}: {', '.join(facts)}")
    return "; ".join(parts)


def notes_of(results: Sequence[Result]) -> list[str]:
    """What must be known first: permuted labels, notes of the runs, what the folders do not hold."""
    notes = []
    for result in results:
        name = "" if len(results) == 1 else f"{result.name}: "
        if result.info["settings"].get("permute_labels"):
            notes.append(f"{name}The labels were permuted: this is the baseline.")
        if result.info.get("finished", "") is None:
            notes.append(f"{name}The run is not finished: this is what it has found so far.")
        notes += [f"{name}{note}" for note in result.info.get("notes", [])]
        if isinstance(result, DeepRFMResult) and not result.tensors:
            notes.append(f"{name}There are no tensors in the run, so that Gram matrices and spectra are not shown.")
        if isinstance(result, NetworkResult) and result.record is None:
            notes.append(f"{name}There is no network.safetensors in the run, so that matrices are not shown.")
    return notes


def differing_settings(results: Sequence[Result]) -> NumberTable:
    """A row for each setting that is not the same in all runs.

    Examples
    --------
    >>> settings = {"a": {"depth": 3, "width": 8}, "b": {"depth": 3, "width": 16}}
    >>> differing_settings([DeepRFMResult(name, {"settings": each}, []) for name, each in settings.items()]).rows
    [['width', '8', '16']]
    """
    found = [_flat(result.info["settings"]) for result in results]
    names = dict.fromkeys(chain.from_iterable(found))
    rows = [[name, *(settings.get(name, "–") for settings in found)] for name in names]
    kept = [row for row in rows if len(set(row[1:])) > 1]
    return NumberTable("Settings that differ", ["setting", *(result.name for result in results)], kept)


def settings_table(result: Result, *, several: bool = False) -> NumberTable:
    """Settings, versions and machine of a run."""
    info = result.info
    rows = [
        [f"{section}: {name}", value]
        for section in ("settings", "versions", "machine")
        for name, value in _flat(info.get(section, {})).items()
    ]
    rows += [[name, str(info[name])] for name in ("started", "finished") if info.get(name)]
    if info.get("seconds"):
        rows.append(["seconds", f"{info['seconds']:.1f}"])
    title = f"Settings and machine of {result.name}" if several else "Settings and machine"
    return NumberTable(title, ["name", "value"], rows)


def _duration(seconds: float) -> str:
    """A time, in the unit in which it is read.

    Examples
    --------
    >>> _duration(12.34), _duration(754.0), _duration(8613.0)
    ('12.3 s', '13 min', '2.4 h')
    """
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in values.items()
    }
