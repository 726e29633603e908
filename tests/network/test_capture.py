"""Which calls are noted, under which names, in which normal form."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.overrides import _get_current_function_mode_stack

from agop.network.capture.calls import Capture
from agop.network.capture.weights import Weights
from network.models import N_CLASSES, Convolutional, Function, Shared, data, mlp, seeded
from oracles.network import dense_weight, rows_after, rows_of


def captured(model, *inputs, layers=None, gradients=False):
    model.requires_grad_(False)
    with torch.set_grad_enabled(gradients), Capture(Weights(model, layers)) as capture:
        outputs = model(*inputs)
    return capture, outputs


def test_nothing_changes_in_what_the_model_computes():
    x, _ = data()
    model = seeded(Shared)
    for gradients in (True, False):
        _, outputs = captured(model, x, gradients=gradients)
        assert torch.equal(outputs.detach(), model(x))
    assert _get_current_function_mode_stack() == []


def test_calls_in_order_with_their_values():
    x, _ = data()
    model = seeded(Shared, 2)
    capture, _ = captured(model, x)
    assert [call.name for call in capture.calls] == ["first", "again", "again", "last"]
    h = torch.tanh(model.first(x))
    torch.testing.assert_close(capture.values(capture.calls[1].linear.inputs), h)
    torch.testing.assert_close(capture.values(capture.calls[1].outputs), model.again(h))
    torch.testing.assert_close(capture.values(capture.calls[1].activated), torch.tanh(model.again(h)))
    assert [call.activation for call in capture.calls] == ["tanh", "tanh", "tanh", None]


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Conv2d(4, 6, (2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=2),
        lambda: nn.Conv2d(4, 4, 3, padding="same", groups=4, bias=False),
        lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="replicate"),
    ],
)
def test_normal_form_of_a_convolution(build):
    """Rows times matrix, plus bias, is what the call returned."""
    x, _ = data(3, (4, 6, 7))
    model = seeded(lambda: Convolutional(build(), (6, 7)))
    capture, _ = captured(model, x)
    linear = capture.calls[0].linear
    rows, matrix = linear.input_rows(capture.values(linear.inputs)), linear.matrix(linear.weight)
    assert torch.equal(matrix, dense_weight(model.conv))
    out = rows @ matrix.T + (0 if model.conv.bias is None else model.conv.bias)
    torch.testing.assert_close(out, linear.output_rows(capture.values(capture.calls[0].outputs)))
    for i in range(3):
        one = x[i : i + 1]
        torch.testing.assert_close(rows[i].flatten(0, -2), rows_of(model.conv, one))
        torch.testing.assert_close(out[i].flatten(0, -2), rows_after(model.conv, model.conv(one)))


def test_weights_of_one_process_are_not_copied():
    x, _ = data()
    model = seeded(Shared, 2)
    capture, _ = captured(model, x)
    for call, module in zip(capture.calls, (model.first, model.again, model.again, model.last), strict=True):
        assert call.sharded == ()
        assert call.matrix().data_ptr() == module.weight.data_ptr()
        assert torch.equal(call.matrix(), module.weight)


def test_gradients_reach_every_call():
    x, _ = data()
    model = seeded(Shared, 2)
    capture, outputs = captured(model, x, gradients=True)
    seen = {}
    for index, call in enumerate(capture.calls):
        call.on_gradient = lambda gradient, index=index: seen.setdefault(index, gradient)
    assert len(capture.leaves) == 1
    torch.autograd.grad(outputs[:, 1].sum(), capture.leaves)
    assert sorted(seen) == [0, 1, 2, 3]
    torch.testing.assert_close(seen[3], torch.eye(N_CLASSES, dtype=torch.float64)[1].expand(len(x), -1))
    h = [torch.tanh(model.first(x))]
    h.append(torch.tanh(model.again(h[0])))
    h.append(torch.tanh(model.again(h[1])))
    expected = (1 - h[2] ** 2) * model.last.weight[1]
    torch.testing.assert_close(seen[2], expected)
    torch.testing.assert_close(seen[1], (expected @ model.again.weight) * (1 - h[1] ** 2))


def test_no_work_below_the_first_selected_layer():
    x, _ = data()
    model = seeded(mlp)
    capture, _ = captured(model, x, layers="4", gradients=True)
    assert [call.name for call in capture.calls] == ["4"]
    assert len(capture.leaves) == 1
    assert capture.leaves[0].shape == (len(x), N_CLASSES)


def test_weights_that_only_look_like_a_layer():
    """Another model's layer, a copy, a buffer, a slice across columns, a transposed use: by memory, not by value."""
    x, _ = data()
    other = nn.Linear(5, 6).double()

    def forward(self, x):
        other(x)
        functional.linear(x, self.first.weight.clone())
        functional.linear(x, self.constant)
        functional.linear(x[:, :2], self.first.weight[:, :2])
        functional.linear(x[:, 0, None], self.first.weight[:, 3:4])
        functional.linear(x, self.first.weight[::2])
        functional.linear(x, 2 * self.first.weight)
        return self.last(torch.tanh(self.first(x)))

    model = seeded(lambda: Function(forward, first=nn.Linear(5, 6), last=nn.Linear(6, N_CLASSES)))
    model.register_buffer("constant", torch.ones(6, 5).double())
    capture, _ = captured(model, x)
    names = [call.name for call in capture.calls]
    assert names.count("first") == 1
    assert names[-1] == "last"
    for call in capture.calls:
        matrix = call.linear.matrix(call.linear.weight)
        assert call.linear.input_rows(capture.values(call.linear.inputs)).shape[-1] == matrix.shape[1]


def test_rows_of_a_weight_are_named_as_such():
    x, _ = data()

    def forward(self, x):
        a, b = self.fused.weight.chunk(2)
        return functional.linear(functional.linear(x, b) * functional.linear(x, a), self.last.weight)

    model = seeded(lambda: Function(forward, fused=nn.Linear(5, 8), last=nn.Linear(4, N_CLASSES)))
    capture, _ = captured(model, x)
    assert [call.name for call in capture.calls] == ["fused[4:8]", "fused[0:4]", "last"]


def test_parameters_in_one_flat_storage():
    """As optimizers and sharded training keep them: each layer is told by its place, not by its storage."""
    x, _ = data()
    model = seeded(mlp)
    vector_to_parameters(parameters_to_vector(model.parameters()), model.parameters())
    capture, _ = captured(model, x)
    assert [call.name for call in capture.calls] == ["0", "2", "4"]


def test_exception_inside_leaves_no_mode_behind():
    model = seeded(mlp)
    with pytest.raises(RuntimeError), Capture(Weights(model)):
        model(torch.ones(3, 4).double())
    assert _get_current_function_mode_stack() == []


def test_multihead_attention_written_out_gives_the_same_outputs():
    x, _ = data(9, (4, 6))
    for options in ({}, {"batch_first": True}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"bias": False}):
        model = seeded(nn.MultiheadAttention, 6, 2, **options)
        capture, (outputs, weights) = captured(model, x, x, x)
        expected, expected_weights = model(x, x, x)
        torch.testing.assert_close(outputs, expected)
        torch.testing.assert_close(weights, expected_weights)
        assert [call.name for call in capture.calls] == ["in_proj", "out_proj"]
