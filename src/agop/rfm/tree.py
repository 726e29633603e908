"""Recursive feature machines in the leaves of a tree, for more samples than one kernel matrix can hold."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import torch
from numpy.random import RandomState
from rich.progress import Progress
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.estimator.arrays import check_features, check_weights, like
from agop.estimator.importances import FeatureImportances
from agop.estimator.mixins import TensorClassifierMixin, TensorRegressorMixin
from agop.estimator.parameters import CONSTRAINTS, at_least
from agop.estimator.targets import probabilities
from agop.outer_product import kernel_agop
from agop.rfm.classifier import RFMClassifier
from agop.rfm.regressor import RFMRegressor
from agop.rfm.samples import Samples, distinct_rows, positive
from agop.rfm.splits import Tree, grow_tree, principal_direction, route
from agop.storable import storable
from agop.waiting import brief_waits

__all__ = ["TreeRFMClassifier", "TreeRFMRegressor"]

_KEPT = 4_000
"""Samples at most that are kept for the importance of the features."""


class MachineTree(FeatureImportances, BaseEstimator, ABC):  # type: ignore[misc]
    """A tree of recursive feature machines; the parameters are those of ``TreeRFMRegressor``."""

    _kind: ClassVar[type[RFMRegressor] | type[RFMClassifier]]
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_leaf_size": [at_least(1)],
        "n_split_samples": [at_least(2)],
        "softness": [Interval(Real, 0, 0.25, closed="both")],
        "verbose": CONSTRAINTS["verbose"],
        "random_state": CONSTRAINTS["random_state"],
    }

    tree_: Tree
    leaves_: list[Any]
    leaf_weights_: Tensor
    n_features_in_: int

    def __init__(
        self,
        estimator: Any = None,
        max_leaf_size: int = 10_000,
        *,
        n_split_samples: int = 2_000,
        softness: float = 0.05,
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.max_leaf_size = max_leaf_size
        self.n_split_samples = n_split_samples
        self.softness = softness
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit came to its end."""
        return hasattr(self, "leaves_")

    @abstractmethod
    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        """Learn the kind of target; the samples with positive weight, their targets coded."""

    @abstractmethod
    def _fitted(self, model: Any, samples: Samples) -> Any:
        """A model of the kind of the leaves, fitted to samples."""

    @abstractmethod
    def _leaf_values(self, leaf: Any, points: Tensor) -> Tensor:
        """Predictions (n, C) of a fitted leaf at points."""

    @brief_waits()
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Grow the tree, then fit its leaves one after the other.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept).
        y
            (n,) targets or labels; (n, C) for several outputs of a regressor.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.

        Raises
        ------
        ValueError
            If the data or a parameter are unusable; the message says what was expected and what to do.
        """
        self._validate_params()
        prototype = self._prototype
        generator = check_random_state(self.random_state)
        features = check_features(self, X, reset=True)
        samples = _distinct(self._learn_targets(features, y, check_weights(sample_weight, features)))
        self.tree_, leaves = grow_tree(
            samples.inputs,
            lambda rows: self._direction(samples.part(rows), prototype, generator),
            max_leaf_size=self.max_leaf_size,
            overlap=self.softness,
        )
        with Progress(disable=not self.verbose) as progress:
            self.leaves_ = []
            for number, rows in enumerate(progress.track(leaves, description="TreeRFM")):
                start = time.monotonic()
                self.leaves_.append(self._fit_leaf(samples.part(rows), prototype, generator))
                if self.verbose > 1:
                    text = (
                        f"leaf {number + 1} of {len(leaves)}: {len(rows):,} samples, {time.monotonic() - start:.2f} s"
                    )
                    progress.console.print(text, highlight=False)
        self.leaf_weights_ = torch.stack([samples.weights[rows].sum() for rows in leaves])
        self._n_outputs = samples.targets.shape[1]
        kept = _drawn(samples, _KEPT, generator)
        self._keep_rows(kept.inputs, kept.weights)
        return self

    @property
    def _prototype(self) -> Any:
        return self._kind() if self.estimator is None else self.estimator

    def _direction(self, samples: Samples, prototype: Any, generator: RandomState) -> Tensor | None:
        """Leading AGOP direction of iteration 0 on some samples; the principal one of all where those do not vary."""
        if samples.constant:
            return None
        some = _drawn(samples, self.n_split_samples, generator)
        if some.constant:
            centered = samples.inputs.double() - samples.inputs.double().mean(0)
            return principal_direction(centered.mT @ centered)
        first = {"n_iterations": 0, "selection": None, "validation_fraction": None, "callback": None, "verbose": False}
        machine = self._fitted(_seeded(prototype, generator, **first), some).machine_
        agop = kernel_agop(machine, some.inputs, weights=some.weights, max_memory=prototype.max_memory)
        return principal_direction(agop.matrix)

    def _fit_leaf(self, samples: Samples, prototype: Any, generator: RandomState) -> Any:
        """A fitted clone of the prototype, or the mean target (C,) where there is nothing to learn."""
        if samples.constant:
            return samples.mean().to(samples.targets)
        leaf = _seeded(prototype, generator, verbose=prototype.verbose and not self.verbose)
        return self._fitted(leaf, samples)

    def _blend(self, X: Any) -> Tensor:
        """Predictions (n, C) of the leaves, weighted by their shares in each point."""
        check_is_fitted(self, "leaves_")
        return self._values(check_features(self, X, reset=False).to(self.leaf_weights_.device))

    def _values(self, points: Tensor) -> Tensor:
        blended = points.new_zeros(len(points), self._n_outputs)
        for number, rows, shares in route(self.tree_, points):
            leaf = self.leaves_[number]
            values = leaf if isinstance(leaf, Tensor) else self._leaf_values(leaf, points[rows])
            blended[rows] += (shares[:, None] * values).to(blended)
        return blended

    def agop(self) -> Tensor:
        """AGOP (d, d) of the leaves' predictors: the mean over the distinct rows of each, then over the leaves.

        Leaves count by the weight of their samples, with zero where they predict a constant. The diagonal says how
        steep they are along each feature; ``feature_importances_`` says how much each matters. What the shares of the
        leaves add to the gradient is left out.
        """
        check_is_fitted(self, "leaves_")
        total = self.leaf_weights_.new_zeros(self.n_features_in_, self.n_features_in_)
        for leaf, weight in zip(self.leaves_, self.leaf_weights_, strict=True):
            if isinstance(leaf, Tensor):
                continue
            agop = kernel_agop(leaf.machine_, max_memory=leaf.max_memory).matrix
            alone = leaf.machine_.coefficients.shape[1] == 1 < self._n_outputs - 1  # for two of several classes
            total += weight * agop * (2 if alone else 1)
        return total / self.leaf_weights_.sum()


def _distinct(samples: Samples) -> Samples:
    """Samples with equal inputs and targets as one with their summed weight, so that a weight is a repetition."""
    first, group = distinct_rows(torch.cat([samples.inputs, samples.targets], 1))
    weights = samples.weights.new_zeros(len(first)).index_add_(0, group, samples.weights)
    return Samples.of(samples.inputs[first], samples.targets[first], weights)


def _drawn(samples: Samples, most: int, generator: RandomState) -> Samples:
    """At most so many of the samples, in random order."""
    if len(samples) <= most:
        return samples
    return samples.part(torch.from_numpy(generator.choice(len(samples), most, replace=False)).to(samples.group))


def _seeded(prototype: Any, generator: RandomState, **parameters: Any) -> Any:
    """A clone with a seed of its own."""
    return clone(prototype).set_params(random_state=int(generator.randint(2**31 - 1)), **parameters)


@storable
class TreeRFMRegressor(TensorRegressorMixin, MachineTree):
    r"""Recursive feature machines in the leaves of a tree, for regression on many samples.

    A node with more than ``max_leaf_size`` samples is split at the median of their projections on a direction: the
    leading eigenvector of the AGOP of kernel ridge regression, iteration 0 of the RFM, on a few of them. Each leaf has
    an RFM of its own. About a split lies a band whose samples both children learn from; across it the prediction passes
    linearly from one child to the other, so that the function
    :math:`f(x) = \sum_l g_l(x) f_l(x)`, with shares :math:`g_l \ge 0` that sum to 1, is continuous. Most points lie in
    one leaf. Only one leaf's kernel matrix exists at a
    time.

    Parameters
    ----------
    estimator
        The ``RFMRegressor`` of which each leaf is a clone, searched as ``estimator__ridge``; the default one if None.
    max_leaf_size
        Samples that a leaf has at most, equal ones counted once; more remain together only where all features or all
        targets are equal.
    n_split_samples
        Random samples of a node that find its direction.
    softness
        Share of a node's samples, on each side of the median, that lie in the band, at most 1/4; 0 is hard routing.
        The leaves together hold up to (1 + 2 softness)^k times the samples at depth k; so time grows as n^1.16 for
        0.05, and as n for 0.
    verbose
        0 or False is quiet, 1 or True shows a bar over the leaves instead of theirs, 2 also prints a line a leaf: its
        samples and seconds.
    random_state
        Seed of the samples that find directions, and of the seeds of the leaves.

    Attributes
    ----------
    tree_ : Split or int
        The splits; 0 if there is one leaf only.
    leaves_ : list of RFMRegressor or Tensor
        The leaves; the mean target (C,) of one whose features or targets are all equal.
    leaf_weights_ : Tensor
        (L,) weight of the samples of each leaf, those in a band counted on both sides.
    feature_importances_ : ndarray
        (d,) share of the variance of the predictions that hangs on each feature, by swaps of its values between 4,000
        rows of the fit at most; computed when first asked for. Of a classifier, the variance of the probabilities.
    n_features_in_ : int
        Number of features d.

    References
    ----------
    Beaglehole, Holzmüller, Radhakrishnan, Belkin 2025 (arXiv 2508.10053): the tree, with hard splits.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.kernels import Laplace
    >>> X = np.random.default_rng(0).uniform(-1, 1, (400, 3))
    >>> y = X[:, 0] ** 2 + X[:, 1]
    >>> leaf = RFMRegressor(Laplace(10.0), ridge=1e-3, n_iterations=2)
    >>> model = TreeRFMRegressor(leaf, max_leaf_size=200, random_state=0).fit(X[:300], y[:300])
    >>> len(model.leaves_), model.score(X[300:], y[300:]) > 0.95
    (2, True)
    """

    _kind = RFMRegressor
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MachineTree._parameter_constraints,
        "estimator": [RFMRegressor, None],
    }

    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        kept = positive(weights)
        return Samples.of(features[kept], self._learn_outputs(y, features)[kept], weights[kept])

    def _fitted(self, model: Any, samples: Samples) -> Any:
        return model.fit(samples.inputs, samples.targets, samples.weights)

    def _leaf_values(self, leaf: Any, points: Tensor) -> Tensor:
        values: Tensor = leaf.predict(points)
        return values

    def predict(self, X: Any) -> Any:
        """Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one."""
        return self._as_outputs(self._blend(X), X)


@storable
class TreeRFMClassifier(TensorClassifierMixin, MachineTree):
    r"""Recursive feature machines in the leaves of a tree, for classification of many samples.

    As ``TreeRFMRegressor``, with an ``RFMClassifier`` in each leaf: the class probabilities are the mixture
    :math:`p(x) = \sum_l g_l(x) p_l(x)` of those of the leaves, where a class that a leaf lacks has none.

    Parameters
    ----------
    estimator
        The ``RFMClassifier`` of which each leaf is a clone, searched as ``estimator__ridge``; the default one if None.
        Its ``class_weight`` is that of all samples, and the same in every leaf.
    max_leaf_size, n_split_samples, softness, verbose, random_state
        As for ``TreeRFMRegressor``.

    Attributes
    ----------
    classes_
        (C,) the labels: an array, or a tensor if the labels of the fit were one.
    leaves_ : list of RFMClassifier or Tensor
        The leaves, whose ``classes_`` are indices into those of the tree; the shares of the classes (C,) in one whose
        features or labels are all equal.
    tree_, leaf_weights_, feature_importances_, n_features_in_
        As for ``TreeRFMRegressor``.

    Examples
    --------
    >>> import numpy as np
    >>> from agop.kernels import Laplace
    >>> X = np.random.default_rng(0).uniform(-1, 1, (400, 3))
    >>> y = X[:, 0] > X[:, 1] ** 2
    >>> leaf = RFMClassifier(Laplace(10.0), ridge=1e-3, n_iterations=2)
    >>> model = TreeRFMClassifier(leaf, max_leaf_size=200, random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.9
    True
    """

    _kind = RFMClassifier
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MachineTree._parameter_constraints,
        "estimator": [RFMClassifier, None],
    }

    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        self._learn_classes(y, features, weights)
        self._class_weights = self._classes.weights(self._prototype.class_weight).to(weights)
        kept, factors = positive(weights), self._class_weights[self._classes.codes]
        return Samples.of(features[kept], self._classes.encode("one-hot", features), weights[kept] * factors)

    def _fitted(self, model: Any, samples: Samples) -> Any:
        codes, factors = samples.targets.argmax(1), self._class_weights
        model.set_params(class_weight=dict(enumerate(factors.tolist())))
        return model.fit(samples.inputs, codes, samples.weights / factors[codes])

    def _leaf_values(self, leaf: Any, points: Tensor) -> Tensor:
        known: Tensor = leaf.predict_proba(points)
        values = known.new_zeros(len(points), self._n_outputs)
        values[:, leaf.classes_] = known
        return values

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C) with row sums 1, none below 1e-6 before the division by the sum."""
        return like(probabilities(self._blend(X)), X)

    def decision_function(self, X: Any) -> Any:
        """2 p - 1 of the probabilities: (n, C), or (n,) for two classes (positive: the second)."""
        shares = probabilities(self._blend(X))
        return like(shares[:, 1] - shares[:, 0] if len(self._classes) == 2 else 2 * shares - 1, X)

    def predict(self, X: Any) -> Any:
        """The most probable labels: an array, or a tensor where X is one and the labels are numbers."""
        blended = self._blend(X)
        return self._classes.decode(blended.argmax(1), X)
