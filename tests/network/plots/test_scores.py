"""Loss and accuracy of networks while they learn."""

from __future__ import annotations

import pytest

from agop.charts.judging import NOT_FITTED, UNSETTLED
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


def courses(findings):
    return [
        (f.quantity, f.where, pytest.approx(f.course.start), pytest.approx(f.value), f.course.direction)
        for f in findings
    ]


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
    assert courses(plot.findings) == [("training loss", "epoch 0 to 9", 1, -3, "falls")]  # of the seed that has both


def test_colors_tell_apart_the_rows_of_one_run_and_the_runs_of_several():
    columns = {"loss": LOSS, "test_loss": LOSS}
    for runs, n_colors in ((("a",), 2), (("a", "b", "c"), 3)):
        plot = score_plot([run(name, **columns) for name in runs], "loss")
        colors = [curve.color for curve in plot.chart.curves]
        assert len(colors) == 2 * len(runs)
        assert len(set(colors)) == n_colors
        assert len(runs) == 1 or colors[0::2] == colors[1::2]


def test_losses_of_the_steps():
    epochs = [{"seed": 0, "epoch": e, "running_loss": 1.0 / e} for e in (1, 2, 4)]
    plot = score_plot([run(epochs=epochs)], "loss")
    assert [(curve.name, curve.dash) for curve in plot.chart.curves] == [("training, mean over the epoch", "dot")]
    assert plot.caption.endswith("; dotted: while the weights changed.")
    assert courses(plot.findings) == [("training loss", "epoch 1 to 4", 1, 0.25, "falls")]


def test_nothing_to_show():
    assert score_plot([run(loss=((None, 1.0), (None, 1.0)))], "loss") is None
    assert score_plot([run()], "accuracy") is None


def test_courses():
    assert courses(score_findings([run(loss=LOSS, test_loss=((1.0, 2.0), (1.0, 2.0)))], "loss")) == [
        ("training loss", "epoch 0 to 9", 2, 0.02, "falls"),
        ("test loss", "epoch 0 to 9", 1, 2, "rises"),
    ]
    (same,) = score_findings([run(train_accuracy=((0.5, 0.5), (1.0, 1.0)))], "accuracy")
    assert (same.value, same.course.direction) == (0.75, "same")


def test_the_best_run():
    scores = {"train_accuracy": ((0.1, 1.0), (0.1, 1.0)), "test_accuracy": ((0.1, 0.25), (0.1, 0.25))}
    a = run("a", loss=((1.0, 0.01), (4.0, 0.0101)), **scores)
    b = run("b", loss=((1.0, 0.5), (1.0, 0.51)), train_accuracy=((0.1, 0.5), (0.1, 0.5)))
    for measure, best in (("loss", "lowest"), ("accuracy", "highest")):
        found = [f for f in score_findings([b, a], measure) if f.where == "last measurement"]
        assert [(f.run, f.quantity, f.notes) for f in found] == [
            ("b", f"training {measure}", (NOT_FITTED,)),
            ("a", f"training {measure}", (best,)),
        ]
    marked = [f for f in score_findings([b, a], "loss") if f.run == "b" and f.course]
    assert all(NOT_FITTED in finding.notes for finding in marked)
    plot = score_plot([a, b], "loss")
    assert [curve.name for curve in plot.chart.curves] == ["a, training", "b, training"]


def test_the_best_run_may_not_have_fitted():
    a = run("a", train_accuracy=((0.1, 0.5),) * 2, test_accuracy=((0.1, 0.9),) * 2)
    b = run("b", train_accuracy=((0.1, 1.0),) * 2, test_accuracy=((0.1, 0.7),) * 2)
    found = [f for f in score_findings([a, b], "accuracy") if f.where == "last measurement"]
    assert [(f.run, f.notes) for f in found] == [("a", ("highest", NOT_FITTED)), ("b", ())]


def test_no_best_run_inside_the_spread():
    """Means of 0.02 and 0.5, but one seed of the first is worse than any of the second."""
    fitted = {"train_accuracy": ((1.0, 1.0), (1.0, 1.0))}
    a = run("a", loss=((1.0, 0.0004), (1.0, 1.0)), **fitted)
    b = run("b", loss=((1.0, 0.5), (1.0, 0.5)), **fitted)
    found = [f for f in score_findings([a, b], "loss") if f.where == "last measurement"]
    assert [f.notes for f in found] == [(UNSETTLED,), (UNSETTLED,)]


def test_a_course_inside_the_spread():
    (found,) = score_findings([run(loss=((1.0, 0.5), (1.0, 1.5)))], "loss")
    assert (found.course.direction, found.notes) == ("unsettled", ("lower in 1 of 2 seeds",))
