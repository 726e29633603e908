"""Outputs that are no scores of the labels, or of more classes than occur: encoders, contrastive, large heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from network.models import batches, mlp, seeded
from oracles import collapse as oracle
from oracles.network import assert_collapse

OF_SCORES = {"nc3_self_duality", "nc3_self_duality_by_class", "nc3_etf_error", "unc3", "unc3_cosine", "nc4_agreement"}
"""Measures that compare class means with outputs that are scores of the classes."""

SUBSET = torch.arange(20) * 37
"""Labels that occur of a head of 1,000 classes."""


def clusters(n, n_classes, spread=1.0, seed=1):
    """Rows (n, 10) about means that are far apart, and the number of the cluster of each."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % n_classes
    means = 3 * torch.randn(n_classes, 10, generator=generator, dtype=torch.float64)
    return means[y] + spread * torch.randn(n, 10, generator=generator, dtype=torch.float64), y


class Contrastive(nn.Module):
    """Backbone, projection head, outputs of norm 1."""

    def __init__(self, n_outputs):
        super().__init__()
        self.backbone = nn.Linear(10, 16)
        self.projection = nn.Linear(16, n_outputs)

    def forward(self, x):
        return functional.normalize(self.projection(self.backbone(x).relu()), dim=1)


def trained(model, x, y, loss=functional.cross_entropy, steps=100):
    """The model after some steps of Adam."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return model.eval()


def pull_together(z, y, temperature=0.2):
    """Supervised contrastive loss of rows of norm 1."""
    others = ~torch.eye(len(z), dtype=torch.bool)
    logs = (z @ z.T / temperature).masked_fill(~others, -torch.inf).log_softmax(1)
    return -logs[(y[:, None] == y) & others].mean()


def inputs_of(model, layer, x):
    """Rows that a layer reads."""
    found = []
    handle = layer.register_forward_pre_hook(lambda _, args: found.append(args[0].detach()))
    with torch.no_grad():
        model(x)
    handle.remove()
    return found[0]


def assert_no_scores(record):
    """Nothing that asks for scores, all else, and a note that says so."""
    assert record.accuracy is None
    for layer in record.values():
        for name, stage in layer.stages.items():
            assert not OF_SCORES & set(stage.collapse.values), (layer.name, name)
            assert {"nc1_trace_ratio", "nc1_cdnv", "nc2_gram_mse", "gnc2_variance"} <= set(stage.collapse.values)
        assert layer.agop is not None
        assert layer.nfa is not None
    (note,) = (note for note in record.notes if "taken for no scores" in note)
    assert "classifier=True" in note


def test_encoder_of_four_topics():
    x, y = clusters(80, 4)
    model = seeded(mlp, widths=(10, 32, 384))
    record = agop.measure(model, batches(x, y, (30,)), outputs=agop.Rademacher(2))
    assert (record.n_classes, record.classes) == (4, (0, 1, 2, 3))
    assert_no_scores(record)
    for name, layer in {"0": model[0], "2": model[2]}.items():
        assert_collapse(record[name].input, [[row[None]] for row in inputs_of(model, layer, x)], y, 4)
    with torch.no_grad():
        assert_collapse(record["2"].linear, [[row[None]] for row in model(x)], y, 4)


def test_contrastive_network():
    x, y = clusters(60, 3, spread=2)
    model = seeded(Contrastive, 16)
    before = agop.measure(model, [(x, y)])
    assert_no_scores(before)
    record = agop.measure(trained(model, x, y, pull_together), [(x, y)], classifier=False)
    assert record.accuracy is None
    assert record["projection"].input.nc1_trace_ratio < before["projection"].input.nc1_trace_ratio / 2
    read = inputs_of(model, model.projection, x)
    assert_collapse(record["projection"].input, [[row[None]] for row in read], y, 3)


def test_outputs_as_many_as_labels_are_taken_for_scores_unless_told():
    x, y = clusters(80, 4)
    model = seeded(Contrastive, 4)
    right = float((model(x).argmax(1) == y).double().mean())
    assert agop.measure(model, [(x, y)]).accuracy == pytest.approx(right)
    told = agop.measure(model, [(x, y)], classifier=False)
    assert told.accuracy is None
    assert told["projection"].input.nc4_agreement is None


def decided(model, x, labels):
    """Share of decisions among all outputs that are right, and of those among classes that the nearest mean shares."""
    with torch.no_grad():
        outputs = model(x)
    accuracy = float((outputs.argmax(1) == labels).double().mean())
    classes, codes = np.unique(labels.numpy(), return_inverse=True)
    features = inputs_of(model, model[2], x).numpy()
    means = oracle.class_means(features, codes, len(classes)).astype(float)
    nearest = ((features[:, None] - means) ** 2).sum(-1).argmin(1)
    return accuracy, float((outputs[:, classes].numpy().argmax(1) == nearest).mean())


def test_head_of_a_thousand_classes_that_knows_twenty():
    x, numbers = clusters(200, 20)
    labels = SUBSET[numbers]
    model = trained(seeded(mlp, widths=(10, 64, 1000)), x, labels)
    record = agop.measure(model, batches(x, labels, (64,)), outputs=agop.Rademacher(2))
    accuracy, agreement = decided(model, x, labels)
    assert accuracy > 0.9
    assert record.accuracy == pytest.approx(accuracy)
    assert record.classes == tuple(SUBSET.tolist())
    last = record["2"].input
    assert last.nc4_agreement == pytest.approx(agreement)
    features, rows = inputs_of(model, model[2], x).numpy(), model[2].weight.detach()[SUBSET].numpy()
    assert last.nc3_self_duality == pytest.approx(oracle.nc3_self_duality(features, numbers.numpy(), rows), rel=1e-8)


def test_untrained_head_of_a_thousand_classes():
    """Nothing tells that the outputs are scores but the one who knows."""
    x, numbers = clusters(200, 20)
    labels = SUBSET[numbers]
    model = seeded(mlp, widths=(10, 64, 1000))
    assert_no_scores(agop.measure(model, [(x, labels)], outputs=agop.Rademacher(2)))
    told = agop.measure(model, [(x, labels)], outputs=agop.Rademacher(2), classifier=True)
    accuracy, agreement = decided(model, x, labels)
    assert told.accuracy == pytest.approx(accuracy)
    assert told["2"].input.nc4_agreement == pytest.approx(agreement)
    assert set(told["2"].input.values) >= {"nc3_self_duality", "nc4_agreement"}
    assert not any("taken for no scores" in note for note in told.notes)


def test_rare_classes_of_a_test_part():
    """A head of six, of which one occurs once and one never."""
    x, y = clusters(81, 4)
    y[80] = 4
    record = agop.measure(seeded(mlp, widths=(10, 32, 6)), [(x, y)], classifier=True, min_count=2)
    assert (record.classes, record.n_samples) == ((0, 1, 2, 3), 81)
    assert "no samples of class 5, left out" in record.notes
    assert "fewer than 2 samples of class 4: in the AGOPs, left out of collapse" in record.notes
    assert_collapse(record["0"].input, [[row[None]] for row in x[:80]], y[:80], 4)


def test_many_classes_that_do_not_occur_are_counted():
    x, y = clusters(80, 4)
    record = agop.measure(seeded(mlp, widths=(10, 32, 60)), [(x, y)], classifier=True)
    assert "no samples of 56 of 60 classes, left out" in record.notes


@pytest.mark.parametrize(("n_outputs", "noted"), [(200, True), (10, False)])
def test_exact_where_there_are_many_outputs_suggests_random_directions(n_outputs, noted):
    x, y = clusters(24, 12)
    y %= 10
    record = agop.measure(seeded(mlp, widths=(10, 8, n_outputs)), [(x, y)])
    assert any("Rademacher" in note for note in record.notes) is noted
