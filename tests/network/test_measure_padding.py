"""Padding is no data: sentences give the same numbers however far they are padded."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import agop
from agop.errors import InputError
from network.models import N_CLASSES, Function, data, mlp, seeded

WIDTH, PAD = 8, 0


def sentences(n=12, vocabulary=11, seed=0):
    """Token ids of 2 to 7 words, none of them the padding, and labels."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 8, (n,), generator=generator).tolist()
    return [torch.randint(1, vocabulary, (k,), generator=generator) for k in lengths], torch.arange(n) % N_CLASSES


def padded(words, length, side="right"):
    """Ids (n, length) and mask."""
    ids, mask = torch.full((len(words), length), PAD), torch.zeros(len(words), length, dtype=torch.long)
    for i, word in enumerate(words):
        where = slice(0, len(word)) if side == "right" else slice(length - len(word), length)
        ids[i, where], mask[i, where] = word, 1
    return ids, mask


def loader(words, y, length=None, side="right", size=5):
    """Batches as mappings; each padded to its longest sentence if no length is given."""
    found = []
    for i in range(0, len(words), size):
        part = words[i : i + size]
        ids, mask = padded(part, length or max(map(len, part)), side)
        found.append({"input_ids": ids, "attention_mask": mask, "labels": y[i : i + size]})
    return found


class Encoder(nn.Module):
    """Embedding, a transformer layer without positions, the mean of the real tokens, a classifier."""

    def __init__(self, batch_first=True):
        super().__init__()
        self.embed = nn.Embedding(11, WIDTH)
        self.block = nn.TransformerEncoderLayer(WIDTH, 2, 12, batch_first=batch_first)
        self.last = nn.Linear(WIDTH, N_CLASSES)
        self.batch_first = batch_first

    def forward(self, input_ids, attention_mask):
        x = self.embed(input_ids)
        x = x if self.batch_first else x.transpose(0, 1)
        x = self.block(x, src_key_padding_mask=attention_mask == 0)
        x = x if self.batch_first else x.transpose(0, 1)
        real = attention_mask[..., None]
        return self.last((x * real).sum(1) / real.sum(1))


def bert():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=11,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=64,
        num_labels=N_CLASSES,
    )
    return transformers.BertForSequenceClassification(config)


def assert_same_numbers(found, expected):
    """All lines and AGOPs, to 1e-10."""
    assert (found.n_samples, found.accuracy, list(found)) == (expected.n_samples, expected.accuracy, list(expected))
    for line, other in zip(found.lines(), expected.lines(), strict=True):
        assert line.keys() == other.keys()
        for name, value in line.items():
            close = 1e-6 if name.startswith("nfa_best") else 1e-10  # small powers raise what is small, and rounded
            wanted = value if isinstance(value, str | None) else pytest.approx(value, rel=close, abs=close)
            assert other[name] == wanted, (line["layer"], line["stage"], name)
    for name, layer in found.items():
        torch.testing.assert_close(layer.agop, expected[name].agop, rtol=1e-10, atol=1e-12)
        assert layer.rows == pytest.approx(expected[name].rows)


BUILDS = [bert, Encoder, partial(Encoder, batch_first=False)]


@pytest.mark.parametrize("build", BUILDS, ids=["bert", "batch-first", "time-first"])
@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_longest_or_64(build, rows):
    words, y = sentences()
    model = seeded(build)
    length = max(map(len, words)) if rows == "flatten" else None
    expected = agop.measure(model, loader(words, y, length), rows=rows)
    assert_same_numbers(agop.measure(model, loader(words, y, 64), rows=rows), expected)
    assert not any("mask" in note for note in expected.notes)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("rows", ["each", "mean", "flatten"])
def test_left_or_right(batch_first, rows):
    words, y = sentences()
    model = seeded(Encoder, batch_first=batch_first)
    expected = agop.measure(model, loader(words, y, 9), rows=rows)
    assert_same_numbers(agop.measure(model, loader(words, y, 11, side="left"), rows=rows), expected)


@pytest.mark.parametrize("build", BUILDS, ids=["bert", "batch-first", "time-first"])
@pytest.mark.parametrize("rows", ["each", "mean"])
def test_as_without_any_padding(build, rows):
    """One sentence a batch needs none."""
    words, y = sentences()
    model = seeded(build)
    expected = agop.measure(model, loader(words, y, size=1), rows=rows)
    found = agop.measure(model, loader(words, y, 20), rows=rows)
    assert_same_numbers(found, expected)
    n_tokens = sum(map(len, words))
    assert next(iter(found.values())).stages["input"].moments.n_samples == (n_tokens if rows == "each" else len(words))


def test_out_of_distribution_samples_and_dropped_ones_are_masked_too():
    words, y = sentences(15)
    y[4] = -100
    others, zeros = sentences(6, seed=1)
    model = seeded(Encoder)
    measured = [
        agop.measure(model, loader(words, y, length), ood_loader=loader(others, zeros, length), max_samples=13)
        for length in (None, 16)
    ]
    assert_same_numbers(*measured)
    assert measured[0]["block.linear1"].input.nc5_orthogonality is not None


def test_gradients_at_padding_do_not_count():
    """A model that ignores the mask has gradients there, NaN for one of them."""
    x, y = data(9, (4, 5))
    mask = torch.ones(9, 4)
    mask[::2, 3] = 0
    x[::2, 3] = 7

    def run(self, x):
        return self.last(torch.tanh(self.first(x)).sum(1))

    model = seeded(lambda: Function(run, first=nn.Linear(5, 6), last=nn.Linear(6, N_CLASSES)))
    found = agop.measure(model, [(x, y)], forward=lambda model, batch: (model(batch[0]), batch[1], mask))
    pre = model.first(x).detach().requires_grad_()
    outputs = model.last(torch.tanh(pre).sum(1))
    rows = [torch.autograd.grad(outputs[:, k].sum(), pre, retain_graph=True)[0][mask == 1] for k in range(N_CLASSES)]
    weight = model.first.weight.detach()
    expected = weight.T @ sum(part.T @ part for part in rows) @ weight / 9
    torch.testing.assert_close(found["first"].agop, expected)


def test_tokens_as_samples():
    """Tokens that the mask leaves out are as those labeled -100."""
    ids, mask = padded(sentences()[0], 7)
    y = ids % N_CLASSES
    model = seeded(lambda: nn.Sequential(nn.Embedding(11, 5), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, N_CLASSES)))

    def forward(labels, mask, model, batch):
        return model(batch[0]).flatten(0, 1), labels.flatten(), *mask

    found = agop.measure(model, [(ids, y)], forward=partial(forward, y, [mask]))
    expected = agop.measure(model, [(ids, y)], forward=partial(forward, torch.where(mask == 1, y, -100), []))
    assert_same_numbers(found, expected)
    assert found.n_samples == int(mask.sum())


def test_note_where_tokens_have_no_mask():
    words, y = sentences()
    model = seeded(Encoder)
    batches = loader(words, y)

    def without(model, batch):
        return agop.network.default_forward(model, batch)[:2]

    (note,) = agop.measure(model, batches, forward=without, layers="block.*", classifier=True).notes
    assert note.startswith("block.self_attn.in_proj")
    assert "came without a mask" in note
    x, y = data(19, (2, 4, 4))
    image = seeded(lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, N_CLASSES)))
    assert agop.measure(image, [(x, y)], classifier=True).notes == ()
    x, y = data(19)
    assert agop.measure(seeded(mlp), [(x, y)], classifier=True).notes == ()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(9), r"a mask of shape \(9, T\), got shape \(9,\)"),
        (torch.ones(8, 4), r"got shape \(8, 4\)"),
        ([[1, 1]] * 9, "got list"),
        (torch.eye(9)[:, :8], "real rows of each sample in the mask, got a sample without any"),
    ],
)
def test_unusable_masks(mask, message):
    x, y = data(9)
    with pytest.raises(InputError, match=message):
        agop.measure(seeded(mlp), [(x, y)], forward=lambda model, batch: (model(batch[0]), batch[1], mask))


class Nonzero(TorchDispatchMode):
    """Counts the calls whose size depends on data."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += "nonzero" in func.__name__
        return func(*args, **(kwargs or {}))


def test_no_layer_looks_for_its_rows():
    """What is kept is found once a batch, however many layers there are."""
    batches, model = loader(*sentences()), seeded(Encoder)

    def count(layers, data):
        with Nonzero() as mode:
            agop.measure(model, data, layers=layers)
        return mode.count

    one, all_layers = (count(layers, batches * 2) - count(layers, batches) for layers in ("block.linear1", "block.*"))
    assert one == all_layers == 0
