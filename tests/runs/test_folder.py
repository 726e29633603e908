"""A run folder survives crashes, resumes with its own settings and never mixes runs."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest
import torch

from agop.errors import DataFileError, InputError, OutputError
from agop.runs import Run, environment, machine, versions
from faults import failing_disk

SETTINGS = {"data": "digits", "depth": 12, "seeds": (0, 1), "ridge": 0.0}


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", SETTINGS)


def _lines(*layers):
    return [{"layer": layer, "nc1": 1 / layer} for layer in layers]


def test_run_json_of_a_new_run(run):
    info = run.info()
    assert info["settings"] == {"data": "digits", "depth": 12, "seeds": [0, 1], "ridge": 0.0}
    assert info["versions"] == versions()
    assert info["machine"] == machine()
    assert datetime.fromisoformat(info["started"]).tzinfo
    assert info["finished"] is None
    assert info["seconds"] == 0
    assert run.metrics() == []


def test_versions_and_machine():
    assert versions()["torch"] == torch.__version__
    assert versions()["numpy"] == np.__version__
    assert set(versions()) == {"python", "agop", "torch", "numpy", "scipy", "scikit-learn"}
    assert machine()["cores"] == os.cpu_count()
    assert machine()["memory_bytes"] > 2**28
    assert machine()["cpu"]


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(environment, "_PACKAGES", ("no-such-package-of-that-name",))
    assert versions()["no-such-package-of-that-name"] is None


def test_machine_without_proc(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "Path", lambda _: tmp_path / "nothing")
    assert machine()["cpu"]


def test_append_and_rewrite(run):
    run.append(_lines(1, 2))
    run.append([])
    run.append(_lines(3))
    assert run.metrics() == _lines(1, 2, 3)
    run.rewrite(_lines(3, 1))
    assert run.metrics() == _lines(3, 1)
    assert sorted(path.name for path in run.path.iterdir()) == [".lock", "metrics.jsonl", "run.json"]


def test_lines_are_strict_json(run):
    run.append([{"nc1": math.nan, "n": np.int64(3), "x": [math.inf, np.float32(0.5)]}])
    assert run.metrics() == [{"nc1": None, "n": 3, "x": [None, 0.5]}]
    assert "NaN" not in (run.path / "metrics.jsonl").read_text()


def test_a_line_that_is_no_json_leaves_the_file_alone(run):
    run.append(_lines(1))
    with pytest.raises(InputError, match="values that JSON can hold"):
        run.append([{"layer": 2}, {"layer": object()}])
    assert run.metrics() == _lines(1)


@pytest.mark.parametrize("torn", [b'{"layer": 3, "nc', b"{", b'{"layer": 3}', b"\xff\x00", b"x" * 2**18])
def test_a_torn_last_line_is_dropped_and_not_glued_to(run, torn):
    run.append(_lines(1, 2))
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(torn)
    assert run.metrics() == _lines(1, 2)
    run.append(_lines(3))
    assert run.metrics() == _lines(1, 2, 3)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_lines_are_added_all_or_none(run, number):
    run.append(_lines(1, 2))
    with failing_disk(errno.ENOSPC, number), pytest.raises(OutputError, match="No space left"):
        run.append(_lines(3, 4))
    assert run.metrics() == _lines(1, 2)
    run.append(_lines(3, 4))
    assert run.metrics() == _lines(1, 2, 3, 4)


@pytest.mark.parametrize("torn", [b"x", b"x" * 2**18])
def test_a_file_without_a_whole_line(run, torn):
    (run.path / "metrics.jsonl").write_bytes(torn)
    run.append(_lines(1))
    assert run.metrics() == _lines(1)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_cut_anywhere_the_complete_lines_are_read(run, cut):
    run.append(_lines(1, 2, 4))
    file = run.path / "metrics.jsonl"
    content = file.read_bytes()[:cut]
    file.write_bytes(content)
    assert run.metrics() == _lines(1, 2, 4)[: content.count(b"\n")]


@pytest.mark.parametrize("broken", ["{oops}\n", "[1, 2]\n", "\n", "3\n"])
def test_a_broken_line_in_the_middle(run, broken):
    run.append(_lines(1))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(broken)
    run.append(_lines(2))
    with pytest.raises(DataFileError, match=r"line 2 of .*metrics.jsonl to be a JSON object"):
        run.metrics()


def test_lines_written_before_a_kill_are_there(tmp_path):
    code = (
        "import os, sys; from agop.runs.folder import Run;"
        "run = Run.create(sys.argv[1], {'a': 1});"
        "run.append([{'layer': 1}, {'layer': 2}]); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False)
    assert done.returncode == -9
    assert Run.create(tmp_path / "run", {"a": 1}).metrics() == [{"layer": 1}, {"layer": 2}]


def test_record_and_finish(run):
    run.record(precision={"gram": "float64"})
    run.record(precision={"gram": "float32"}, note=math.inf)
    run.finish()
    info = Run.open(run.path).info()
    assert info["precision"] == {"gram": "float32"}
    assert info["note"] is None
    assert datetime.fromisoformat(info["finished"]) >= datetime.fromisoformat(info["started"])


def test_working_time_adds_up_also_where_it_is_interrupted(run, monkeypatch):
    times = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr("agop.runs.folder.time.monotonic", lambda: next(times))
    with run.working():
        pass
    with pytest.raises(KeyboardInterrupt), Run.create(run.path, SETTINGS).working():
        raise KeyboardInterrupt
    assert Run.open(run.path).info()["seconds"] == 3.5


def test_resume_returns_what_is_there_and_says_so(run):
    run.append(_lines(1))
    run.record(precision="float64")
    run.finish()
    again = Run.create(run.path, dict(reversed(SETTINGS.items())))
    assert again.metrics() == _lines(1)
    info = again.info()
    assert info["precision"] == "float64"
    assert info["finished"] is None
    assert [set(entry) for entry in info["resumed"]] == [{"versions", "machine", "started"}]
    assert len(Run.create(run.path, SETTINGS).info()["resumed"]) == 2


def test_other_settings_are_named_and_nothing_changes(run):
    before = (run.path / "run.json").read_bytes()
    settings = SETTINGS | {"depth": 20, "width": 512}
    del settings["ridge"]
    with pytest.raises(
        InputError,
        match=r"depth=12, ridge=0.0, no width, got depth=20, no ridge, width=512. Choose another folder",
    ):
        Run.create(run.path, settings)
    assert (run.path / "run.json").read_bytes() == before


def test_a_setting_of_none_is_not_a_missing_setting(tmp_path):
    Run.create(tmp_path / "run", {"a": 1, "b": None})
    with pytest.raises(InputError, match=r"b=None, got no b"):
        Run.create(tmp_path / "run", {"a": 1})


def test_resume_can_be_refused(run):
    with pytest.raises(InputError, match=r"no run in .* got a run with the same settings"):
        Run.create(run.path, SETTINGS, resume=False)


def test_an_empty_folder_is_used_and_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", {}).info()["settings"] == {}
    assert Run.create(tmp_path / "a" / "b", {}).is_started()


def test_foreign_content(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"a new or empty folder at .* got other files there"):
        Run.create(tmp_path, SETTINGS)
    with pytest.raises(InputError, match="a new or empty folder at "):
        Run.create(tmp_path / "thesis.tex", SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"settings": 3}', '{"other": {}}'])
def test_broken_or_foreign_run_json(content, tmp_path):
    (tmp_path / "run.json").write_text(content)
    for start in (lambda: Run.create(tmp_path, SETTINGS), lambda: Run.open(tmp_path)):
        with pytest.raises(DataFileError, match=r"run.json to h.* Choose another folder"):
            start()
    assert (tmp_path / "run.json").read_text() == content


def test_open_without_a_run(tmp_path):
    with pytest.raises(DataFileError, match=r"run.json to hold JSON"):
        Run.open(tmp_path)


def test_settings_must_be_json(tmp_path):
    with pytest.raises(InputError, match="values that JSON can hold"):
        Run.create(tmp_path / "run", {"device": torch.device("cpu")})
    assert not (tmp_path / "run").exists()


def test_tensors(run):
    assert run.load_tensors() == {}
    run.save_tensors({"spectrum": torch.arange(3.0)})
    assert torch.equal(run.load_tensors()["spectrum"], torch.arange(3.0))
    written = json.loads((run.path / "run.json").read_text())
    assert {name: value for name, value in written.items() if name != "digest"} == run.info()


def test_a_changed_number_in_a_finished_run_is_noticed(run):
    run.append(_lines(1, 2, 4))
    run.finish()
    assert run.metrics() == _lines(1, 2, 4)
    for name in ("metrics.jsonl", "run.json"):
        file = run.path / name
        whole = file.read_bytes()
        for position in range(0, len(whole), 5):
            damaged = bytearray(whole)
            damaged[position] ^= 1
            file.write_bytes(damaged)
            if name == "run.json" and whole[position : position + 1] in b" \n":  # space between values says nothing
                continue
            with pytest.raises(DataFileError):
                run.metrics()
        file.write_bytes(whole)
    (run.path / "metrics.jsonl").write_bytes(b"".join((run.path / "metrics.jsonl").read_bytes().splitlines(True)[:2]))
    with pytest.raises(DataFileError, match="checksum"):
        run.metrics()
    (run.path / "metrics.jsonl").unlink()
    with pytest.raises(DataFileError, match=r"got metrics\.jsonl changed, exchanged or gone"):
        run.metrics()


def test_a_finished_run_that_goes_on_is_sealed_anew(run):
    run.append(_lines(1))
    run.finish()
    again = Run.create(run.path, SETTINGS)
    again.append(_lines(2))
    assert again.metrics() == _lines(1, 2)
    again.finish()
    assert again.metrics() == _lines(1, 2)
    assert set(again.info()["sealed"]) == {"metrics.jsonl"}


def test_doubled_lines_are_refused(run):
    run.append(_lines(1, 2))
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write((run.path / "metrics.jsonl").read_bytes())
    with pytest.raises(DataFileError, match=r"line 3 of .* to be new, got line 1 again"):
        run.metrics()


def test_a_folder_in_place_of_a_file_is_damage(run):
    (run.path / "metrics.jsonl").mkdir()
    with pytest.raises(DataFileError, match=r"metrics.jsonl to be a file, got .*directory"):
        run.metrics()


def test_a_run_killed_in_its_first_write_can_be_repeated(tmp_path):
    half = [f".run.json.{number:032x}.tmp" for number in range(2)]
    for name in (".lock", *half):
        (tmp_path / name).write_text("half")
    folder = tmp_path / f".tensors.safetensors.{2:032x}.tmp"
    folder.mkdir()
    for name in ("file", ".tmpA1b2C3"):  # safetensors writes by way of a file of its own
        (folder / name).write_text("half")
    run = Run.create(tmp_path, SETTINGS)
    assert sorted(path.name for path in run.path.iterdir()) == [".lock", "run.json"]


def test_a_temporary_file_of_others_is_left_alone(tmp_path):
    (tmp_path / ".notes.tmp").write_text("mine")
    with pytest.raises(InputError, match="other files there"):
        Run.create(tmp_path, SETTINGS)
    assert (tmp_path / ".notes.tmp").read_text() == "mine"
