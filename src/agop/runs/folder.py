"""A run folder: ``run.json``, an append-safe ``metrics.jsonl`` and tensors; one writer, and a seal at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock
from torch import Tensor

from agop.errors import DataFileError, InputError
from agop.runs import files, storage
from agop.runs.environment import machine, versions
from agop.runs.jsonl import append, as_text, parsed
from agop.runs.lock import LOCK_FILE, writer_lock
from agop.runs.seal import check_seal, check_seals, digest, read_signed, seals, write_signed
from agop.runs.storage import JSON

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """A folder with the settings, the environment and the results of one run.

    One process writes a run at a time, from ``create`` to ``finish`` or its own end. ``run.json`` holds ``kind`` (by
    which reports know the run), ``settings``, ``versions``, ``machine``, ``started`` and ``finished`` (UTC),
    ``seconds`` (working time), ``resumed`` (an entry for each later session), free sections, the SHA-256 of all of it
    under ``digest``, and under ``sealed``, once the run has finished, the checksum of every file that is read again.
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
    lock: BaseFileLock | None = field(default=None, compare=False, repr=False)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], settings: Mapping[str, object], resume: bool = True, *, kind: str = ""
    ) -> Run:
        """Start a run in a new or empty folder, or go on with the run of the same settings that is there.

        Raises
        ------
        InputError
            If the folder holds a run of another kind or other settings, any run if not ``resume``, or other files, or
            if another process writes it.
        DataFileError
            If its ``run.json`` cannot be read, or the run has finished and a file of it is not what it was then.
        OutputError
            If the folder cannot be written.
        """
        wanted = {name: storage.to_json(value) for name, value in settings.items()}
        cls(Path(path))._check_free(kind, wanted, resume)
        with files.writing(Path(path)):
            Path(path).mkdir(parents=True, exist_ok=True)
            run = cls(Path(path), writer_lock(Path(path)))
        run._check_free(kind, wanted, resume)  # what another process may have written in between
        run._remove_temporary()
        session: dict[str, JSON] = {"versions": versions(), "machine": machine(), "started": _now()}
        if run.is_started():
            run.check()
            run.record(resumed=[*run.info().get("resumed", []), session], finished=None, sealed=None)
        else:
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
        """Read ``run.json``; DataFileError if it is missing, damaged or not one of agop's."""
        return read_signed(self.path / "run.json")

    def record(self, **sections: object) -> None:
        """Add sections such as ``precision`` to ``run.json``, or replace them."""
        self._write({**self.info(), **sections})

    @contextmanager
    def working(self) -> Iterator[None]:
        """Add the time that the block takes to the working time; where it is interrupted, others may go on."""
        start = time.monotonic()
        try:
            yield
        except BaseException:
            self._worked(start)
            self._release()
            raise
        self._worked(start)

    def finish(self) -> None:
        """Note the time of the end, seal the files against changes, and let others write."""
        self.record(finished=_now(), sealed=seals(self.path))
        self._release()

    def append(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Add lines to ``metrics.jsonl`` and return when they are on the disk.

        A line that a crash left unfinished is removed first. A crash during ``append`` can leave the first
        lines of a group; `rewrite` puts that right. Where the disk is full, or on Ctrl-C, none of the lines are added.
        """
        append(self._metrics, lines)

    def metrics(self) -> list[dict[str, Any]]:
        """Read the complete lines of ``metrics.jsonl``; a last line without its end is dropped.

        Raises
        ------
        DataFileError
            If a line is no JSON object or is there twice, or the run has finished and the file is not what it was then.
        """
        return parsed(self.contents(self._metrics.name), self._metrics)

    def contents(self, name: str) -> bytes:
        """Bytes of a file of the run, none if there is no such file.

        Raises
        ------
        DataFileError
            If the run has finished and it is not what it was then, or it cannot be read.
        """
        file = self.path / name
        try:
            contents = file.read_bytes() if file.exists() else None
        except OSError as error:
            raise DataFileError(f"{file} to be a file", str(error), "Copy the folder again.") from error
        check_seal(self.path, name, None if contents is None else digest(contents), self.info().get("sealed"))
        return contents or b""

    def tensors_file(self, name: str) -> Path:
        """Path of a file of tensors of the run, which may have been left out.

        Raises
        ------
        DataFileError
            If the run has finished and the file is not what it was then: its checksum is compared, and is that of the
            tensors wherever they are loaded.
        """
        file = self.path / name
        if file.exists():
            check_seal(self.path, name, storage.checksum_of(file), self.info().get("sealed"))
        return file

    def check(self) -> None:
        """Raise DataFileError if the run has finished and a file of it is not what it was then."""
        check_seals(self.path, self.info().get("sealed") or {})

    def rewrite(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Replace all lines of ``metrics.jsonl`` at once, as when sorting them or dropping half a group."""
        files.write_text_atomic(self._metrics, as_text(lines))

    def save_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Write ``tensors.safetensors``, see `agop.runs.storage.save`."""
        storage.save(self._tensors, tensors)

    def load_tensors(self) -> dict[str, Tensor]:
        """Read ``tensors.safetensors``, see `agop.runs.storage.load`; nothing if there is none."""
        file = self.tensors_file(self._tensors.name)
        return storage.load(file)[0] if file.exists() else {}

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def _tensors(self) -> Path:
        return self.path / "tensors.safetensors"

    def _write(self, info: Mapping[str, object]) -> None:
        write_signed(self.path / "run.json", info)

    def _worked(self, start: float) -> None:
        self.record(seconds=self.info()["seconds"] + time.monotonic() - start)

    def _release(self) -> None:
        if self.lock is not None:
            self.lock.release(force=True)

    def _remove_temporary(self) -> None:
        """Remove what a process that was killed has left half written."""
        for file in self.path.iterdir():
            if files.is_temporary(file.name):
                files.remove(file)

    def _check_free(self, kind: str, wanted: Mapping[str, JSON], resume: bool) -> None:
        """Raise unless the folder is new, empty, or holds a run that may go on."""
        if self.is_started():
            self._check_same(kind, wanted, resume)
        elif self.path.exists() and not (self.path.is_dir() and all(map(_is_own, self.path.iterdir()))):
            advice = "Choose another folder for the run."
            raise InputError(f"a new or empty folder at {self.path}", "other files there", advice)

    def _check_same(self, kind: str, wanted: Mapping[str, JSON], resume: bool) -> None:
        """Raise unless the run in the folder has the settings that are wanted and may go on."""
        info = self.info()
        found = info["settings"]
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


def _is_own(file: Path) -> bool:
    """Whether a file may be left by a run that was killed before its first write was complete."""
    return file.name == LOCK_FILE or files.is_temporary(file.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
