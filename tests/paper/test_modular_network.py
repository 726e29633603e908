"""A small network that learns modular addition: what it is, and what is tracked of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agop.errors import InputError
from agop.paper.modular import Addition, circulant_score
from agop.paper.modular_network import ModularNetworkSettings, run_modular_network

SMALL = ModularNetworkSettings(11, width=32, epochs=3, every=2, seed=4)


def slow_outputs(model, inputs):
    first, output = (parameter.detach().numpy() for parameter in model.parameters())
    return (inputs.numpy() @ first.T) ** 2 @ output.T


def slow_agop(model, inputs):
    """Sum over outputs, mean over pairs; d f_c / d x = 2 W^T (v_c * W x)."""
    first, output = (parameter.detach().numpy() for parameter in model.parameters())
    total = 0
    for row in inputs.numpy():
        jacobian = 2 * (output * (first @ row)) @ first
        total = total + jacobian.T @ jacobian
    return total / len(inputs)


def test_the_first_measurement_is_that_of_the_network_before_training(tmp_path):
    heard = []
    run = run_modular_network(SMALL, None, tmp_path / "run", heard.append)
    lines = run.metrics()
    assert [line["epoch"] for line in lines] == [0, 2, 3]  # the last one too
    assert len(heard) == 4
    learned, test = Addition.halves(11, 4)
    model, first = SMALL.network(), lines[0]
    outputs = slow_outputs(model, test.inputs)
    targets = np.eye(11)[test.sums.numpy()]
    assert first["test_error"] == pytest.approx(((outputs - targets) ** 2).sum(1).mean())
    assert first["test_accuracy"] == pytest.approx((outputs.argmax(1) == test.sums.numpy()).mean())
    weight, agop = next(model.parameters()).detach().numpy(), slow_agop(model, learned.inputs)
    values, vectors = np.linalg.eigh(agop)
    root = (vectors * values.clip(0) ** 0.5) @ vectors.T
    assert first["circulant_agop"] == pytest.approx(circulant_score(torch.from_numpy(agop[:11, 11:])))
    assert first["circulant_nfm"] == pytest.approx(circulant_score(torch.from_numpy((weight.T @ weight)[:11, 11:])))
    assert first["nfa_pearson_root"] == pytest.approx(np.corrcoef(root.ravel(), (weight.T @ weight).ravel())[0, 1])


def test_training_fits_and_a_finished_run_is_left_as_it_is(tmp_path):
    settings = replace(SMALL, epochs=150, every=50, lr=1e-2, weight_decay=0.1)
    run = run_modular_network(settings, None, tmp_path / "run", lambda text: None)
    start, *_, end = run.metrics()
    assert end["train_error"] < start["train_error"] / 2
    assert end["train_accuracy"] > 0.9 > start["train_accuracy"]
    heard = []
    assert run_modular_network(settings, None, tmp_path / "run", heard.append).metrics() == run.metrics()
    assert heard == []
    with pytest.raises(InputError, match="settings of the run"):
        run_modular_network(SMALL, None, tmp_path / "run", heard.append)


def test_an_interrupted_run_ends_as_any_other(tmp_path):
    def stop(text):
        if text.startswith("epoch 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_modular_network(SMALL, None, tmp_path / "run", stop)
    again = run_modular_network(SMALL, None, tmp_path / "run", lambda text: None)
    whole = run_modular_network(SMALL, None, tmp_path / "whole", lambda text: None)
    assert again.metrics() == whole.metrics()
