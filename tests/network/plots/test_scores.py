"""Loss and accuracy of networks while they learn."""

from __future__ import annotations

import pytest

from agop.network.plots.scores import score_findings, score_plot
from agop.network.result import NetworkResult
from agop.runs import SeedSummary


def run(name="run", epochs=(), **columns):
    """A run whose seeds have these values at epochs 0 and 9, the same on every line of a measurement."""
    n_seeds = len(next(iter(columns.values()), (0, 0)))
    lines = [
        {"seed": seed, "epoch": epoch, "layer": layer, "stage": stage, **{c: v[seed][k] for c, v in columns.items()}}
        for seed in range(n_seeds)
        for k, epoch in enumerate((0, 9))
        for layer in ("fc.1", "fc.2")
        for stage in ("input", "linear", "output")
    ]
    return NetworkResult(name, {"settings": {}}, lines, epochs=epochs)


LOSS = ((1.0, 0.01), (4.0, 0.04))


def test_bands_are_over_seeds_not_over_lines():
    loss = (*LOSS, (1.0, 0.01), (2.0, 0.02), (1.0, 0.05))
    plot = score_plot([run(loss=loss, test_loss=((1.0, 1.0),) * 5)], "loss")
    test, training = plot.chart.curves
    assert plot.chart.log_y
    assert [(curve.name, curve.dash) for curve in (test, training)] == [("test", "solid"), ("training", "dash")]
    expected = SeedSummary.of([0.01, 0.04, 0.01, 0.02, 0.05])
    assert training.y[1] == pytest.approx(expected.mean)
    assert (training.low[1], training.high[1]) == pytest.approx((expected.low, expected.high))
    assert "dotted" not in plot.caption


def test_accuracy_has_a_linear_axis_and_bands_within_it():
    plot = score_plot([run(train_accuracy=((0.1, 0.9), (0.3, 1.0), (0.0, 1.0), (0.0, 0.9), (0.6, 0.95)))], "accuracy")
    (curve,) = plot.chart.curves
    assert not plot.chart.log_y
    assert curve.y == pytest.approx([0.2, 0.95])
    assert (curve.low[0], curve.high[1]) == (0, 1)


def test_a_loss_that_is_not_positive_has_a_linear_axis():
    plot = score_plot([run(loss=((1.0, -3.0), (2.0, float("nan"))))], "loss")
    assert not plot.chart.log_y
    assert plot.chart.curves[0].y == pytest.approx([1.5, -3.0])
    assert plot.caption.startswith("Arithmetic means")
    assert plot.findings == ["Training loss falls from 1 at epoch 0 to -3 at 9."]  # of the seed that has both


def test_losses_of_the_steps():
    epochs = [{"seed": 0, "epoch": e, "running_loss": 1.0 / e} for e in (1, 2, 4)]
    plot = score_plot([run(epochs=epochs)], "loss")
    assert [(curve.name, curve.dash) for curve in plot.chart.curves] == [("training, mean over the epoch", "dot")]
    assert plot.caption.endswith("; dotted: while the weights changed.")
    assert plot.findings == ["Training loss falls from 1 at epoch 1 to 0.25 at 4."]


def test_nothing_to_show():
    assert score_plot([run(loss=((None, 1.0), (None, 1.0)))], "loss") is None
    assert score_plot([run()], "accuracy") is None


def test_sentences():
    assert score_findings([run(loss=LOSS, test_loss=((1.0, 2.0), (1.0, 2.0)))], "loss") == [
        "Training loss falls from 2 at epoch 0 to 0.02 at 9 and test loss rises from 1 at epoch 0 to 2 at 9."
    ]
    assert score_findings([run(train_accuracy=((0.5, 0.5), (1.0, 1.0)))], "accuracy") == [
        "Training accuracy stays at 0.75."
    ]


def test_the_best_run():
    scores = {"train_accuracy": ((0.1, 1.0), (0.1, 1.0)), "test_accuracy": ((0.1, 0.25), (0.1, 0.25))}
    a = run("a", loss=((1.0, 0.01), (4.0, 0.0101)), **scores)
    b = run("b", loss=((1.0, 0.5), (1.0, 0.51)), train_accuracy=((0.1, 0.5), (0.1, 0.5)))
    (first, *others) = score_findings([b, a], "loss")
    assert first == "Training loss at the last measurement is lowest in a (0.01), 50.2x below b (not fitted)."
    assert others[1] == "a: Training loss falls from 2 at epoch 0 to 0.01 at 9."
    expected = "Training accuracy at the last measurement is highest in a (1), 0.5 above b (not fitted)."
    assert score_findings([a, b], "accuracy")[0] == expected
    plot = score_plot([a, b], "loss")
    assert [curve.name for curve in plot.chart.curves] == ["a, training", "b, training"]


def test_no_best_run_inside_the_spread():
    """Means of 0.02 and 0.5, but one seed of the first is worse than any of the second."""
    a = run("a", loss=((1.0, 0.0004), (1.0, 1.0)))
    b = run("b", loss=((1.0, 0.5), (1.0, 0.5)))
    text = score_findings([a, b], "loss")[0]
    assert "spread over seeds" in text
    assert "lowest" not in text


def test_a_course_inside_the_spread():
    (text,) = score_findings([run(loss=((1.0, 0.5), (1.0, 1.5)))], "loss")
    assert "lower in 1 of 2 seeds" in text
    assert "falls" not in text
