"""Attention and transformers of PyTorch, against the same networks written out."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch import nn

import agop
from network.models import N_CLASSES, Function, batches, data, plain, projection_layers, seeded
from oracles.network import assert_agop, assert_collapse, observe

WIDTH, HEADS, TOKENS = 6, 2, 4


@contextmanager
def layers_called():
    """Context without the fused path, which calls no layer."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def check(model, x, y, others=(), run=lambda model, sample: model(sample), sizes=(5, 4), rows="each"):
    """Measure the model, and compare every projection, and the layers ``others``, with the oracle."""
    record = agop.measure(model, batches(x, y, sizes), rows=rows)
    reference = plain(model)
    samples = [x[i : i + 1] for i in range(len(x))]
    with torch.no_grad(), layers_called():
        run(reference, samples[0])
        torch.testing.assert_close(run(reference, samples[0]), model(samples[0]))
    layers = projection_layers(reference) | {name: reference.get_submodule(name) for name in others}
    with layers_called():
        expected = observe(lambda sample: run(reference, sample), layers, samples)
    assert set(record) == set(layers)
    for name, layer in expected.items():
        assert_agop(record[name].agop, layer.agop)
        assert_collapse(record[name].input, layer.inputs, y, N_CLASSES, rows)
        assert_collapse(record[name].linear, layer.linear, y, N_CLASSES, rows)
    return record


def attention_model(forward, batch_first=True, **options):
    return seeded(
        lambda: Function(
            forward,
            attention=nn.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first, **options),
            last=nn.Linear(WIDTH, N_CLASSES),
        )
    )


@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
@pytest.mark.parametrize("sizes", [(5, 3), (4,)])  # batches as large as the number of tokens too
@pytest.mark.parametrize("batch_first", [True, False])
def test_self_attention(batch_first, sizes, rows):
    x, y = data(11, (TOKENS, WIDTH))

    def forward(self, x):
        x = x if batch_first else x.transpose(0, 1)
        h = self.attention(x, x, x)[0]
        return self.last(h.mean(1 if batch_first else 0))

    model = attention_model(forward, batch_first)
    record = check(model, x, y, ["last"], sizes=sizes, rows=rows)
    assert set(record) == {"attention.in_proj", "attention.out_proj", "last"}
    assert tuple(record["attention.in_proj"].weight.shape) == (3 * WIDTH, WIDTH)
    if rows == "each":
        assert record["attention.in_proj"].rows == TOKENS


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_cross_attention(batch_first, need_weights):
    """Queries from one sequence, keys and values from another of another length."""
    x, y = data(9, (TOKENS + 3, WIDTH))

    def forward(self, x):
        q, k = x[:, :3], x[:, 3:]
        if not batch_first:
            q, k = q.transpose(0, 1), k.transpose(0, 1)
        h = self.attention(q, k, k, need_weights=need_weights)[0]
        return self.last(h.mean(1 if batch_first else 0))

    record = check(attention_model(forward, batch_first), x, y, ["last"])
    assert "attention.in_proj[0:6]" in record
    assert "attention.in_proj[6:18]" in record


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_with_different_keys_and_values(batch_first):
    x, y = data(9, (3 * TOKENS, WIDTH))

    def forward(self, x):
        q, k, v = x.split(TOKENS, 1)
        if not batch_first:
            q, k, v = q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)
        return self.last(self.attention(q, k, v)[0].mean(1 if batch_first else 0))

    record = check(attention_model(forward, batch_first), x, y, ["last"])
    assert {f"attention.in_proj[{a}:{a + 6}]" for a in (0, 6, 12)} <= set(record)


def test_attention_with_other_widths_of_keys_and_values():
    x, y = data(9, (TOKENS, WIDTH))

    def forward(self, x):
        return self.last(self.attention(x, x[..., :4], x[..., :5])[0].mean(1))

    record = check(attention_model(forward, kdim=4, vdim=5), x, y, ["last"])
    assert tuple(record["attention.k_proj"].weight.shape) == (WIDTH, 4)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("attention.in_proj", {"attention.in_proj[0:6]", "attention.in_proj[6:18]"}),
        ("attention.*", {"attention.in_proj[0:6]", "attention.in_proj[6:18]", "attention.out_proj"}),
        (nn.MultiheadAttention, {"attention.in_proj[0:6]", "attention.in_proj[6:18]", "attention.out_proj"}),
        (nn.Linear, {"attention.out_proj", "last"}),
    ],
)
def test_selection_of_projections(layers, expected):
    x, y = data(9, (TOKENS, WIDTH))
    model = attention_model(lambda self, x: self.last(self.attention(x[:, :1], x, x)[0][:, 0]))
    assert set(agop.measure(model, batches(x, y), layers=layers)) == expected


def test_unbatched_attention_inside_a_model_is_no_disaster():
    """One sequence for the whole batch: its rows are no samples. Refused, noted or left out, never numbered."""
    x, y = data(9, (WIDTH,))

    def forward(self, x):
        return self.last(self.attention(x, x, x)[0] + x)

    model = attention_model(forward)
    with pytest.raises(agop.errors.InputError, match="depend on other samples"):
        agop.measure(model, batches(x, y))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_encoder(batch_first, norm_first):
    """Evaluation mode would take the fused path, which calls no layer."""
    x, y = data(9, (TOKENS, WIDTH))

    def build():
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 8, dropout=0.1, activation="gelu", batch_first=batch_first, norm_first=norm_first
        )
        encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        return Function(forward, encoder=encoder, last=nn.Linear(WIDTH, N_CLASSES))

    def forward(self, x):
        h = self.encoder(x if batch_first else x.transpose(0, 1))
        return self.last(h.mean(1 if batch_first else 0))

    model = seeded(build)
    names = [f"encoder.layers.{i}.linear{j}" for i in (0, 1) for j in (1, 2)]
    before = torch.backends.mha.get_fastpath_enabled()
    record = check(model, x, y, ["last", *names])
    assert torch.backends.mha.get_fastpath_enabled() == before
    assert record["encoder.layers.0.linear1"].activation == "gelu"
    assert record["encoder.layers.0.linear1"].output is not None
    assert record["encoder.layers.0.linear2"].output is None


def test_transformer_encoder_with_padding():
    """Padded tokens keep their rows; what they do not reach has no gradient there."""
    x, y = data(9, (TOKENS, WIDTH))
    padded = torch.zeros(9, TOKENS, dtype=torch.bool)
    padded[::2, -1] = True
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 8, batch_first=True)

    def forward(self, x, padding):
        return self.last(self.encoder(x, src_key_padding_mask=padding)[:, 0])

    model = seeded(lambda: Function(forward, encoder=nn.TransformerEncoder(layer, 1), last=nn.Linear(WIDTH, N_CLASSES)))
    record = agop.measure(model, [(x[:5], padded[:5], y[:5]), (x[5:], padded[5:], y[5:])])
    # a token that is padded is as good as absent, so the oracle leaves it out and adds nothing for it
    layers = {name: model.get_submodule(f"encoder.layers.0.{name}") for name in ("linear1", "linear2")}
    samples = [(x[i : i + 1, : int((~padded[i]).sum())]) for i in range(9)]
    with layers_called():
        expected = observe(lambda sample: model(sample, None), layers, samples)
    for name, layer in expected.items():
        assert_agop(record[f"encoder.layers.0.{name}"].agop, layer.agop)


def test_hand_written_attention_with_fused_projection():
    """One Linear for queries, keys and values, and heads as a further axis for the output projection."""
    x, y = data(9, (TOKENS, WIDTH))

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        h = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.last(self.out(h.transpose(1, 2).flatten(2)).mean(1))

    model = seeded(
        lambda: Function(
            forward,
            qkv=nn.Linear(WIDTH, 3 * WIDTH),
            out=nn.Linear(WIDTH, WIDTH),
            last=nn.Linear(WIDTH, N_CLASSES),
        )
    )
    check(model, x, y, ["qkv", "out", "last"])


def test_vision_transformer_with_class_token():
    x, y = data(8, (2, 4, 4))

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), 1, -1), tokens], 1)
        return self.last(self.encoder(tokens)[:, 0])

    def build():
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 8, batch_first=True, norm_first=True)
        model = Function(
            forward,
            embed=nn.Conv2d(2, WIDTH, 2, stride=2),
            encoder=nn.TransformerEncoder(layer, 1, enable_nested_tensor=False),
            last=nn.Linear(WIDTH, N_CLASSES),
        )
        model.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        return model

    record = check(seeded(build), x, y, ["embed", "last", "encoder.layers.0.linear1", "encoder.layers.0.linear2"])
    assert record["embed"].rows == 4
    assert record["encoder.layers.0.linear1"].rows == 5
