"""Whether a run has fitted, on made-up lines for which it has not."""

from __future__ import annotations

import pytest

from agop.runs import FITTED_ACCURACY, TrainingFit


def course(measure, *values, seed=0, along="epoch"):
    return [{"seed": seed, along: place, "layer": "fc.1", measure: value} for place, value in enumerate(values)]


@pytest.mark.parametrize("measure", ["train_accuracy", "accuracy"])
def test_the_last_accuracy_of_every_seed_decides(measure):
    assert TrainingFit.of(course(measure, 0.1, 1.0)).fitted is True
    assert TrainingFit.of(course(measure, 1.0, 0.9)).fitted is False
    assert TrainingFit.of(course(measure, 0.1, FITTED_ACCURACY)).fitted is True
    assert TrainingFit.of([*course(measure, 0.1, 1.0), *course(measure, 0.1, 0.5, seed=1)]) == TrainingFit(measure, 0.5)


@pytest.mark.parametrize(
    ("accuracy", "majority", "fitted"), [(0.99, 0.99, False), (0.996, 0.99, True), (0.96, 0.5, True)]
)
def test_one_class_for_all_has_not_fitted(accuracy, majority, fitted):
    """Where it has 99 of 100 samples, one that always decides for it is right in 99 %."""
    assert TrainingFit.of(course("accuracy", 0.1, accuracy), majority=majority).fitted is fitted


def test_the_order_of_the_lines_does_not_matter():
    assert TrainingFit.of(course("train_accuracy", 0.1, 1.0)[::-1]).fitted is True


def test_a_loss_decides_where_there_is_no_accuracy():
    assert TrainingFit.of(course("loss", 1.0, 0.04)).fitted is True
    assert TrainingFit.of([*course("loss", 1.0, 0.01), *course("loss", 2.0, 0.02, seed=1)]).fitted is True
    both = [{**line, "train_accuracy": 0.5} for line in course("loss", 1.0, 0.001)]
    assert TrainingFit.of(both) == TrainingFit("train_accuracy", 0.5)


@pytest.mark.parametrize("losses", [(0.01, 0.009), (0.01, 0.02), (6.0, 1.5), (1.0, 1.0)])
def test_a_loss_cannot_say_that_a_run_has_not_fitted(losses):
    """It is small from the first measurement on where a fitted network is trained further; another one stays large."""
    assert TrainingFit.of(course("loss", *losses)).fitted is None
    one_seed = [*course("loss", 1.0, 0.01), *course("loss", *losses, seed=1)]
    assert TrainingFit.of(one_seed).fitted is None


def test_a_read_out_can_say_that_a_run_has_not_fitted_never_that_it_has():
    """It is the best that the last features allow; the network may have a worse one."""
    assert TrainingFit("read_out", FITTED_ACCURACY - 0.01).fitted is False
    assert TrainingFit("read_out", FITTED_ACCURACY).fitted is None
    assert TrainingFit("read_out", 1.0).fitted is None


@pytest.mark.parametrize(
    "lines",
    [
        [],
        course("nc1_trace_ratio", 1.0, 0.1),
        course("train_accuracy", 1.0, None),
        course("train_accuracy", 1.0, float("nan")),
        course("loss", 0.01),
        course("loss", 0.0, 0.0),
        course("loss", 1.0, float("inf")),
        course("loss", 1.0, 0.01)[1:],
        [*course("train_accuracy", 1.0), *course("train_accuracy", None, seed=1)],
    ],
)
def test_what_is_not_known(lines):
    assert TrainingFit.of(lines).fitted is None


def test_a_seed_that_failed_is_enough():
    assert TrainingFit.of([*course("train_accuracy", 0.5), *course("train_accuracy", None, seed=1)]).fitted is False


def test_layers_of_deep_rfm():
    failed = TrainingFit("train_accuracy", 0.5)
    assert TrainingFit.of(course("train_accuracy", 1.0, 0.5, along="layer"), "layer") == failed
    assert TrainingFit.of(course("loss", 1.0, 0.0, along="layer"), "layer") == TrainingFit()
