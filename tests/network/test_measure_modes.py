"""Precision, compilation, gradient modes and checkpointing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import agop
from network.models import N_CLASSES, Function, ResNet, batches, data, mlp, seeded
from oracles.network import assert_agop, assert_layer, observe


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


def two_layers(function, n_hidden=6, **layers):
    return seeded(
        lambda: Function(function, first=nn.Linear(5, n_hidden), last=nn.Linear(n_hidden, N_CLASSES), **layers)
    )


def test_batch_norm_in_training_mode_is_measured_in_evaluation_mode():
    """And keeps its running statistics."""
    x, y = data(9, (2, 6, 6))
    model = seeded(ResNet)
    expected = agop.measure(model, batches(x, y))
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    record = agop.measure(model, batches(x, y, (2, 7)))
    assert_agop(record["stem"].agop, expected["stem"].agop)
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


def test_dropout_is_off():
    x, y = data()
    model = nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.5), nn.ReLU(), nn.Linear(6, N_CLASSES)).double().train()
    record = agop.measure(model, batches(x, y))
    bare = nn.Sequential(model[0], model[2], model[3])
    expected = observed(bare.eval(), {"0": model[0]}, x)["0"]
    assert_layer(record["0"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")
def test_compiled_model():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    compiled = torch.compile(model, backend="eager")
    compiled(x)  # a model that has been in use
    record = agop.measure(compiled, batches(x, y))
    assert list(record) == list(expected)
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop)
        assert record[name].activation == expected[name].activation
        assert record[name].input.nc1_trace_ratio == pytest.approx(expected[name].input.nc1_trace_ratio, rel=1e-12)
    torch.testing.assert_close(compiled(x), model(x))


def test_submodule_compiled_in_place():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    model[2].compile(backend="eager")
    model[0] = torch.compile(model[0], backend="eager")
    record = agop.measure(model, batches(x, y))
    assert list(record) == list(expected)
    assert_agop(record["0"].agop, expected["0"].agop)
    torch.compiler.reset()


def test_bfloat16_model():
    """Of a smooth network: rounding moves no row across a kink."""
    x, y = data(40)
    model = seeded(mlp, activation=nn.Tanh)
    rounded = model.to(torch.bfloat16)
    exact = seeded(mlp, activation=nn.Tanh)
    exact.load_state_dict(rounded.state_dict())
    record = agop.measure(rounded, batches(x.to(torch.bfloat16), y))
    expected = agop.measure(exact, batches(x.to(torch.bfloat16).double(), y))
    for name in expected:
        assert record[name].agop.dtype == torch.float64
        assert_agop(record[name].agop, expected[name].agop, rel=0.02)
        assert record[name].input.nc1_trace_ratio == pytest.approx(expected[name].input.nc1_trace_ratio, rel=0.02)
    # the first layer's input is exact, so its numbers have no rounding of theirs
    assert record["0"].input.nc1_trace_ratio == pytest.approx(expected["0"].input.nc1_trace_ratio, rel=1e-12)


def test_autocast():
    """Of a smooth network: rounding moves no row across a kink."""
    x, y = data(40, dtype=torch.float32)
    model = seeded(mlp, activation=nn.Tanh).float()

    def forward(model, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(batch[0]), batch[1]

    record = agop.measure(model, batches(x, y), forward=forward)
    expected = agop.measure(model, batches(x, y))
    assert list(record) == list(expected)
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop, rel=0.05)
        assert record[name].linear.nc1_trace_ratio == pytest.approx(expected[name].linear.nc1_trace_ratio, rel=0.05)
        assert record[name].activation == expected[name].activation
    assert model[0].weight.dtype == torch.float32


def test_called_where_gradients_are_off():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    with torch.no_grad():
        record = agop.measure(model, batches(x, y))
        assert not torch.is_grad_enabled()
    assert_agop(record["2"].agop, expected["2"].agop)


def test_called_in_inference_mode():
    """Right, or refused with a reason: never an empty record."""
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    with torch.inference_mode():
        record = agop.measure(model, batches(x, y))
    assert_agop(record["2"].agop, expected["2"].agop)


def test_frozen_parameters():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    model.requires_grad_(False)
    record = agop.measure(model, batches(x, y))
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_activation_checkpointing():
    """The backward pass calls the layers again; that is no second use."""
    x, y = data()

    def forward(self, x):
        def part(h):
            return torch.tanh(self.middle(h))

        return self.last(checkpoint(part, torch.tanh(self.first(x)), use_reentrant=False))

    model = two_layers(forward, middle=nn.Linear(6, 6))
    record = agop.measure(model, batches(x, y))
    plain = two_layers(
        lambda self, x: self.last(torch.tanh(self.middle(torch.tanh(self.first(x))))), middle=nn.Linear(6, 6)
    )
    plain.load_state_dict(model.state_dict())
    expected = agop.measure(plain, batches(x, y))
    assert list(record) == ["first", "middle", "last"]
    for name in expected:
        assert record[name].rows == 1
        assert_agop(record[name].agop, expected[name].agop)


def test_samples_that_mix_in_the_batch_are_not_silently_wrong():
    """Exact directions take one backward pass for all samples, which is wrong where outputs depend on other samples."""
    x, y = data()
    model = two_layers(lambda self, x: (h := self.last(torch.tanh(self.first(x)))) + h.mean(0))
    with pytest.raises(agop.errors.InputError, match="depend on other samples"):
        agop.measure(model, batches(x, y))


def test_batch_norm_without_running_statistics():
    """Mixes samples in evaluation mode too."""
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            nn.Linear(5, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.ReLU(), nn.Linear(6, N_CLASSES)
        )
    )
    with pytest.raises(agop.errors.InputError, match="other samples"):
        agop.measure(model, [(x, y)])


def test_model_that_draws_random_numbers_in_evaluation_mode():
    """Dropout that is always on: the second pass shows other features than the first."""
    x, y = data(30)
    model = two_layers(lambda self, x: self.last(functional.dropout(torch.relu(self.first(x)), 0.5, training=True)))
    with pytest.raises(agop.errors.InputError, match="same data"):
        agop.measure(model, batches(x, y))


def test_options_as_a_value_and_by_name():
    x, y = data()
    model = seeded(mlp)
    options = agop.network.MeasureOptions(layers="2", rows="mean")
    record = agop.measure(model, [(x, y)], options)
    assert list(record.lines()) == list(agop.measure(model, [(x, y)], layers="2", rows="mean").lines())
    assert list(agop.measure(model, [(x, y)], options, layers="0")) == ["0"]
    assert options.layers == "2"
    with pytest.raises(TypeError, match="layer"):
        agop.measure(model, [(x, y)], layer="2")
