"""Whether outputs are scores of the labels, as the decisions tell: on data for which it is true, and for which not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agop.network.record.notes import notes_of
from agop.network.record.samples import SeenSamples


def seen(labels, decisions, n_outputs, classifier=None):
    """Samples of which each has a label and the number of its largest output."""
    classes = np.unique(labels).tolist()
    counts = {label: int((labels == label).sum()) for label in classes}
    correct = {label: int(((labels == label) & (decisions == label)).sum()) for label in classes}
    return SeenSamples(len(labels), 0, n_outputs, counts, correct, classifier)


def encoder(rng, n_classes, n_outputs, purity):
    """Labels and decisions of an encoder whose outputs have no names: most samples of a class decide alike."""
    labels = np.arange(50 * n_classes) % n_classes
    favourite = rng.integers(0, n_outputs, n_classes)[labels]
    return labels, np.where(rng.random(len(labels)) < purity, favourite, rng.integers(0, n_outputs, len(labels)))


@pytest.mark.parametrize("purity", [0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("n_classes", "n_outputs"), [(2, 3), (2, 384), (3, 5), (4, 5), (4, 8), (4, 384), (10, 12), (50, 51)]
)
def test_encoders_are_taken_for_classifiers_in_one_of_a_hundred_at_most(n_classes, n_outputs, purity):
    rng, n_draws = np.random.default_rng(0), 2000
    taken = sum(seen(*encoder(rng, n_classes, n_outputs, purity), n_outputs).are_scored for _ in range(n_draws))
    assert taken / n_draws <= 0.01 + 3 * (0.01 * 0.99 / n_draws) ** 0.5


@pytest.mark.parametrize("n_classes", [2, 4, 10, 300])
@pytest.mark.parametrize("n_outputs", [384, 49_152])
def test_outputs_of_which_one_is_always_the_largest_are_no_scores(n_classes, n_outputs):
    labels = np.arange(20 * n_classes) % n_classes
    assert not seen(labels, np.zeros_like(labels), n_outputs).are_scored


@pytest.mark.parametrize(
    ("n_classes", "n_outputs", "accuracy"),
    [(20, 1000, 0.9), (20, 1000, 0.3), (4, 1000, 0.9), (2, 1000, 0.95), (5, 10, 0.9)],
)
def test_heads_of_more_classes_are_scores(n_classes, n_outputs, accuracy):
    rng, labels = np.random.default_rng(0), np.arange(50 * n_classes) % n_classes
    decisions = np.where(rng.random(len(labels)) < accuracy, labels, rng.integers(0, n_outputs, len(labels)))
    samples = seen(labels, decisions, n_outputs)
    assert samples.are_scored
    assert samples.accuracy == (decisions == labels).mean()


def test_what_the_caller_knows_decides():
    labels = np.arange(100) % 4
    right, wrong = labels, np.full(100, 7)
    assert seen(labels, wrong, 384, classifier=True).accuracy == 0
    assert seen(labels, right, 384, classifier=False).accuracy is None
    assert seen(labels, wrong, 4).accuracy == 0  # as many outputs as labels
    assert seen(labels, wrong, 3).accuracy is None  # a label without an output


def test_parts_are_decided_together():
    """Neither part shows it: each has one class only."""
    labels = np.repeat([3, 8], 50)
    parts = [seen(labels[half], labels[half], 100) for half in (slice(50), slice(50, None))]
    assert [part.are_scored for part in parts] == [False, False]
    whole = parts[0].merge(parts[1])
    assert whole == seen(labels, labels, 100)
    assert whole.accuracy == 1


@pytest.mark.parametrize(
    ("decide", "n_outputs", "told"),
    [
        (lambda labels: labels, 4, []),
        (lambda labels: (labels + 1) % 4, 4, ["taken for scores"]),
        (lambda labels: 0 * labels, 4, ["taken for scores"]),
        (lambda labels: labels, 384, []),
        (lambda labels: 0 * labels + 9, 384, ["taken for no scores"]),
    ],
)
def test_notes_on_what_outputs_were_taken_for(decide, n_outputs, told):
    labels = np.arange(100) % 4
    samples = seen(labels, decide(labels), n_outputs)
    notes = [note for note in notes_of({}, samples) if "classifier=" in note]
    assert len(notes) == len(told)
    assert all(words in note for words, note in zip(told, notes, strict=True))
    assert not [note for note in notes_of({}, replace(samples, classifier=True)) if "classifier=" in note]
