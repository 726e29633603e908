"""Some of the rows of a data set, and labels without their meaning: the baseline that tells collapse from chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agop.datasets.dataset import Dataset
from agop.errors import InputError

__all__ = ["permute_labels", "subset"]


def subset(
    dataset: Dataset,
    samples: int | None = None,
    test_samples: int | None = None,
    how: Literal["first", "random"] = "first",
    seed: int = 0,
) -> Dataset:
    """Return a data set with fewer rows, copied, so that the full arrays can be freed.

    Parameters
    ----------
    dataset
        The full set.
    samples, test_samples
        Training and test rows to keep; all if None. A test part may be empty.
    how
        ``"first"``: the first rows in the order of the files. ``"random"``: drawn without replacement and
        without regard to the labels; a larger draw with the same seed contains the smaller one, and the test
        rows do not depend on the number of training rows.
    seed
        Seed of the random draw; ``"first"`` draws nothing.

    Raises
    ------
    InputError
        If more rows are asked for than there are.
    EmptyClassError
        If a class is left without training rows. The test part may lack classes.

    Examples
    --------
    >>> from agop.datasets.registry import load
    >>> small = subset(load("digits"), samples=100, test_samples=50, how="random", seed=1)
    >>> small.train_inputs.shape, small.test_inputs.shape
    ((100, 64), (50, 64))
    """
    if how not in ("first", "random"):
        raise InputError("how to choose rows: 'first' or 'random'", repr(how), "Use one of these.")
    train_rng, test_rng = np.random.default_rng(seed).spawn(2) if how == "random" else (None, None)
    train = _rows(f"training rows of {dataset.name}", len(dataset.train_labels), samples, 1, train_rng)
    test = _rows(f"test rows of {dataset.name}", len(dataset.test_labels), test_samples, 0, test_rng)
    return replace(
        dataset,
        train_inputs=dataset.train_inputs[train],
        train_labels=dataset.train_labels[train],
        test_inputs=dataset.test_inputs[test],
        test_labels=dataset.test_labels[test],
    )


def permute_labels(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the labels (n,) in a random order: class sizes stay, the relation to the inputs goes.

    Examples
    --------
    >>> permute_labels(np.array([0, 0, 1, 1, 2]), seed=0).tolist()
    [1, 2, 1, 0, 0]
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError("a vector of integer labels", f"{labels.dtype} of shape {labels.shape}", "Pass class indices.")
    return np.random.default_rng(seed).permutation(labels)


def _rows(what: str, there: int, wanted: int | None, least: int, rng: np.random.Generator | None) -> NDArray[np.intp]:
    """Return the indices of the rows to keep, in the order of the files."""
    count = there if wanted is None else wanted
    if not least <= count <= there:
        raise InputError(f"{least} .. {there} {what}", f"a wish for {count}", "Ask for a number in that range.")
    return np.arange(count) if rng is None else np.sort(rng.permutation(there)[:count])
