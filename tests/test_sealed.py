"""A finished run is shown, and goes on, with the files that it finished with, not with those of another run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from agop.errors import DataFileError
from agop.paper import trained_network
from agop.reports import result_of
from agop.runs import Run, storage
from jobs import JOBS

RESULTS = Path(__file__).parents[1] / "results"
RUNS = {name: job for name, job in JOBS.items() if name != "fit"}
SEALED = {
    "deep-rfm": ["metrics.jsonl", "tensors.safetensors"],
    "measure": ["metrics.jsonl", "network.safetensors"],
    "explain": ["explanation.json", "metrics.jsonl"],
    "reproduce": ["metrics.jsonl", "verdicts.json"],
    "train": [
        *("epochs.jsonl", "metrics.jsonl"),
        *(
            f"seed{seed}/{name}"
            for seed in (0, 1)
            for name in ("metrics.jsonl", "network.safetensors", "run.json", "weights.safetensors")
        ),
    ],
}


@pytest.fixture(scope="module", params=RUNS)
def finished(request, tmp_path_factory):
    """Name of a command, the folder that it worked in, and the run there."""
    folder = tmp_path_factory.mktemp(request.param)
    RUNS[request.param](folder)
    return request.param, folder, Run(folder / ("figure" if request.param == "reproduce" else "run"))


@pytest.fixture
def another(finished, tmp_path):
    """A copy of it, to be changed."""
    name, folder, run = finished
    shutil.copytree(folder, tmp_path / "copy")
    return name, tmp_path / "copy", Run(tmp_path / "copy" / run.path.name)


def of_another_run(file):
    """Put in place of a file one that is whole by itself, as the same command writes it for other data or settings."""
    if file.suffix == ".safetensors":
        tensors, header = storage.load(file)
        name = min(tensors)
        storage.save(file, tensors | {name: tensors[name] + 1}, header)
    elif file.name == "run.json":
        Run(file.parent).record(notes=["another"])
    else:
        digit = re.search(r"\d", file.read_text())
        text = file.read_text()
        file.write_text(text[: digit.start()] + str((int(digit[0]) + 1) % 10) + text[digit.end() :])


def test_every_file_that_is_read_again_is_sealed(finished):
    name, _, run = finished
    assert sorted(run.info()["sealed"]) == SEALED[name]


def test_the_seeds_of_a_training_are_runs_of_their_own(another):
    """Which end before that of the whole training, with a checkpoint that is removed then."""
    name, _, run = another
    if name != "train":
        pytest.skip("has no seeds")
    seed = Run(run.path / "seed1")
    assert result_of(seed).record is not None
    of_another_run(seed.path / "network.safetensors")
    with pytest.raises(DataFileError, match=r"got network\.safetensors changed"):
        result_of(seed)


def test_a_file_of_another_run_is_refused(another):
    name, folder, run = another
    for sealed in SEALED[name]:
        file = run.path / sealed
        whole = file.read_bytes()
        of_another_run(file)
        before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file() and path.name != ".lock"}
        for use in (lambda: result_of(run), lambda: RUNS[name](folder)):  # shown, or gone on with
            with pytest.raises(DataFileError, match=f"got {sealed} changed, exchanged or gone") as error:
                use()
            assert "\n" not in str(error.value)
        assert before == {path: path.read_bytes() for path in before}
        file.write_bytes(whole)
    RUNS[name](folder)
    run.check()


def test_the_files_alone_are_refused_too(another):
    """By those who read them without a report."""
    name, _, run = another
    for sealed in SEALED[name]:
        of_another_run(run.path / sealed)
    reads = {
        "deep-rfm": [run.metrics, run.load_tensors],
        "measure": [run.metrics, lambda: run.tensors_file("network.safetensors")],
        "explain": [lambda: run.contents("explanation.json")],
        "reproduce": [run.metrics, lambda: run.contents("verdicts.json")],
        "train": [lambda: run.contents("epochs.jsonl"), lambda: trained_network(run, 1)],
    }
    for read in reads[name]:
        with pytest.raises(DataFileError, match="checksum does not match"):
            read()


def test_tensors_may_be_left_out_and_lines_may_not(another):
    name, _, run = another
    for sealed in SEALED[name]:
        (run.path / sealed).unlink()
        if sealed.endswith(".safetensors"):
            run.check()
        else:
            with pytest.raises(DataFileError, match=f"got {sealed} "):
                run.check()
            (run.path / sealed).touch()
            with pytest.raises(DataFileError, match=f"got {sealed} "):
                run.check()
            (run.path / sealed).unlink()
            info = run.info()
            run.record(sealed={other: seal for other, seal in info["sealed"].items() if other != sealed})


def test_a_file_that_came_after_the_end(tmp_path):
    """No run vouches for it; pages and pictures are not read again."""
    run = Run.create(tmp_path / "run", {})
    run.finish()
    storage.save(run.path / "tensors.safetensors", {"spectrum": torch.ones(2)})
    (run.path / "epochs.jsonl").write_text('{"epoch": 1}\n')
    for read in (run.load_tensors, lambda: run.contents("epochs.jsonl")):
        with pytest.raises(DataFileError, match="checksum does not match"):
            read()
    (run.path / "report.html").write_text("<p>")
    run.check()


def test_a_run_that_has_not_finished_has_no_seals(tmp_path):
    run = Run.create(tmp_path / "run", {})
    for value in (1.0, 2.0):
        run.save_tensors({"spectrum": torch.full((2,), value)})
        assert run.load_tensors()["spectrum"].tolist() == [value, value]
    run.finish()
    again = Run.create(run.path, {})
    again.save_tensors({"spectrum": torch.zeros(2)})
    again.finish()
    assert again.load_tensors()["spectrum"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ["theory-recursion", "deep-rfm-gram"])
def test_one_digit_of_the_verdicts(name, tmp_path):
    run = Run(Path(shutil.copytree(RESULTS / "reproduce-cpu" / name, tmp_path / name)))
    if name == "theory-recursion":
        assert result_of(run).info["verdicts"]
    of_another_run(run.path / "verdicts.json")
    with pytest.raises(DataFileError, match=r"got verdicts\.json changed"):
        result_of(run)


def test_what_cannot_be_read_is_not_sealed(tmp_path):
    """Foreign files of like names do not end a run."""
    run = Run.create(tmp_path / "run", {})
    (run.path / "torn.safetensors").write_bytes(b"torn")
    (run.path / "folder.json").mkdir()
    run.finish()
    assert run.info()["sealed"] == {}
    run.check()
