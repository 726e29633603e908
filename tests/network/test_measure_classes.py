"""Classes that do not occur, classes of one sample, and measures without a value: each is None by itself, and noted."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import agop
from agop.collapse import nc3_self_duality, nc3_self_duality_by_class
from agop.network import NetworkRecord, Tracker
from network.models import N_CLASSES, batches, data, mlp, seeded
from oracles import collapse as oracle

NC1 = ("within_total_ratio", "between_total_ratio", "nc1_trace_ratio", "nc1_pinv", "nc1_cdnv")


def hidden(model, x):
    with torch.no_grad():
        return model[:4](x)


def five_classes(labels):
    """A network of five outputs, rows and labels."""
    x, _ = data(len(labels))
    return seeded(mlp, widths=(5, 7, 6, 5)), x, torch.tensor(labels)


class WithBranch(nn.Module):
    """A network with a layer that samples of some batches do not come to."""

    def __init__(self):
        super().__init__()
        self.first, self.branch, self.last = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, N_CLASSES)

    def forward(self, x, through):
        x = torch.tanh(self.first(x))
        return self.last(torch.tanh(self.branch(x)) if through else x)


def test_a_layer_that_some_classes_do_not_come_to():
    """It is measured on the classes that it sees; what takes a second look at all of them is None."""
    x, _ = data(24)
    y, model = torch.arange(24) // 8, seeded(WithBranch)
    record = agop.measure(model, [(x[:16], True, y[:16]), (x[16:], False, y[16:])])
    with torch.no_grad():
        features = torch.tanh(model.first(x[:16])).numpy()
    found = record["branch"].input
    for name in ("nc1_trace_ratio", "nc1_cdnv", "nc2_gram_mse"):
        assert getattr(found, name) == pytest.approx(getattr(oracle, name)(features, y[:16].numpy(), 2), rel=1e-9), name
    assert found.nc1_pinv is None
    expected = oracle.nc1_pinv(x.numpy(), y.numpy(), 3)
    assert record["first"].input.nc1_pinv == pytest.approx(expected, rel=1e-8)


def test_classes_that_do_not_occur_are_left_out():
    model, x, y = five_classes([1, 3, 4] * 8)
    record = agop.measure(model, batches(x, y))
    assert (record.n_classes, record.classes) == (3, (1, 3, 4))
    assert "no samples of class 0, 2, left out" in record.notes
    features, number = hidden(model, x), {1: 0, 3: 1, 4: 2}
    codes = torch.tensor([number[label] for label in y.tolist()])
    found = record["4"].input
    for name in (*NC1, "nc2_gram_mse", "nc2_etf_error"):
        expected = getattr(oracle, name)(features.numpy(), codes.numpy(), 3)
        assert getattr(found, name) == pytest.approx(float(expected), rel=1e-8), name
    moments, weight = agop.ClassMoments.of(features, codes, 3), model[4].weight[[1, 3, 4]]
    assert found.nc3_self_duality == pytest.approx(nc3_self_duality(moments, weight), rel=1e-10)
    by_class = nc3_self_duality_by_class(moments, weight)
    assert found.nc3_self_duality_by_class == pytest.approx(by_class, rel=1e-10)
    scores = model(x).detach()[:, [1, 3, 4]]
    nearest = torch.cdist(features, moments.means).argmin(1)
    assert found.nc4_agreement == pytest.approx(float((nearest == scores.argmax(1)).double().mean()))
    assert record["0"].agop_stage.nc1_trace_ratio > 0


def test_one_sample_a_class(tmp_path):
    """NC1 has no value, and is no 0; all else is there."""
    x, y = data(N_CLASSES)
    record = agop.measure(seeded(mlp), [(x, y)])
    for layer in record.values():
        for stage in (layer.input, layer.linear, layer.agop_stage):
            assert [getattr(stage, name) for name in NC1] == [None] * len(NC1)
    means = hidden(seeded(mlp), x).numpy()
    expected = oracle.nc2_gram_mse(means, y.numpy(), N_CLASSES)
    assert record["4"].input.nc2_gram_mse == pytest.approx(expected, rel=1e-8)
    assert record["0"].attribution.share is None
    assert any(note.startswith("one sample of class 0, 1, 2") for note in record.notes)
    assert any("nc1_trace_ratio" in note and "two samples or more" in note for note in record.notes)
    assert all(line["nc1_trace_ratio"] is None for line in record.lines())
    record.table()
    record.save(tmp_path / "record.safetensors")
    loaded = NetworkRecord.load(tmp_path / "record.safetensors")
    assert (loaded["2"].input, loaded.notes) == (record["2"].input, record.notes)
    assert record.merge(record)["0"].input.nc1_trace_ratio == 0  # the same samples twice


def test_a_dead_layer_is_told_of():
    x, y = data(30)
    model = seeded(mlp)
    with torch.no_grad():
        model[2].bias.fill_(-1e6)
    record = agop.measure(model, [(x, y)])
    assert record["4"].input is None
    (note,) = (note for note in record.notes if "class means coincide" in note)
    assert note.startswith("no collapse at 2 (output), 4 (input)")


def test_two_classes_say_nothing_by_nc2():
    """Their means about the mean of both are opposite, also of noise."""
    x, _ = data(30)
    record = agop.measure(seeded(mlp, widths=(5, 7, 2)), [(x, torch.arange(30) % 2)])
    assert record["0"].input.nc2_gram_mse < 1e-20
    assert any("NC2 is 0 whatever was learned" in note for note in record.notes)
    assert not any("NC2" in note for note in agop.measure(seeded(mlp), [(x, torch.arange(30) % N_CLASSES)]).notes)


def test_one_class_of_one_sample_is_left_out_of_nc1():
    x, y = data(30, n_classes=2)
    x, y = torch.cat([x, x[:1] + 3]), torch.cat([y, torch.tensor([2])])
    model = seeded(mlp)
    record = agop.measure(model, [(x, y)])
    features = hidden(model, x)
    expected = oracle.nc1_trace_ratio(features[:30].numpy(), y[:30].numpy(), 2)
    assert record["4"].input.nc1_trace_ratio == pytest.approx(expected, rel=1e-8)
    whole = oracle.nc2_gram_mse(features.numpy(), y.numpy(), 3)
    assert record["4"].input.nc2_gram_mse == pytest.approx(whole, rel=1e-8)
    assert any(note.startswith("one sample of class 2,") for note in record.notes)


def test_a_layer_of_one_unit_loses_one_measure():
    """On a line class means have two directions, so that two of three classes share one: GNC2 has no value."""
    x, y = data(30)
    record = agop.measure(seeded(mlp, activation=nn.Tanh, widths=(5, 7, 1, N_CLASSES)), [(x, y)])
    found = record["2"].linear
    assert (found.gnc2_variance, found.gnc2_mean) == (None, None)
    assert found.nc1_trace_ratio > 0
    assert found.nc2_gram_mse > 0
    (note,) = (note for note in record.notes if note.startswith("no gnc2_variance, gnc2_mean at 2 (linear)"))
    assert "class directions that differ" in note
    collapse = agop.Collapse.of(torch.randn(30, 1, generator=torch.Generator().manual_seed(0)), y, N_CLASSES)
    assert set(collapse.undefined) == {"gnc2_variance", "gnc2_mean"}
    assert "undefined" not in collapse.as_dict()


def test_a_page_pictures_the_means_of_the_classes_that_occur(tmp_path):
    pytest.importorskip("plotly")
    model, x, y = five_classes([1, 3, 4] * 8)
    page = agop.report(agop.measure(model, batches(x, y)), tmp_path / "page.html").read_text()
    assert "of 3 classes" in page
    assert "of 5 classes" not in page


def test_tracker_and_page(tmp_path):
    """A run of which NC1 has no value is written, read and drawn."""
    x, y = data(N_CLASSES)
    model = seeded(mlp)
    tracker = Tracker(model, [(x, y)], tmp_path / "run", time_share=None, keep_record=True)
    for epoch in range(3):
        tracker.step(epoch)
    tracker.finish()
    lines = tracker.run.metrics()
    assert {line["nc1_trace_ratio"] for line in lines} == {None}
    assert json.loads(json.dumps(lines)) == lines
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    for source in (tracker.run.path, agop.measure(model, [(x, y)])):
        assert agop.report(source, tmp_path / "page.html").exists()


def test_scalars_are_those_that_exist():
    x, y = data(N_CLASSES)
    logged = agop.measure(seeded(mlp), [(x, y)]).scalars()
    assert "nc2_gram_mse/0/input" in logged
    assert not any(name.startswith("nc1") for name in logged)


def test_one_unit_network_of_two_classes():
    """A single output decides by its sign; angles of two means are trivial but defined."""
    x, y = data(30, n_classes=2)
    record = agop.measure(seeded(lambda: nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))), [(x, y)])
    assert record["2"].linear.nc1_trace_ratio > 0


@pytest.mark.parametrize("n_outputs", [5, 8, 384])
def test_random_encoders_are_no_classifiers(n_outputs):
    """Clusters are far apart, so that most samples of one decide alike, by chance for the output of its number."""
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        y = torch.arange(200) % 4
        x = 3 * torch.randn(4, 10, generator=generator)[y] + torch.randn(200, 10, generator=generator)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = mlp(widths=(10, 32, n_outputs))
        record = agop.measure(model, [(x, y)], outputs=agop.Rademacher(1))
        assert record.accuracy is None
        assert any("taken for no scores" in note for note in record.notes)
        assert record["0"].input.nc1_trace_ratio > 0


def test_samples_that_no_unit_answers_to_have_no_nc5():
    """All units are dead on the out-of-distribution samples: their mean has no direction behind the first layer."""
    x, y = data(30)
    model = seeded(mlp)
    with torch.no_grad():
        model[0].weight.abs_()
        model[0].bias.zero_()
    record = agop.measure(model, [(x, y)], ood_loader=[(-10 * torch.ones(4, 5, dtype=x.dtype), torch.zeros(4).long())])
    assert record["0"].input.nc5_orthogonality > 0
    assert record["2"].input.nc5_orthogonality is None
    assert record["2"].input.nc1_trace_ratio > 0
    assert any("nc5_orthogonality at" in note and "2 (input)" in note for note in record.notes)
