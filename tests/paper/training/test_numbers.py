"""What a training computes: against loops in numpy, and what each setting does."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from agop.datasets import permute_labels, standardize, standardized_inputs, subset
from agop.errors import InputError
from agop.network import MeasureSettings, run_measure
from agop.network.run.named import batches_of
from agop.paper import TrainSettings, run_train, trained_network
from agop.runs import Run
from oracles import collapse as oracles_collapse

SMALL = TrainSettings(data="toy", width=7, fc_layers=2, conv_width=1 / 32, epochs=3, batch_size=8, every=2, lr=0.1)


def forward(weights, inputs):
    """Features in front of every layer, and the outputs."""
    features = [inputs]
    for weight in weights[:-1]:
        features.append(np.maximum(features[-1] @ weight.T, 0))
    return features, features[-1] @ weights[-1].T


def loss_and_slope(kind, outputs, labels):
    """Mean loss and its derivative by the outputs."""
    onehot = np.eye(outputs.shape[1])[labels]
    if kind == "squared":
        difference = outputs - (2 * onehot - 1)
        return (difference**2).mean(), 2 * difference / difference.size
    p = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    return -np.log((p * onehot).sum(1)).mean(), (p - onehot) / len(p)


def gradients(weights, inputs, labels, settings):
    features, outputs = forward(weights, inputs)
    loss, delta = loss_and_slope(settings.loss, outputs, labels)
    found = []
    for layer in reversed(range(len(weights))):
        found.insert(0, delta.T @ features[layer] + settings.weight_decay * weights[layer])
        delta = (delta @ weights[layer]) * (features[layer] > 0)
    return loss, found


def train_slowly(settings, weights, inputs, labels):
    """Weights after training, and the mean loss over the steps of every epoch."""
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    step, losses = 0, []
    for epoch in range(1, settings.epochs + 1):
        order = np.random.default_rng((settings.seeds[0], epoch)).permutation(len(labels))
        total = 0.0
        for start in range(0, len(order), settings.batch_size):
            rows = order[start : start + settings.batch_size]
            loss, slopes = gradients(weights, inputs[rows], labels[rows], settings)
            total += loss * len(rows)
            step += 1
            for i, slope in enumerate(slopes):
                if settings.optimizer == "sgd":
                    first[i] = settings.momentum * first[i] + slope
                    weights[i] = weights[i] - settings.lr * first[i]
                else:
                    first[i] = settings.momentum * first[i] + (1 - settings.momentum) * slope
                    second[i] = 0.999 * second[i] + 0.001 * slope**2
                    mean, square = first[i] / (1 - settings.momentum**step), second[i] / (1 - 0.999**step)
                    weights[i] = weights[i] - settings.lr * mean / (np.sqrt(square) + 1e-8)
        losses.append(total / len(order))
    return weights, losses


def matrices(network):
    return [weight.detach().double().numpy() for weight in network.parameters()]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.0, "weight_decay": 0.05, "gain": 0.5, "seeds": (4,)},
        {"loss": "cross-entropy", "batch_size": 36},
        {"optimizer": "adam", "lr": 0.01, "momentum": 0.8, "weight_decay": 0.01},
        {"standardize": "feature"},
    ],
)
def test_training_against_loops(toy, tmp_path, changes):
    settings = replace(SMALL, **changes)
    run = run_train(settings, toy, tmp_path / "run")
    inputs, held_out = standardized_inputs(toy, settings.standardize)
    seed = settings.seeds[0]
    start = matrices(settings.network((2, 3, 3), 3, seed))
    weights, losses = train_slowly(settings, start, inputs, toy.train_labels)
    for found, expected in zip(matrices(trained_network(run, seed)), weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5)
    epochs = [entry["running_loss"] for entry in read_epochs(run)]
    np.testing.assert_allclose(epochs, losses, rtol=1e-4)

    features, outputs = forward(weights, inputs)
    _, test_outputs = forward(weights, held_out)
    last = [line for line in run.metrics() if line["epoch"] == 3]
    assert last[0]["loss"] == pytest.approx(loss_and_slope(settings.loss, outputs, toy.train_labels)[0], rel=1e-4)
    expected = loss_and_slope(settings.loss, test_outputs, toy.test_labels)[0]
    assert last[0]["test_loss"] == pytest.approx(expected, rel=1e-4)
    assert last[0]["train_accuracy"] == (outputs.argmax(1) == toy.train_labels).mean()
    assert last[0]["test_accuracy"] == (test_outputs.argmax(1) == toy.test_labels).mean()
    nc1 = [line["nc1_trace_ratio"] for line in last if line["stage"] == "input"]
    oracle = [oracles_collapse.nc1_trace_ratio(rows, toy.train_labels, 3) for rows in features]
    np.testing.assert_allclose(nc1, oracle, rtol=1e-3)


def test_weights_of_a_training_are_measured_on_its_inputs(toy, tmp_path):
    """The record of ``run_measure`` is that of the last measurement, in the form that the training used."""
    settings = replace(SMALL, model="mlp", standardize="feature", seeds=(0,))
    run = run_train(settings, toy, tmp_path / "run")
    weights = str(run.path / "seed0" / "weights.safetensors")
    measured = MeasureSettings("toy_nets:mlp", "toy", weights, layers=("fc.*",))
    settings = measured.resolved()
    assert settings.standardize == "feature"
    (batch, _), *_ = batches_of(settings, toy, torch.float64)
    np.testing.assert_array_equal(batch, standardize(toy.train_inputs)[0])
    assert replace(measured, weights=None).resolved().standardize == "channel"
    with pytest.raises(InputError, match=r"as in the training of .*: 'feature', got standardize='channel'"):
        replace(measured, standardize="channel").resolved()


def read_epochs(run):
    return [json.loads(line) for line in (run.path / "epochs.jsonl").read_text().splitlines()]


def first_input_nc1(run, seed=0):
    line = next(line for line in run.metrics() if line["seed"] == seed and line["stage"] == "input")
    return line["nc1_trace_ratio"]


def oracle_nc1(part, labels=None):
    rows, _ = standardized_inputs(part, "channel")
    return oracles_collapse.nc1_trace_ratio(rows, part.train_labels if labels is None else labels, part.n_classes)


def test_rows_and_labels(toy, tmp_path):
    first = run_train(replace(SMALL, samples=20), toy, tmp_path / "first")
    assert first_input_nc1(first) == pytest.approx(oracle_nc1(subset(toy, 20)), rel=1e-5)
    drawn = run_train(replace(SMALL, samples=20, subset="random", seeds=(1, 2)), toy, tmp_path / "random")
    for seed in (1, 2):
        expected = oracle_nc1(subset(toy, 20, how="random", seed=seed))
        assert first_input_nc1(drawn, seed) == pytest.approx(expected, rel=1e-5)
    shuffled = run_train(replace(SMALL, permute_labels=True, seeds=(3,)), toy, tmp_path / "labels")
    assert first_input_nc1(shuffled, 3) == pytest.approx(oracle_nc1(toy, permute_labels(toy.train_labels, 3)), rel=1e-5)


def test_measured_rows(toy, tmp_path):
    labels = np.where(np.arange(len(toy.train_labels)) < 15, np.arange(len(toy.train_labels)) % 3, toy.train_labels)
    toy = replace(toy, train_labels=labels)  # two or more of each class among those that are measured
    run = run_train(replace(SMALL, measure_samples=15), toy, tmp_path / "run")
    rows, _ = standardized_inputs(toy, "channel")
    expected = oracles_collapse.nc1_trace_ratio(rows[:15], toy.train_labels[:15], 3)
    assert first_input_nc1(run) == pytest.approx(expected, rel=1e-5)


def test_without_test_rows(toy, tmp_path):
    line = run_train(replace(SMALL, test_samples=0), toy, tmp_path / "run").metrics()[0]
    assert (line["test_loss"], line["test_accuracy"]) == (None, None)
    assert line["loss"] > 0


@pytest.mark.parametrize("model", ["resnet18", "vgg11"])
def test_convolutional_networks_and_chosen_layers(toy, tmp_path, model):
    settings = replace(SMALL, model=model, layers=("features.*", "fc.output"), epochs=1)
    layers = {line["layer"] for line in run_train(settings, toy, tmp_path / "run").metrics()}
    assert "fc.output" in layers
    assert len(layers) == {"resnet18": 21, "vgg11": 7}[model]


def test_ends_when_the_loss_is_low(toy, tmp_path):
    whole = run_train(replace(SMALL, epochs=9), toy, tmp_path / "whole")
    losses = [entry["running_loss"] for entry in read_epochs(whole)]
    limit = (losses[0] + min(losses)) / 2
    n = 1 + next(epoch for epoch, loss in enumerate(losses) if loss < limit)
    assert 1 < n < 9
    early = run_train(replace(SMALL, epochs=9, stop_loss=limit), toy, tmp_path / "early")
    assert [entry["running_loss"] for entry in read_epochs(early)] == losses[:n]
    assert sorted({line["epoch"] for line in early.metrics()}) == sorted({*range(0, n, 2), n})


def test_a_last_row_alone_joins_the_step_before(toy, tmp_path):
    """BatchNorm of maps with one position cannot use a single row: 33 rows in batches of 8."""
    run = run_train(replace(SMALL, model="resnet18", samples=33, epochs=1), toy, tmp_path / "run")
    state = trained_network(run, 0).state_dict()
    assert int(state["features.1.num_batches_tracked"]) == 4
    plain = run_train(replace(SMALL, samples=33, batch_size=1, epochs=1), toy, tmp_path / "single")
    assert len(read_epochs(plain)) == 1


def test_a_loss_that_explodes(toy, tmp_path):
    """After one step of such a length float32 holds no product of two layers."""
    with pytest.raises(InputError, match=r"a finite training loss, got (inf|nan) in epoch 1 of seed 0.* below 1e\+30"):
        run_train(replace(SMALL, lr=1e30, epochs=9), toy, tmp_path / "run")


def test_agop_measure_reads_the_weights(toy, tmp_path, monkeypatch):
    run = run_train(SMALL, toy, tmp_path / "run")
    (tmp_path / "toy_factory.py").write_text(
        "from agop.paper.training.networks import Architecture, build_network\n\n\n"
        "def mlp():\n    return build_network(Architecture(width=7, fc_layers=2), (2, 3, 3), 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    weights = str(run.path / "seed0" / "weights.safetensors")
    record = run_measure(MeasureSettings("toy_factory:mlp", "toy", weights), toy, tmp_path / "measured")
    assert Run(tmp_path / "measured").info()["image_shape"] == [2, 3, 3]
    found = {line["layer"]: line["nc1_trace_ratio"] for line in run.metrics() if line["stage"] == "input"}
    for name, layer in record.items():
        assert layer.input.nc1_trace_ratio == pytest.approx(found[name], rel=1e-6)


def test_trained_network_is_ready_to_use(toy, tmp_path):
    run = run_train(SMALL, toy, tmp_path / "run")
    network = trained_network(run, 0)
    assert not network.training
    info = run.info()
    assert TrainSettings.of(info["settings"]) == SMALL
    before = TrainSettings.of(info["settings"]).network(info["input_shape"], info["n_classes"], 0)
    assert not torch.equal(before.fc.output.weight, network.fc.output.weight)


def test_notes_of_the_measurements(toy, tmp_path):
    """A class of one sample has no part in NC1, and the run says so."""
    kept = np.r_[np.flatnonzero(toy.train_labels != 2), np.flatnonzero(toy.train_labels == 2)[:1]]
    few = replace(toy, train_inputs=toy.train_inputs[kept], train_labels=toy.train_labels[kept])
    run = run_train(replace(SMALL, seeds=(0, 1)), few, tmp_path / "run")
    first, *others = run.info()["notes"]
    assert first == "a note"
    assert sum(note.startswith("one sample of class 2,") for note in others) == 1
    assert all(line["nc1_trace_ratio"] > 0 for line in run.metrics())
