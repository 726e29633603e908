"""``agop merge``: the numbers of all samples at once from the runs of their parts, and what must not be merged."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import pytest

from agop.network import NetworkRecord, merge_runs
from agop.runs import Run
from commands import invoke, words

OWN = """
import torch
from torch import nn

generator = torch.Generator().manual_seed(0)
y = torch.arange(60) % 10
x = torch.randn(60, 64, generator=generator) + y[:, None]

def mlp():
    return nn.Sequential(nn.Linear(64, 7), nn.ReLU(), nn.Linear(7, 10)).double()

def first():
    return list(zip(x[:30].double().split(8), y[:30].split(8)))

def second():
    return list(zip(x[30:].double().split(8), y[30:].split(8)))

def whole():
    return first() + second()

def sorted_by_class():
    return [(x[y == k].double(), y[y == k]) for k in range(10)]
"""

AT_ONCE = {"nc1_pinv", "nc4_agreement", "agop_error"}
"""Numbers that need all samples at once."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Current directory with a module of a model and loaders, forgotten afterwards."""
    (tmp_path / "parts_here.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("parts_here", None)


def measured(out, *arguments, data="digits"):
    result = invoke("measure", "parts_here:mlp", "--seed", 3, "--data", data, "--out", out, *arguments)
    assert result.exit_code == 0, result.output


def shards(n, *arguments, **data):
    for k in range(1, n + 1):
        measured(f"part{k}", "--shard", f"{k}/{n}", *arguments, **data)
    return [f"part{k}" for k in range(1, n + 1)]


def merged(*runs, out="merged"):
    return invoke("merge", *runs, "--out", out)


def assert_merged(out, whole):
    """The numbers of the whole at every stage that is left, but for those that need all samples at once."""
    found, expected = (NetworkRecord.load(f"{run}/network.safetensors") for run in (out, whole))
    assert (found.n_samples, found.accuracy) == (expected.n_samples, pytest.approx(expected.accuracy, rel=1e-12))
    places = {(line["layer"], line["stage"]): line for line in expected.lines()}
    lines = list(found.lines())
    assert {line["stage"] for line in lines} == {"input", "linear", "output"}
    for line in lines:
        for name, value in places[line["layer"], line["stage"]].items():
            if name in AT_ONCE:
                assert line[name] is None, name
            elif isinstance(value, tuple):
                assert [x or 0.0 for x in line[name]] == pytest.approx([x or 0.0 for x in value], rel=1e-10), name
            elif isinstance(value, float):
                close = {"abs": 1e-6} if name == "nfa_best_power" else {"rel": 1e-10, "abs": 1e-12}
                assert line[name] == pytest.approx(value, **close), name
            else:
                assert line[name] == value, name


def test_each_part_is_told_of_when_it_is_merged(here):
    parts, told = [Path(run) for run in shards(3, "--samples", 90)], []
    record = merge_runs(parts, here / "told", lambda: told.append(None))
    assert (len(told), record.n_samples) == (3, 90)


def test_shards_make_the_whole(here):
    measured("whole", "--samples", 200)
    runs = shards(3, "--samples", 200)
    result = merged(*runs)
    assert result.exit_code == 0, result.output
    assert_merged("merged", "whole")
    files = {"run.json", "metrics.jsonl", "network.safetensors", "report.html"}
    assert {path.name for path in (here / "merged").iterdir() if path.name != ".lock"} == files
    text = words(result.stdout)
    assert "200 samples, 10 classes" in text
    assert "• merged: no NC1 pinv, no NC4, no stages after the AGOP" in text
    assert "merged without" not in text
    run = Run.open("merged")
    info, part = run.info(), Run.open("part1").info()
    assert info["kind"] == "network"
    assert info["finished"] is not None
    assert (info["n_samples"], info["image_shape"]) == (200, [1, 8, 8])
    assert info["settings"] == {**part["settings"], "shard": ["1/3", "2/3", "3/3"]}
    assert [(each["run"], each["n_samples"]) for each in info["merged"]] == [
        ("part1", 67),
        ("part2", 67),
        ("part3", 66),
    ]
    assert run.metrics() == json.loads(json.dumps(list(NetworkRecord.load("merged/network.safetensors").lines())))


@pytest.mark.parametrize("looks", ["--no-second-pass", "--second-pass"])
def test_one_look_at_each_part_is_enough(here, looks):
    measured("whole", "--samples", 200)
    runs = shards(2, "--samples", 200, looks)
    assert Run.open("part1").info()["settings"]["second_pass"] == (looks == "--second-pass")
    assert ("agop_1/2" in {line["stage"] for line in Run.open("part1").metrics()}) == (looks == "--second-pass")
    assert merged(*runs).exit_code == 0
    assert_merged("merged", "whole")


def test_a_part_may_be_of_one_class(here):
    """As of data in the order of their classes."""
    measured("whole", data="parts_here:sorted_by_class")
    runs = shards(10, data="parts_here:sorted_by_class")
    assert Run.open("part1").info()["settings"]["second_pass"] is False
    notes = Run.open("part1").info()["notes"]
    assert "class 0 alone, no means to compare: no collapse until parts with others are merged" in notes
    assert merged(*runs).exit_code == 0
    assert_merged("merged", "whole")
    assert not any("alone" in note for note in Run.open("merged").info()["notes"])


def test_one_class_has_nothing_to_compare_in_a_second_pass(here):
    arguments = ["parts_here:mlp", "--data", "parts_here:sorted_by_class", "--shard", "1/10", "--out", "part"]
    result = invoke("measure", *arguments, "--second-pass")
    assert result.exit_code == 2
    text = words(result.stderr)
    assert "expected two or more classes of 1 samples or more, got 1 of 1." in text
    assert "second_pass=False measures a part" in text


def test_records_come_back_from_other_processes(here):
    """Executors of tasks send values pickled."""
    measured("part", "--samples", 200)
    record = NetworkRecord.load("part/network.safetensors")
    again = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own
    assert json.dumps(list(again.lines())) == json.dumps(list(record.lines()))
    assert again.merge(record).n_samples == 400


def test_merged_runs_merge(here):
    measured("whole", "--samples", 200)
    a, b, c = shards(3, "--samples", 200)
    assert merged(c, a, out="two").exit_code == 0
    assert merged("two", b).exit_code == 0
    assert_merged("merged", "whole")
    assert Run.open("merged").info()["settings"]["shard"] == ["3/3", "1/3", "2/3"]
    assert [each["run"] for each in Run.open("merged").info()["merged"]] == [c, a, b]
    result = merged("two", a, out="other")
    assert result.exit_code == 2
    assert "got the same numbers in two and part1" in words(result.stderr)


def test_parts_that_are_missing_are_said(here):
    a, _, c, _ = shards(4, "--samples", 200)
    result = merged(a, c)
    assert "• merged without 2 of 4 parts of the data: 2/4, 4/4" in words(result.stdout)
    assert Run.open("merged").info()["notes"][0] == "merged without 2 of 4 parts of the data: 2/4, 4/4"


def test_a_merge_is_repeated(here):
    runs = shards(2, "--samples", 200)
    assert merged(*runs).exit_code == 0
    lines = (here / "merged" / "metrics.jsonl").read_text()
    assert merged(*runs).exit_code == 0
    assert (here / "merged" / "metrics.jsonl").read_text() == lines


def test_notes_on_the_data_are_kept(here):
    runs = shards(2, "--samples", 200)
    for run in map(Run.open, runs):
        run.record(notes=["a file was missing", *run.info()["notes"]])
    result = merged(*runs)
    assert words(result.stdout).count("• a file was missing") == 1


def test_own_data(here):
    measured("whole", data="parts_here:whole")
    assert merged(*shards(2, data="parts_here:whole"), out="shards").exit_code == 0
    assert_merged("shards", "whole")
    measured("first", "--device", "cpu", data="parts_here:first")
    measured("second", data="parts_here:second")
    assert merged("first", "second").exit_code == 0
    assert_merged("merged", "whole")
    settings = Run.open("merged").info()["settings"]
    assert (settings["data"], settings["shard"]) == (["parts_here:first", "parts_here:second"], None)
    assert "on parts_here:first, parts_here:second</" in (here / "merged" / "report.html").read_text()


@pytest.mark.parametrize("option", [["--test"], ["--samples", 150], ["--rows", "mean"], ["--layers", "0"]])
def test_other_settings(here, option):
    measured("one", "--shard", "1/2", "--samples", 200)
    measured("other", "--shard", "2/2", *(option if "--samples" in option else ["--samples", 200, *option]))
    result = merged("one", "other")
    name = option[0][2:]
    assert result.exit_code == 2
    text = words(result.stderr)
    assert text.startswith(f"Error: expected the settings of one: {name}=")
    assert f", got those of other: {name}=" in text
    assert not (here / "merged").exists()


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (["--shard", "1/2"], ["--shard", "1/2"], "the same numbers in one and other"),
        (["--shard", "1/2"], ["--shard", "1/2", "--batch-size", "7"], "part 1/2 in one and other"),
        (["--shard", "1/2"], ["--shard", "1/3"], "parts out of 2 and out of 3 in one and other"),
        (["--shard", "1/2"], [], "all samples in one and other"),
        ([], ["--batch-size", "7"], "all samples in one and other"),
    ],
)
def test_samples_in_common(here, one, other, reason):
    measured("one", "--samples", 200, *one)
    measured("other", "--samples", 200, *other)
    result = merged("one", "other")
    assert result.exit_code == 2
    assert f"Error: expected runs without samples in common, got {reason}. Merge each" in words(result.stderr)
    assert not (here / "merged").exists()


def test_a_copy_of_a_run_of_own_data(here):
    measured("one", data="parts_here:first")
    shutil.copytree("one", "copy")
    result = merged("one", "copy")
    assert "got the same numbers in one and copy." in words(result.stderr)
    measured("other", data="parts_here:second")
    assert merged("one", "other").exit_code == 0
    result = merged("merged", "copy", out="again")
    assert "got the same numbers in merged and copy." in words(result.stderr)


def test_what_is_no_part(here):
    runs = shards(2, "--samples", 200)
    cases = [
        (["part1"], "merged", "expected two or more runs to merge, got 1."),
        (runs, "./part2", "expected a new folder for the merged run, got part2, one of the parts."),
        (["part1", "nowhere"], "merged", "expected nowhere/run.json to hold JSON, got "),
        (["part1", "./part1"], "merged", "got the same numbers in part1 and part1"),
        (["part1", "loop"], "merged", "expected loop/run.json to hold JSON, got "),
        (runs, "loop", "expected to write loop, got "),
    ]
    Path("loop").symlink_to("loop")
    Run.create("unfinished", Run.open("part1").info()["settings"], kind="network")
    cases.append((["part1", "unfinished"], "merged", "expected unfinished to hold a finished run of agop measure, got"))
    Run.create("forest", {}, kind="deep-rfm")
    cases.append((["part1", "forest"], "merged", "run of agop measure, got another kind of run. Name runs of agop"))
    for arguments, out, message in cases:
        result = merged(*arguments, out=out)
        assert result.exit_code == 2, message
        assert message in words(result.stderr)
    assert not (here / "merged").exists()


def test_other_weights(here):
    measured("one", "--samples", 200, "--shard", "1/2")
    text = (here / "parts_here.py").read_text()
    (here / "parts_here.py").write_text(text.replace("def mlp():", "def mlp():\n    torch.manual_seed(8)"))
    sys.modules.pop("parts_here")
    measured("other", "--samples", 200, "--shard", "2/2")
    result = merged("one", "other")
    assert result.exit_code == 2
    assert "with the same weight" in words(result.stderr)
