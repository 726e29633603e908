"""One run from those of the parts of the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from itertools import pairwise
from pathlib import Path
from typing import Any

from agop.errors import DataFileError, InputError
from agop.network.record import NetworkRecord
from agop.network.run.measure import write_record
from agop.runs import Run
from agop.runs.storage import JSON

__all__ = ["merge_runs"]

_MAY_DIFFER = ("batch_size", "data", "device", "max_memory", "max_width", "second_pass", "shard")
"""Settings that say which samples a run is of, how they came to the model, or what merging leaves out."""


def merge_runs(folders: Sequence[Path], out: Path, observe: Callable[[], object] = lambda: None) -> NetworkRecord:
    """Merge the runs of the parts of the data into one, as if all had been measured at once.

    The settings of the new run are those of the parts; "shard" and what else differs has a list of their values. In
    ``run.json`` "merged" lists the measurements that it is of. A folder of the same parts is written again.

    Parameters
    ----------
    folders
        Runs of :func:`~agop.network.run_measure`, or of this function, of one model.
    out
        Folder of the new run.
    observe
        Called when each of the folders has been read and merged with those before it.

    Returns
    -------
    NetworkRecord
        What class moments and outer products determine; see :meth:`agop.network.NetworkRecord.merge`.

    Raises
    ------
    InputError
        If there are fewer than two runs, their models or settings differ, or two of them have samples in common.
    DataFileError
        If a folder holds no finished measurement.

    Examples
    --------
    >>> import contextlib, tempfile
    >>> from agop.datasets import load
    >>> from agop.network import MeasureSettings, run_measure
    >>> nets = "from torch import nn; mlp = lambda: nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))"
    >>> with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    ...     _ = Path("digit_nets.py").write_text(nets)
    ...     for shard in ("1/2", "2/2"):
    ...         settings = MeasureSettings("digit_nets:mlp", "digits", samples=100, shard=shard)
    ...         print(run_measure(settings, load("digits"), Path(f"part{shard[0]}")).n_samples)
    ...     merge_runs([Path("part1"), Path("part2")], Path("both")).n_samples
    50
    50
    100
    """
    if len(folders) < 2:
        raise InputError("two or more runs to merge", str(len(folders)), "Name the folder of each.")
    if os.path.realpath(out) in map(os.path.realpath, folders):
        raise InputError("a new folder for the merged run", f"{out}, one of the parts", "Choose another folder.")
    parts = [_Part.read(folder) for folder in folders]
    for one, other in pairwise(parts):
        _check_alike(one, other)
    _check_disjoint(parts)
    run = Run.create(out, _settings(parts), kind="network")
    with run.working():
        record, notes = _merged(parts, observe)
    merged = [entry for part in parts for entry in part.measured]
    notes = [*notes, *_missing(parts), *record.notes]
    write_record(run, record, image_shape=parts[0].info.get("image_shape"), notes=notes, merged=merged)
    return record


@dataclass(frozen=True)
class _Part:
    """Run of a part of the data."""

    run: Run
    info: Mapping[str, Any]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> _Part:
        """Run in a folder, checked to be a measurement that has finished."""
        run = Run.open(folder)
        info, file = run.info(), folder / "network.safetensors"
        expected = f"{folder} to hold a finished run of agop measure"
        if info.get("kind") != "network" or "shard" not in info["settings"]:
            raise DataFileError(expected, "another kind of run", "Name runs of agop measure or agop merge.")
        if not (info.get("finished") and file.is_file()):
            raise DataFileError(expected, "one that has not finished", "Repeat its command, or leave it out.")
        with file.open("rb") as stream:
            return cls(run, info, file_digest(stream, "sha256").hexdigest())

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of the run."""
        return self.info["settings"]  # type: ignore[no-any-return]

    @property
    def shards(self) -> list[str]:
        """Parts such as "3/16" that it has, none if it was not told."""
        shard = self.settings["shard"]
        return [shard] if isinstance(shard, str) else list(shard or ())

    @property
    def measured(self) -> list[dict[str, Any]]:
        """Entries of the measurements that it is merged of, or of itself."""
        known = {name: self.info.get(name) for name in ("n_samples", "started", "finished", "seconds")}
        return self.info.get("merged") or [{"run": str(self.run.path), "sha256": self.digest, **known}]

    @property
    def digests(self) -> set[str]:
        """Checksums of the records of its measurements."""
        return {entry["sha256"] for entry in self.measured}


def _check_alike(one: _Part, other: _Part) -> None:
    """Raise unless two runs are of one model and settings."""
    a, b = one.settings, other.settings
    own_data = all(":" in str(settings["data"]) for settings in (a, b))
    may_differ = [name for name in _MAY_DIFFER if name != "data" or own_data]
    differ = [name for name in sorted(a.keys() | b.keys()) if name not in may_differ and a.get(name) != b.get(name)]
    if differ:
        expected, got = (
            f"{part.run.path}: {', '.join(f'{name}={part.settings.get(name)!r}' for name in differ)}"
            for part in (one, other)
        )
        raise InputError(f"the settings of {expected}", f"those of {got}", "Measure all parts alike.")


def _check_disjoint(parts: Sequence[_Part]) -> None:
    """Raise where two runs are known to have samples in common."""
    for k, part in enumerate(parts):
        for earlier in parts[:k]:
            if reason := _overlap(earlier, part):
                got = f"{reason} in {earlier.run.path} and {part.run.path}"
                raise InputError("runs without samples in common", got, "Merge each part of the data once.")


def _overlap(a: _Part, b: _Part) -> str:
    """Reason why two runs have samples in common; empty if none is known."""
    if a.digests & b.digests:
        return "the same numbers"
    if a.settings["data"] != b.settings["data"] or not (a.shards or b.shards or ":" not in a.settings["data"]):
        return ""
    if not (a.shards and b.shards):
        return "all samples"
    if _n_parts(a) != _n_parts(b):
        return f"parts out of {_n_parts(a)} and out of {_n_parts(b)}"
    common = set(a.shards) & set(b.shards)
    return f"part {min(common)}" if common else ""


def _n_parts(part: _Part) -> int:
    return int(part.shards[0].partition("/")[2])


def _settings(parts: Sequence[_Part]) -> dict[str, JSON]:
    """Settings of all; of those that differ the list of the values."""
    settings = dict(parts[0].settings)
    for name in _MAY_DIFFER:
        values = list(dict.fromkeys(part.settings[name] for part in parts if name != "shard"))
        settings[name] = values[0] if len(values) == 1 else values
    settings["shard"] = [shard for part in parts for shard in part.shards] or None
    return settings


def _merged(parts: Sequence[_Part], observe: Callable[[], object]) -> tuple[NetworkRecord, list[str]]:
    """Record of all, read one after the other, and the notes of the runs on their data."""
    notes: dict[str, None] = {}

    def records() -> Iterator[NetworkRecord]:
        for part in parts:
            found = NetworkRecord.load(part.run.tensors_file("network.safetensors"))
            notes.update(dict.fromkeys(note for note in part.info["notes"] if note not in found.notes))
            yield found
            observe()

    return NetworkRecord.of_parts(records()), list(notes)


def _missing(parts: Sequence[_Part]) -> Iterator[str]:
    """Note on parts of the data that no run has."""
    shards = {shard for part in parts for shard in part.shards}
    if shards:
        n_parts = _n_parts(parts[0])
        missing = [f"{k}/{n_parts}" for k in range(1, n_parts + 1) if f"{k}/{n_parts}" not in shards]
        if missing:
            yield f"merged without {len(missing)} of {n_parts} parts of the data: {', '.join(missing)}"
