"""A training that is cut off anywhere and repeated finds what an uninterrupted one finds, bit by bit."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from agop.errors import DataFileError, EmptyClassError, InputError
from agop.network import NetworkRecord, Tracker
from agop.paper import TrainSettings, run_train, trained_network
from agop.paper.training import run as training
from agop.runs import storage

MLP = TrainSettings(
    data="toy", width=7, fc_layers=2, conv_width=1 / 32, epochs=5, batch_size=8, every=2, lr=0.1, seeds=(3, 1)
)
ALL = {
    "momentum": MLP,
    "adam": replace(MLP, optimizer="adam", lr=0.01, seeds=(3,)),
    "resnet18": replace(MLP, model="resnet18", seeds=(3,)),
    "plain": replace(MLP, momentum=0.0, seeds=(3,)),
}


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory):
    """Uninterrupted runs, by name."""
    return {name: run_train(settings, toy, tmp_path_factory.mktemp("whole") / name) for name, settings in ALL.items()}


class Killed(BaseException):
    """The end of a process: nothing in between may handle it."""


def found(run):
    """Everything that a run found, without times."""
    names = [path.name for path in sorted(run.path.iterdir()) if path.is_dir()]
    files = [run.path / name / f"{kind}.safetensors" for name in names for kind in ("weights", "network")]
    tensors = {file: storage.load(file)[0].items() for file in files}
    values = {str(file.relative_to(run.path)): {k: v.tolist() for k, v in parts} for file, parts in tensors.items()}
    return run.metrics(), (run.path / "epochs.jsonl").read_text(), values


def stop_at(when):
    def observe(seed, epoch, loss, record):
        if (seed, epoch) == when:
            raise Killed

    return observe


@pytest.mark.parametrize("seconds", [0.0, float("inf")])
@pytest.mark.parametrize(
    ("name", "epoch"),
    [("momentum", 0), ("momentum", 3), ("momentum", 4), ("momentum", 5), ("adam", 3), ("resnet18", 3), ("plain", 3)],
)
def test_cut_off_after_an_epoch(toy, whole, tmp_path, monkeypatch, name, epoch, seconds):
    """With a checkpoint after every epoch, and with none, so that the tracker is ahead of the training."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", seconds)
    settings = ALL[name]
    with pytest.raises(Killed):
        run_train(settings, toy, tmp_path / "run", stop_at((settings.seeds[-1], epoch)))
    assert found(run_train(settings, toy, tmp_path / "run")) == found(whole[name])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("epoch", [0, 2, 5])
def test_cut_off_between_checkpoint_and_measurement(toy, whole, tmp_path, monkeypatch, epoch, moment):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    step = Tracker.step

    def killed(tracker, index, **scalars):
        if index == epoch and moment == "before":
            raise Killed
        step(tracker, index, **scalars)
        if index == epoch:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "step", killed)
        with pytest.raises(Killed):
            run_train(MLP, toy, tmp_path / "run")
    assert found(run_train(MLP, toy, tmp_path / "run")) == found(whole["momentum"])


@pytest.mark.parametrize(
    ("file", "number"), [("checkpoint", 1), ("checkpoint", 3), ("weights", 1), ("network", 1), ("network", 4)]
)
def test_cut_off_while_a_file_is_written(toy, whole, tmp_path, monkeypatch, file, number):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    save, written = storage.save_file, []

    def killed(tensors, path, metadata):
        save(tensors, path, metadata=metadata)
        written.extend([path] * (file in path.parent.name))  # the temporary folder has the name of the file
        if len(written) == number:
            path.write_bytes(path.read_bytes()[:100])
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(storage, "save_file", killed)
        with pytest.raises(Killed):
            run_train(MLP, toy, tmp_path / "run")
    assert len(written) == number
    assert found(run_train(MLP, toy, tmp_path / "run")) == found(whole["momentum"])


@pytest.mark.parametrize("epoch", [2, 5])
def test_the_record_of_a_measurement_cut_off_is_written_again(toy, whole, tmp_path, monkeypatch, epoch):
    """The record comes before the lines: a measurement without its record has no lines, and is made again."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    save, count = NetworkRecord.save, []

    def killed(record, path):
        count.append(path)
        if len(count) == {2: 2, 5: 4}[epoch]:
            raise Killed
        save(record, path)

    with monkeypatch.context() as patch:
        patch.setattr(NetworkRecord, "save", killed)
        with pytest.raises(Killed):
            run_train(MLP, toy, tmp_path / "run")
    assert found(run_train(MLP, toy, tmp_path / "run")) == found(whole["momentum"])


def test_the_record_is_that_of_the_last_measurement(whole):
    run = whole["momentum"]
    for seed in (3, 1):
        record = NetworkRecord.load(run.path / f"seed{seed}" / "network.safetensors")
        last = [line for line in run.metrics() if (line["seed"], line["epoch"]) == (seed, 5)]
        lines = json.loads(json.dumps(list(record.lines())))
        assert [{name: line[name] for name in part} for part, line in zip(lines, last, strict=True)] == lines
        assert record.accuracy == pytest.approx(last[0]["train_accuracy"])
        weights = storage.load(run.path / f"seed{seed}" / "weights.safetensors")[0]
        assert torch.equal(record["fc.2"].weight, weights["fc.2.weight"])


def test_half_a_measurement_is_dropped(toy, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        run_train(MLP, toy, tmp_path / "run", stop_at((3, 3)))
    lines = tmp_path / "run" / "seed3" / "metrics.jsonl"
    last = lines.read_text().splitlines()[-1]
    lines.write_text(lines.read_text() + json.dumps({**json.loads(last), "epoch": 4}) + '\n{"epoch": 4, "lay')
    assert found(run_train(MLP, toy, tmp_path / "run")) == found(whole["momentum"])


def test_what_was_found_so_far_is_in_the_folder_after_an_interruption(toy, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run_train(MLP, toy, tmp_path / "run", lambda seed, epoch, *_: _interrupt() if (seed, epoch) == (1, 3) else None)
    lines = whole["momentum"].metrics()
    run = training.Run.open(tmp_path / "run")
    assert run.metrics() == [line for line in lines if (line["seed"], line["epoch"]) not in {(1, 4), (1, 5)}]
    epochs = (run.path / "epochs.jsonl").read_text().splitlines()
    assert epochs == (whole["momentum"].path / "epochs.jsonl").read_text().splitlines()[:8]
    assert run.info()["finished"] is None
    assert run.info()["seconds"] > 0


def test_half_a_measurement_is_not_shown(toy, tmp_path, monkeypatch):
    """Lines of epoch 2 are in the folder of the seed, but not the note that they are complete."""
    append = training.Run.append

    def killed(run, lines):
        lines = list(lines)
        append(run, lines)
        if lines[0]["epoch"] == 2:
            raise Killed

    monkeypatch.setattr(training.Run, "append", killed)
    with pytest.raises(Killed):
        run_train(MLP, toy, tmp_path / "run")
    assert {line["epoch"] for line in training.Run(tmp_path / "run" / "seed3").metrics()} == {0, 2}
    assert {line["epoch"] for line in training.Run(tmp_path / "run").metrics()} == {0}


def _interrupt():
    raise KeyboardInterrupt


def test_files_and_order(toy, whole):
    run = whole["momentum"]
    assert {path.name for path in run.path.iterdir()} == {
        ".lock",
        "run.json",
        "metrics.jsonl",
        "epochs.jsonl",
        "seed3",
        "seed1",
    }
    assert {path.name for path in (run.path / "seed3").iterdir()} == {
        ".lock",
        "run.json",
        "metrics.jsonl",
        "network.safetensors",
        "weights.safetensors",
    }
    stages = ["input", "linear", "output", "agop_1/2", "agop_1/4"]
    places = [
        (seed, epoch, layer, stage)
        for seed in (3, 1)
        for epoch in (0, 2, 4, 5)
        for layer in ("fc.1", "fc.2", "fc.output")
        for stage in stages
        if (layer, stage) != ("fc.output", "output")
    ]
    assert [tuple(line[k] for k in ("seed", "epoch", "layer", "stage")) for line in run.metrics()] == places
    names = ["seed", "epoch", "loss", "train_accuracy", "test_loss", "test_accuracy", "accuracy", "layer", "stage"]
    assert all(list(line)[:9] == names for line in run.metrics())
    epochs = [json.loads(line) for line in (run.path / "epochs.jsonl").read_text().splitlines()]
    assert [(line["seed"], line["epoch"]) for line in epochs] == [(s, e) for s in (3, 1) for e in range(1, 6)]
    info = run.info()
    assert (info["input_shape"], info["n_classes"], info["notes"]) == ([2, 3, 3], 3, ["a note"])
    assert info["image_shape"] == [2, 3, 3]
    assert info["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert info["finished"] is not None


def test_a_finished_run_is_not_repeated(toy, tmp_path):
    run = run_train(replace(MLP, seeds=(3,)), toy, tmp_path / "run")
    before, calls = found(run), []
    again = run_train(replace(MLP, seeds=(3,)), toy, tmp_path / "run", lambda *arguments: calls.append(arguments))
    assert (found(again), calls) == (before, [])


def test_other_settings_need_another_folder(toy, tmp_path):
    run_train(replace(MLP, epochs=1), toy, tmp_path / "run")
    with pytest.raises(InputError, match="epochs=1"):
        run_train(replace(MLP, epochs=2), toy, tmp_path / "run")
    with pytest.raises(InputError, match=r"standardize='channel'.* got standardize='feature'"):
        run_train(replace(MLP, epochs=1, standardize="feature"), toy, tmp_path / "run")


def test_an_unfinished_network_cannot_be_loaded(toy, tmp_path):
    with pytest.raises(Killed):
        run_train(MLP, toy, tmp_path / "run", stop_at((3, 1)))
    with pytest.raises(DataFileError, match="weights"):
        trained_network(training.Run.open(tmp_path / "run"), 3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": "vgg19"}, InputError, "model to be one of mlp, resnet18, vgg11, got model='vgg19'"),
        ({"loss": "hinge"}, InputError, "loss='hinge'"),
        ({"optimizer": "lion"}, InputError, "optimizer='lion'"),
        ({"subset": "last"}, InputError, "subset='last'"),
        ({"measure_rows": "sum"}, InputError, "measure_rows='sum'"),
        ({"lr": 0.0}, InputError, "usable lr, got 0.0"),
        ({"lr": float("inf")}, InputError, "usable lr, got inf"),
        ({"momentum": 1.0}, InputError, "usable momentum"),
        ({"weight_decay": -0.1}, InputError, "weight_decay of 0 or more"),
        ({"stop_loss": 0.0}, InputError, "usable stop_loss"),
        ({"epochs": 0}, InputError, "epochs of 1 or more"),
        ({"batch_size": 0}, InputError, "batch_size of 1 or more"),
        ({"every": 0}, InputError, "every of 1 or more"),
        ({"seeds": ()}, InputError, "got none"),
        ({"seeds": (1, 1)}, InputError, "got 1, 1"),
        ({"seeds": (-1,)}, InputError, "got -1"),
        ({"samples": 37}, InputError, "a wish for 37"),
        ({"samples": 30, "measure_samples": 31}, InputError, "a wish for 31"),
        ({"measure_samples": 2}, EmptyClassError, "none of"),
        ({"layers": ("conv.*",)}, InputError, "conv"),
        ({"device": "warp"}, InputError, "warp"),
        ({"model": "resnet18", "batch_size": 1}, InputError, "batches of 1 .*Enlarge batch_size"),
    ],
)
def test_errors_before_anything_is_written(toy, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        run_train(replace(MLP, **changes), toy, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rows_that_are_no_images(toy, tmp_path):
    table = replace(toy, image_shape=None)
    info = run_train(replace(MLP, epochs=1), table, tmp_path / "mlp").info()
    assert (info["input_shape"], info["image_shape"]) == ([18], None)
    with pytest.raises(InputError, match="images"):
        run_train(replace(MLP, model="vgg11"), table, tmp_path / "vgg11")
