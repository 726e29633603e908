"""Values that merge are those of all rows together, whatever the parts, their order and the numbers in them.

Errors are held to a few units in the last place of the numbers themselves: rounding of a mean of size s moves
deviations by u = eps s, and so a scatter of n rows that is S by no more than about n (2 u sqrt(S / n) + u^2).
"""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import torch
from hypothesis import strategies as st

from agop.collapse.classifier import LinearClassifier
from agop.collapse.projected import ProjectedMoments
from agop.collapse.projection import BetweenProjection
from agop.errors import InputError
from agop.moments import ClassMoments, Grouping, LabeledMoments, TargetMoments
from agop.network.record.samples import SeenSamples
from agop.outer_product import OuterProduct
from agop.tables.score import TableScore
from laws.draws import SEEDS, law, matrices, merged, parts
from oracles import collapse as oracle

N, D, C = (1, 12), 3, 3
EPS = np.finfo(float).eps
ROWS = matrices(N, D, scales=(-150, 150), offsets=(0.0, 1.0, -1e4, 1e8))
LABELS = st.lists(st.integers(0, C - 1), min_size=N[1], max_size=N[1]).map(np.array)


def assert_scatter(found, expected, n, size):
    """A scatter is right up to what rounding of rows of some size makes of it."""
    expected = np.asarray(expected)
    largest, unit = float(abs(expected).max(initial=0)), 8 * EPS * size
    limit = n * (2 * unit * np.sqrt(largest / n) + unit**2) + 8 * n * EPS * largest
    assert (abs(np.asarray(found) - expected) <= limit).all()


@law(x=ROWS, labels=LABELS, data=st.data())
def test_class_moments(x, labels, data):
    """Counts, means and scatter by class are those of the definition, in longer numbers."""
    y, size = labels[: len(x)], abs(x).max()
    split = data.draw(parts(len(x)))
    found = merged([ClassMoments.of(x[rows], y[rows], C, scatter=True) for rows in split], data)
    assert found.counts.tolist() == np.bincount(y, minlength=C).tolist()
    np.testing.assert_allclose(found.means, oracle.class_means(x, y, C).astype(float), rtol=0, atol=8 * EPS * size)
    assert_scatter(found.scatter_traces, oracle.scatter_traces(x, y, C), len(x), D * size)
    assert_scatter(found.scatter, oracle.within_scatter(x, y, C), len(x), size)


@law(x=ROWS, labels=LABELS, data=st.data())
def test_labeled_moments(x, labels, data):
    """Moments under labels are the class moments of the labels that occur."""
    y = labels[: len(x)]
    split = [rows for rows in data.draw(parts(len(x))) if rows]
    values = [LabeledMoments.of(torch.tensor(x[r]), Grouping.of(7 * y[r], torch.device("cpu"))) for r in split]
    found, whole = merged(values, data), ClassMoments.of(x, y, C).drop_empty()
    assert found.classes.tolist() == sorted({*(7 * y).tolist()})
    assert torch.equal(found.moments.counts, whole.counts)
    np.testing.assert_allclose(found.moments.means, whole.means, rtol=0, atol=8 * EPS * abs(x).max())
    assert_scatter(found.moments.scatter_traces, whole.scatter_traces, len(x), D * abs(x).max())


@law(x=ROWS, data=st.data())
def test_target_moments(x, data):
    """Mean and scatter of features and targets are those of all columns as one class."""
    split = data.draw(parts(len(x)))
    found = merged([TargetMoments.of(x[rows, :2], x[rows, 2:]) for rows in split], data)
    one_class, size = np.zeros(len(x), int), abs(x).max()
    assert found.count == len(x)
    mean = oracle.class_means(x, one_class, 1).astype(float)[0]
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=8 * EPS * size)
    assert_scatter(found.joint_scatter, oracle.within_scatter(x, one_class, 1), len(x), size)


@law(x=matrices(N, D, scales=(-150, 150)), data=st.data())
def test_outer_products(x, data):
    """Sum and count of the outer products are those of all gradients."""
    found = merged([OuterProduct.of(torch.tensor(x[rows])) for rows in data.draw(parts(len(x)))], data)
    long = x.astype(np.longdouble)
    assert found.count == len(x)
    np.testing.assert_allclose(found.total, (long.T @ long).astype(float), rtol=0, atol=len(x) * EPS * (x**2).max())


@law(seed=SEEDS, data=st.data())
def test_projected_moments(seed, data):
    """Moments in the span of the class means, and decisions of a classifier, are those of all samples."""
    x, y = np.random.default_rng(seed).standard_normal((12, D)) + 100, np.arange(12) % C
    projection = BetweenProjection.of(ClassMoments.of(x, y, C))
    classifier = LinearClassifier.of(np.eye(C, D) - 0.5, None, like=ClassMoments.of(x, y, C))

    def of(rows):
        return ProjectedMoments.of(x[rows], y[rows], projection, classifier)

    found, whole = merged([of(rows) for rows in data.draw(parts(len(x)))], data), of(slice(None))
    assert int(found.agreements) == int(whole.agreements)
    assert torch.equal(found.moments.counts, whole.moments.counts)
    assert_scatter(found.moments.scatter, whole.moments.scatter, len(x), abs(x).max())


@law(x=matrices(N, 2), data=st.data())
def test_table_scores(x, data):
    """Errors and moments of the targets are those of the whole table."""
    frame = pandas.DataFrame(x, columns=["truth", "guess"])
    split = data.draw(parts(len(x)))
    found = merged([TableScore.of(frame.truth.iloc[rows], frame.guess.iloc[rows]) for rows in split], data)
    assert found.count == len(x)
    assert found.error == pytest.approx(((x[:, 0] - x[:, 1]) ** 2).sum(), rel=1e-13)
    assert found.moments.scatter_trace == pytest.approx(((x[:, 0] - x[:, 0].mean()) ** 2).sum(), rel=1e-13, abs=1e-14)


@law(labels=LABELS, data=st.data())
def test_seen_samples(labels, data):
    """Samples by class are added up, whatever classes the parts have."""

    def of(rows):
        counts = {int(label): int((labels[rows] == label).sum()) for label in np.unique(labels[rows])}
        return SeenSamples(len(rows), 1, C, counts, dict.fromkeys(counts, 1))

    split = data.draw(parts(len(labels)))
    found = merged([of(rows) for rows in split], data)
    assert (found.n_samples, found.n_dropped) == (len(labels), len(split))
    assert found.counts == of(list(range(len(labels)))).counts
    assert found.correct == {c: sum(c in labels[rows] for rows in split) for c in found.counts}


@law(x=ROWS, labels=LABELS)
def test_no_rows_are_the_identity(x, labels):
    """Merging with nothing, on either side, changes no bit."""
    y, gradients = labels[: len(x)], torch.tensor(x) / abs(x).max().clip(1e-300)
    for whole, empty in (
        (ClassMoments.of(x, y, C, scatter=True), ClassMoments.empty(C, D, scatter=True)),
        (ClassMoments.of(x, y, C), ClassMoments.of(x[:0], y[:0], C)),
        (TargetMoments.of(x[:, :2], x[:, 2:]), TargetMoments.empty(2)),
        (OuterProduct.of(gradients), OuterProduct.empty(D)),
    ):
        for both in (whole.merge(empty), empty.merge(whole)):
            for name in whole.__dataclass_fields__:
                one, other = getattr(both, name), getattr(whole, name)
                assert torch.equal(one, other) if isinstance(other, torch.Tensor) else one == other


@pytest.mark.parametrize(
    "of",
    [OuterProduct.of, lambda x: ClassMoments.of(x, torch.zeros(2, dtype=int), 1)],
    ids=["outer product", "moments"],
)
def test_squares_that_overflow_are_refused(of):
    """What is beyond the numbers is said, never infinity."""
    with pytest.raises(InputError, match="overflow"):
        of(torch.tensor([[1e200], [-1e200]], dtype=torch.float64))
