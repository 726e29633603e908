"""A run folder: ``run.json``, an append-safe ``metrics.jsonl`` and tensors."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from agop.errors import DataFileError, InputError
from agop.runs import storage
from agop.runs.environment import machine, versions
from agop.runs.storage import JSON

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """A folder with the settings, the environment and the results of one run.

    ``run.json`` holds ``kind`` (by which reports know the run), ``settings``, ``versions``, ``machine``, ``started``
    and ``finished`` (UTC), ``seconds`` (working time), ``resumed`` (an entry for each later session) and free sections.
    ``metrics.jsonl`` has one JSON object a line. All JSON is strict: NaN and infinities become null.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(Path(folder, "demo"), {"depth": 2})
    ...     run.append([{"layer": 1, "nc1": 4.4}])
    ...     run.finish()
    ...     Run.create(Path(folder, "demo"), {"depth": 2}).metrics()
    [{'layer': 1, 'nc1': 4.4}]
    """

    path: Path

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], settings: Mapping[str, object], resume: bool = True, *, kind: str = ""
    ) -> Run:
        """Start a run in a new or empty folder, or go on with the run of the same settings that is there.

        Raises
        ------
        InputError
            If the folder holds a run of another kind or other settings, any run if not ``resume``, or other files.
        DataFileError
            If its ``run.json`` cannot be read.
        """
        run = cls(Path(path))
        wanted = {name: storage.to_json(value) for name, value in settings.items()}
        session: dict[str, JSON] = {"versions": versions(), "machine": machine(), "started": _now()}
        if run.is_started():
            run._check_same(kind, wanted, resume)
            run.record(resumed=[*run.info().get("resumed", []), session], finished=None)
            return run
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise InputError(
                f"a new or empty folder at {path}", "other files there", "Choose another folder for the run."
            )
        run.path.mkdir(parents=True, exist_ok=True)
        run._write({"kind": kind, "settings": wanted, **session, "finished": None, "seconds": 0.0})
        return run

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Return the run in a folder, to read it; DataFileError if there is none."""
        run = cls(Path(path))
        run.info()
        return run

    def is_started(self) -> bool:
        """Say whether there is a run in the folder."""
        return (self.path / "run.json").is_file()

    def info(self) -> dict[str, Any]:
        """Read ``run.json``; DataFileError if it is missing, broken or not one of agop's."""
        file = self.path / "run.json"
        try:
            info = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataFileError(f"{file} to hold JSON", str(error), "Choose another folder.") from error
        if not isinstance(info, dict) or not isinstance(info.get("settings"), dict):
            raise DataFileError(f"{file} to have settings", "other content", "Choose another folder.")
        return info

    def record(self, **sections: object) -> None:
        """Add sections such as ``precision`` to ``run.json``, or replace them."""
        self._write({**self.info(), **sections})

    @contextmanager
    def working(self) -> Iterator[None]:
        """Add the time that the block takes to the working time, also where it is interrupted."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.record(seconds=self.info()["seconds"] + time.monotonic() - start)

    def finish(self) -> None:
        """Note the time of the end."""
        self.record(finished=_now())

    def append(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Add lines to ``metrics.jsonl`` and return when they are on the disk.

        A line that a crash left unfinished is removed first. A crash during ``append`` can leave the first
        lines of a group; `rewrite` puts that right.
        """
        text = _jsonl(lines)
        with (self.path / "metrics.jsonl").open("a+b") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def metrics(self) -> list[dict[str, Any]]:
        """Read the complete lines of ``metrics.jsonl``; a last line without its end is dropped."""
        file = self.path / "metrics.jsonl"
        lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(dict(json.loads(line)))
            except (TypeError, ValueError) as error:
                raise DataFileError(
                    f"line {number} of {file} to be a JSON object",
                    f"{line[:60]!r}",
                    "Remove or mend that line.",
                ) from error
        return rows

    def rewrite(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Replace all lines of ``metrics.jsonl`` at once, as when sorting them or dropping half a group."""
        storage.write_text_atomic(self.path / "metrics.jsonl", _jsonl(lines))

    def save_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Write ``tensors.safetensors``, see `agop.runs.storage.save`."""
        storage.save(self._tensors, tensors)

    def load_tensors(self) -> dict[str, Tensor]:
        """Read ``tensors.safetensors``, see `agop.runs.storage.load`; nothing if there is none."""
        return storage.load(self._tensors)[0] if self._tensors.exists() else {}

    @property
    def _tensors(self) -> Path:
        return self.path / "tensors.safetensors"

    def _write(self, info: Mapping[str, object]) -> None:
        storage.write_json(self.path / "run.json", info)

    def _check_same(self, kind: str, wanted: Mapping[str, JSON], resume: bool) -> None:
        """Raise unless the run in the folder has the settings that are wanted and may go on."""
        info, found = self.info(), self.info()["settings"]
        if info.get("kind", "") != kind:
            expected, got = (f"a run of kind {each!r}" for each in (info.get("kind", ""), kind))
            raise InputError(f"{expected} in {self.path}", got, "Choose another folder.")
        names = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k, ...) != found.get(k, ...))
        if names:
            raise InputError(
                f"the settings of the run in {self.path}: "
                + ", ".join(f"{k}={found[k]!r}" if k in found else f"no {k}" for k in names),
                ", ".join(f"{k}={wanted[k]!r}" if k in wanted else f"no {k}" for k in names),
                "Choose another folder, or repeat the run with its settings to go on with it.",
            )
        if not resume:
            raise InputError(
                f"no run in {self.path}",
                "a run with the same settings",
                "Choose another folder, or resume it.",
            )


def _jsonl(lines: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(storage.to_json(line), allow_nan=False) + "\n" for line in lines)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
