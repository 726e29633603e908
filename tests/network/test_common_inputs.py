"""Layers that read one tensor together, and those that only seem to."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from agop.network.capture.calls import Capture
from agop.network.capture.common_inputs import common_inputs
from agop.network.capture.weights import Weights
from network.models import N_CLASSES, Function, Shared, data, mlp, seeded


def groups_of(model, *inputs):
    """[(name, names of the calls)] of one forward pass."""
    with torch.no_grad(), Capture(Weights(model)) as capture:
        model(*inputs)
    return [(name, [call.name for call in calls]) for name, calls in common_inputs(capture.calls)]


class Attention(nn.Module):
    """Projections by three layers, and a fourth."""

    def __init__(self, width=6):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        return self.out(functional.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x)))


def test_queries_keys_and_values_of_two_blocks():
    x, _ = data(4, (3, 6))
    model = seeded(lambda: nn.Sequential(Attention(), nn.LayerNorm(6), Attention()))
    assert groups_of(model, x) == [("0", ["0.q", "0.k", "0.v"]), ("2", ["2.q", "2.k", "2.v"])]


def test_the_calls_have_the_tensor_and_sum_to_its_gradient():
    """The gradient of the outputs by the common input is the sum over the calls of their gradients times W."""
    x, _ = data(4, (3, 6))
    model = seeded(Attention).requires_grad_(False)
    with Capture(Weights(model)) as capture:
        outputs = model(x)
    [(_, calls)] = common_inputs(capture.calls)
    found = torch.zeros_like(x)
    for call in calls:
        assert torch.equal(capture.values(call.linear.inputs), x)
        call.on_gradient = lambda gradient, weight=call.linear.weight: found.add_(gradient @ weight)
    torch.autograd.grad(outputs[..., 1].sum(), capture.leaves)
    own = x.clone().requires_grad_()
    torch.testing.assert_close(found, torch.autograd.grad(model(own)[..., 1].sum(), own)[0])


def test_keys_and_values_of_multihead_attention():
    x, _ = data(4, (3, 6))

    def forward(self, x):
        memory = x[..., :4]
        return self.last(self.attention(x, memory, memory)[0].mean(1))

    model = seeded(
        lambda: Function(
            forward,
            attention=nn.MultiheadAttention(6, 2, kdim=4, vdim=4, batch_first=True),
            last=nn.Linear(6, N_CLASSES),
        )
    )
    assert groups_of(model, x) == [("attention", ["attention.k_proj", "attention.v_proj"])]


def test_packed_projections_are_one_layer():
    """As in timm, and in nn.MultiheadAttention of one sequence: nothing to add up."""
    x, _ = data(4, (3, 6))

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        return self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    assert groups_of(seeded(lambda: Function(forward, qkv=nn.Linear(6, 18), out=nn.Linear(6, 6))), x) == []
    assert groups_of(seeded(nn.MultiheadAttention, 6, 2), x, x, x) == []


def test_rows_of_one_weight_with_one_input():
    x, _ = data()

    def forward(self, x):
        a, b = self.block.fused.weight.chunk(2)
        return torch.cat([functional.linear(x, a), functional.linear(x, b)], -1)

    model = seeded(lambda: Function(forward, block=nn.ModuleDict({"fused": nn.Linear(5, 4)})))
    assert groups_of(model, x) == [("block", ["block.fused[0:2]", "block.fused[2:4]"])]


def two(forward):
    return seeded(lambda: Function(forward, first=nn.Linear(5, 4), second=nn.Linear(5, 4)))


SAME = {
    "itself": lambda self, x: self.first(x) + self.second(x),
    "contiguous": lambda self, x: self.first(x) + self.second(x.contiguous()),
    "cast to its own type": lambda self, x: self.first(x) + self.second(x.to(torch.float64)),
    "view of its own shape": lambda self, x: self.first(x) + self.second(x.view(x.shape)),
    "same slice": lambda self, x: self.first(x[1:]) + self.second(x[1:]),
    "detached": lambda self, x: self.first(x) + self.second(x.detach()),
}
DIFFERENT = {
    "copy": lambda self, x: self.first(x) + self.second(x.clone()),
    "other slice": lambda self, x: self.first(x[1:]) + self.second(x[:-1]),
    "other strides": lambda self, x: self.first(x[:5, :5]) + self.second(x[:5, :5].mT),
    "written in between": lambda self, x: self.first(y := x.clone()) + self.second(y.add_(1)),
    "written by a slice": lambda self, x: self.first(y := x.clone()) + self.second(y[:1].zero_()._base),
    "memory that was free in between": lambda self, x: self.first(x + 1) + self.second(x + 2),
    "one layer twice": lambda self, x: self.first(x) + self.first(x),
}


@pytest.mark.parametrize("case", SAME)
def test_same_tensor(case):
    """Without a module that has both, the layers name the group."""
    assert groups_of(two(SAME[case]), data()[0]) == [("first + second", ["first", "second"])]


@pytest.mark.parametrize("case", DIFFERENT)
def test_other_tensors(case):
    assert groups_of(two(DIFFERENT[case]), data()[0]) == []


def test_networks_without_common_inputs():
    x, _ = data()
    assert groups_of(seeded(mlp), x) == []
    assert groups_of(seeded(Shared), x) == []


def test_block_used_twice_has_one_name():
    x, _ = data(4, (3, 6))
    block = Attention()
    names = ["0.q", "0.k", "0.v"]
    assert groups_of(seeded(lambda: nn.Sequential(block, block)), x) == [("0", names), ("0", names)]


def test_two_groups_of_one_module_are_told_apart():
    x, _ = data(4, (5,))

    def forward(self, x):
        h = self.block["a"](x) * self.block["b"](x)
        return self.block["c"](h) + self.block["d"](h)

    model = seeded(lambda: Function(forward, block=nn.ModuleDict({name: nn.Linear(5, 5) for name in "abcd"})))
    names = [["block.a", "block.b"], ["block.c", "block.d"]]
    assert groups_of(model, x) == [(" + ".join(pair), pair) for pair in names]


def test_inputs_made_in_inference_mode():
    with torch.inference_mode():
        x = torch.ones(3, 5).double()
    assert [names for _, names in groups_of(two(SAME["itself"]), x)] == [["first", "second"]]


def llama(transformers):
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2
    )
    return transformers.LlamaForCausalLM(config)


def bert(transformers):
    config = transformers.BertConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2
    )
    return transformers.BertModel(config)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            llama,
            {
                f"model.layers.{i}.{block}": [f"model.layers.{i}.{block}.{part}_proj" for part in parts]
                for i in (0, 1)
                for block, parts in (("self_attn", "qkv"), ("mlp", ("gate", "up")))
            },
        ),
        (
            bert,
            {
                "encoder.layer.0.attention.self": [
                    f"encoder.layer.0.attention.self.{part}" for part in ("query", "key", "value")
                ]
            },
        ),
    ],
)
def test_hugging_face(build, expected):
    model = seeded(build, pytest.importorskip("transformers"))
    assert dict(groups_of(model, torch.tensor([[1, 2, 3], [4, 5, 6]]))) == expected
