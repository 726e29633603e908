"""Hugging Face models from their configurations: BERT and GPT-2."""

from __future__ import annotations

import pytest
import torch

import agop
from agop.network.capture.weights import Weights
from network.models import N_CLASSES, seeded
from oracles.network import assert_agop, assert_collapse, assert_layer, observe


def token_batches(n=8, length=5, vocabulary=11, seed=0):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocabulary, (n, length), generator=generator)
    return ids, torch.arange(n) % N_CLASSES


def check_hugging_face(model, names, ids, y, **inputs):
    rows = [slice(0, 5), slice(5, 8)]
    record = agop.measure(model, [{"input_ids": ids[r], "labels": y[r]} for r in rows])
    layers = {name: model.get_submodule(name) for name in names}
    assert set(record) == set(names)
    run = lambda sample: model(input_ids=sample).logits  # noqa: E731
    expected = observe(run, layers, [ids[i : i + 1] for i in range(len(ids))])
    for name, layer in expected.items():
        assert_agop(record[name].agop, layer.agop)
        # biases before the layer normalizations make means of a first token coincide only by accident
        assert_collapse(record[name].linear, layer.linear, y, N_CLASSES)
    return record, expected


def test_hugging_face_bert():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=8,
        num_labels=N_CLASSES,
    )
    model = seeded(lambda: transformers.BertForSequenceClassification(config))
    ids, y = token_batches()
    parts = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
    parts += ["intermediate.dense", "output.dense"]
    names = [f"bert.encoder.layer.{i}.{part}" for i in (0, 1) for part in parts]
    record, expected = check_hugging_face(model, [*names, "bert.pooler.dense", "classifier"], ids, y)
    name = "bert.encoder.layer.0.intermediate.dense"
    assert record[name].activation == "gelu"
    assert_layer(record[name], expected[name], y, N_CLASSES, activation=torch.nn.functional.gelu)
    assert record["bert.pooler.dense"].activation == "tanh"
    assert record["classifier"].input.nc4_agreement is not None


def gpt2(build, **options):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=2, pad_token_id=10, **options
    )
    return seeded(lambda: getattr(transformers, build)(config))


GPT2_LAYERS = [f"transformer.h.0.{part}" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")]


def test_hugging_face_gpt2_classifier():
    """Conv1D keeps its weight as (in, out)."""
    model = gpt2("GPT2ForSequenceClassification", num_labels=N_CLASSES)
    ids, y = token_batches(vocabulary=10)
    read = []
    handle = model.transformer.h[0].mlp.c_proj.register_forward_pre_hook(lambda _, args: read.append(args[0]))
    with torch.no_grad():
        model(input_ids=ids)
    handle.remove()
    record, _ = check_hugging_face(model, [*GPT2_LAYERS, "score"], ids, y)
    assert record["transformer.h.0.mlp.c_fc"].activation == "tanh gate"  # its GELU is written out
    assert_collapse(record["transformer.h.0.mlp.c_fc"].output, [[rows] for rows in read[0]], y, N_CLASSES)
    assert tuple(record["transformer.h.0.attn.c_attn"].weight.shape) == (24, 8)
    assert record["transformer.h.0.attn.c_attn"].rows == 5


def test_hugging_face_gpt2_language_model():
    """Rows are tokens; the head, whose weight is that of the embedding, stands there once, as the head."""
    model = gpt2("GPT2LMHeadModel")
    ids, _ = token_batches(n=12, vocabulary=N_CLASSES)
    labels = ids.roll(-1, 1)
    labels[:, -1] = -100

    def forward(model, batch):
        logits = model(input_ids=batch[0]).logits[..., :N_CLASSES]
        return logits.flatten(0, 1), batch[1].flatten()

    loader = [(ids[:7], labels[:7]), (ids[7:], labels[7:])]
    with pytest.raises(agop.errors.InputError, match="depend on other samples"):  # tokens depend on each other
        agop.measure(model, loader, forward=forward)
    record = agop.measure(model, loader, forward=forward, outputs=agop.Rademacher(2, 0))
    assert record.n_samples == int((labels >= 0).sum())
    assert record.n_dropped == len(ids)
    assert set(record) == {*GPT2_LAYERS, "lm_head"}
    kept = labels.flatten() >= 0
    with torch.no_grad():
        h = model.transformer(input_ids=ids).last_hidden_state.flatten(0, 1)[kept]
    assert_collapse(record["lm_head"].input, [[row[None]] for row in h], labels.flatten()[kept], N_CLASSES)
    assert record["transformer.h.0.mlp.c_fc"].agop is not None


def decoder(name, **options):
    """A tiny decoder with gated units, and the names of its layers."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = getattr(transformers, f"{name}Config")(vocab_size=11, pad_token_id=10, **sizes, **options)
    return seeded(lambda: getattr(transformers, f"{name}ForCausalLM")(config))


@pytest.mark.parametrize(
    ("name", "layers", "act"),
    [
        ("Llama", ["gate_proj", "up_proj"], "silu"),
        ("Gemma", ["gate_proj", "up_proj"], "gelu"),
        ("Phi3", ["gate_up_proj"], "silu"),
    ],
)
def test_hugging_face_gated_unit(name, layers, act):
    """The output stage of all that the gate takes is what the down projection reads."""
    model = decoder(name, **({"head_dim": 4, "num_key_value_heads": 2} if name == "Gemma" else {}))
    ids, _ = token_batches(n=12, vocabulary=N_CLASSES)
    labels = ids.roll(-1, 1)

    def forward(model, batch):
        return model(input_ids=batch[0]).logits[..., :N_CLASSES].flatten(0, 1), batch[1].flatten()

    record = agop.measure(model, [(ids, labels)], forward=forward, outputs=agop.Rademacher(1, 0))
    read = []
    block = model.model.layers[0].mlp
    handle = block.down_proj.register_forward_pre_hook(lambda _, args: read.append(args[0].flatten(0, 1)))
    with torch.no_grad():
        model(input_ids=ids)
    handle.remove()
    for layer in layers:
        found = record[f"model.layers.0.mlp.{layer}"]
        assert found.activation == f"{act} gate"
        assert_collapse(found.output, [[row[None]] for row in read[0]], labels.flatten(), N_CLASSES)
    assert record["model.layers.0.mlp.down_proj"].activation is None


@pytest.mark.parametrize(
    ("build", "head", "embedding"),
    [
        (lambda: gpt2("GPT2LMHeadModel"), "lm_head", "transformer.wte"),
        (lambda: decoder("Llama", tie_word_embeddings=True), "lm_head", "model.embed_tokens"),
    ],
)
def test_head_tied_to_the_embedding(build, head, embedding):
    """It stands there once, as what it is used for, and under the name by which it was asked for."""
    model = build()
    assert model.get_submodule(head).weight is model.get_submodule(embedding).weight
    names = Weights(model).names
    assert head in names
    assert embedding not in names
    assert Weights(model, embedding).names == [embedding]
    assert Weights(model, [head, embedding]).names == [head]
