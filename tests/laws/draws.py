"""Values that laws are tried on: few small whole numbers, at any scale and far from the origin."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["SEEDS", "law", "matrices", "merged", "parts", "powers_of_two", "rotations"]

SEEDS = st.integers(0, 10**6)


def law(examples=40, **drawn):
    """A test of some examples, each of some draws; of others for every seed of the tests."""
    return lambda test: settings(max_examples=examples)(given(**drawn)(test))


def matrices(n, d, scales=(0, 0), offsets=(0.0,)):
    """Matrices (n, d), n in a range, of whole numbers from -8 to 8 and an offset, stretched to about 10^scale."""

    def matrix(values, scale, offset):
        size = max(abs(offset), 8.0)
        return (np.array(values, float).reshape(-1, d) + offset) / size * 10.0**scale

    rows = st.lists(st.lists(st.integers(-8, 8), min_size=d, max_size=d), min_size=n[0], max_size=n[1])
    return st.builds(matrix, rows, st.integers(*scales), st.sampled_from(offsets))


def powers_of_two(low, high):
    """Factors that round nothing."""
    return st.integers(low, high).map(lambda exponent: 2.0**exponent)


def rotations(d):
    """Orthogonal matrices (d, d)."""

    def rotation(seed):
        return torch.tensor(np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0])

    return st.builds(rotation, SEEDS)


@st.composite
def parts(draw, n):
    """The rows 0 .. n - 1 in any order, cut into any number of parts, some of them empty."""
    order = draw(st.permutations(range(n)))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return [order[a:b] for a, b in zip([0, *cuts], [*cuts, n], strict=True)]


def merged(values, data):
    """All values as one, two at a time, whichever are drawn, in either order."""
    values = list(values)
    while len(values) > 1:
        left, right = (values.pop(data.draw(st.integers(0, len(values) - 1))) for _ in range(2))
        values.append(left.merge(right))
    return values[0]
