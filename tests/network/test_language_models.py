"""Language models: the class of a row is the token that follows, and most of the many tokens never occur."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import agop
from agop.errors import InputError, MemoryBudgetError
from agop.network import next_token_forward
from network.models import seeded
from oracles import collapse as oracle
from oracles.network import assert_collapse

transformers = pytest.importorskip("transformers")

VOCABULARY, WIDTH = 5000, 16
RARE = (4999, 3777)
"""Tokens that occur once each."""

READ = ("model.layers.1.self_attn.q_proj", "model.layers.1.mlp.up_proj", "model.layers.1.mlp.down_proj", "lm_head")


def language_model(vocabulary=VOCABULARY, **options):
    """A decoder of two blocks."""
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    sizes = {"hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": 2, "max_position_embeddings": 32}
    config = transformers.LlamaConfig(vocab_size=vocabulary, pad_token_id=0, **sizes, **heads, **options)
    return seeded(lambda: transformers.LlamaForCausalLM(config))


def tokens(n=6, length=12):
    """Ids (n, length) of 19 tokens, and two that occur once."""
    ids = torch.randint(1, 20, (n, length), generator=torch.Generator().manual_seed(0))
    ids[0, 3], ids[1, 4] = RARE
    return ids


def measured(model, loader, **options):
    return agop.measure(model, loader, forward=next_token_forward, outputs=agop.Rademacher(2), **options)


def features_and_tokens(model, ids, min_count):
    """{layer: rows that it reads} and classes (m,), numbered, of the positions whose next token is frequent."""
    found = {}
    handles = [
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: found.__setitem__(name, args[0].detach()[:, :-1].reshape(-1, args[0].shape[-1]))
        )
        for name in READ
    ]
    with torch.no_grad():
        model(input_ids=ids)
    for handle in handles:
        handle.remove()
    following = ids[:, 1:].flatten().tolist()
    classes = sorted(token for token in set(following) if following.count(token) >= min_count)
    kept = [i for i, token in enumerate(following) if token in classes]
    return {name: x[kept] for name, x in found.items()}, [classes.index(following[i]) for i in kept], classes


class Largest(TorchDispatchMode):
    """Number of entries of the largest tensor that an operation returns."""

    entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        parts = result if isinstance(result, (tuple, list)) else [result]
        self.entries = max([self.entries, *(part.numel() for part in parts if isinstance(part, torch.Tensor))])
        return result


@pytest.mark.parametrize("min_count", [2, 4])
def test_numbers_of_tokens_that_occur(min_count):
    model, ids = language_model(), tokens()
    record = measured(model, [{"input_ids": ids[:4]}, {"input_ids": ids[4:]}], min_count=min_count)
    read, labels, classes = features_and_tokens(model, ids, min_count)
    assert record.classes == tuple(classes)
    assert (record.n_samples, record.n_dropped) == (6 * 11, 6)
    assert any(note.startswith(f"fewer than {min_count} samples of class") for note in record.notes)
    for name, x in read.items():
        assert_collapse(record[name].input, [[row[None]] for row in x], labels, len(classes))
        weight = model.get_submodule(name).weight.detach()
        if name != "lm_head":  # loops over as many features as tokens take long
            assert_collapse(record[name].linear, [[row[None]] for row in x @ weight.T], labels, len(classes))
    logits = (read["lm_head"] @ model.lm_head.weight.detach().T).numpy()
    expected = oracle.nc1_trace_ratio(logits, np.array(labels), len(classes))
    assert record["lm_head"].linear.nc1_trace_ratio == pytest.approx(expected, rel=1e-8)


def test_tokens_that_occur_once_have_no_scatter():
    """They are classes, but not of NC1."""
    record = measured(language_model(), [tokens()])
    assert set(RARE) < set(record.classes)
    (note,) = (note for note in record.notes if "left out of NC1" in note)
    assert note.startswith("one sample of class")
    assert record["lm_head"].input.nc1_trace_ratio > 0


def test_nothing_is_larger_than_the_logits():
    """So that there is no array of pairs of tokens, and none of the direction of every token."""
    ids = tokens()
    with Largest() as found:
        record = measured(language_model(), [ids], min_count=2)
    assert record.n_classes > 10
    assert ids.numel() * VOCABULARY <= found.entries < 2 * ids.numel() * VOCABULARY


def test_random_directions_of_all_tokens():
    """Seen from the last layer, the outer product of the gradients is W^T W whatever the tokens are."""
    model = language_model(300)
    record = agop.measure(
        model, [tokens() % 300], layers="lm_head", forward=next_token_forward, outputs=agop.Rademacher(50), min_count=2
    )
    weight = model.lm_head.weight.detach()
    expected = weight.T @ weight
    found = record["lm_head"]
    assert abs(float(found.agop.trace() / expected.trace()) - 1) < 2 * found.agop_error < 0.1
    assert float((found.agop - expected).norm() / expected.norm()) < 0.2


@pytest.mark.parametrize("three", [False, True], ids=["shifted", "not flattened"])
def test_shifted_logits_fail_at_once(three):
    """On the first batch, with what to do."""
    calls = []

    def forward(model, ids):
        calls.append(ids)
        logits, labels = model(input_ids=ids).logits[:, :-1], ids[:, 1:]
        return (logits, labels) if three else (logits.flatten(0, 1), labels.flatten())

    with pytest.raises(InputError, match="next_token_forward"):
        agop.measure(language_model(), [tokens()] * 3, forward=forward, outputs=agop.Rademacher(2))
    assert len(calls) == 1


def test_labels_that_are_not_flattened():
    with pytest.raises(InputError, match="next_token_forward"):
        agop.measure(
            language_model(),
            [tokens()],
            forward=lambda model, ids: (model(input_ids=ids).logits.flatten(0, 1), ids),
            outputs=agop.Rademacher(2),
        )


@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_is_no_token(side):
    model, ids = language_model(), tokens()
    where = slice(0, 12) if side == "right" else slice(4, 16)
    padded, mask = torch.zeros(6, 16, dtype=torch.long), torch.zeros(6, 16, dtype=torch.long)
    padded[:, where], mask[:, where] = ids, 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    batch = {"input_ids": padded, "attention_mask": mask, "position_ids": positions}
    found, plain = (measured(model, [each], min_count=2) for each in (batch, {"input_ids": ids}))
    assert (found.n_samples, found.classes) == (plain.n_samples, plain.classes)
    for name, layer in plain.items():
        for stage in ("input", "linear"):
            values = found[name].stages[stage].collapse.values
            for measure, value in layer.stages[stage].collapse.values.items():
                assert values[measure] == pytest.approx(value, rel=1e-7, abs=1e-9), (name, stage, measure)


def test_memory_of_the_logits_is_asked_for_before_the_gradients():
    model, ids, passed_back = language_model(), tokens(), []

    def forward(model, ids):
        logits, labels, mask = next_token_forward(model, ids)
        if logits.requires_grad:
            logits.register_hook(passed_back.append)
        return logits, labels, mask

    options = {"forward": forward, "outputs": agop.Rademacher(1), "layers": READ[0], "min_count": 2}
    logits = ids.numel() * VOCABULARY * 8
    with pytest.raises(MemoryBudgetError, match="outputs"):
        agop.measure(model, [ids], max_memory=logits - 1, **options)
    assert not passed_back
    agop.measure(model, [ids], max_memory=5 * logits, **options)
    assert passed_back
