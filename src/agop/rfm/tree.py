"""Recursive feature machines in the leaves of a tree, for more samples than one kernel matrix can hold."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from agop.estimator.arrays import like
from agop.estimator.chunked import chunkwise
from agop.estimator.mixins import TensorClassifierMixin, TensorRegressorMixin
from agop.estimator.targets import probabilities
from agop.rfm.classifier import RFMClassifier
from agop.rfm.machine_tree import MachineTree
from agop.rfm.regressor import RFMRegressor
from agop.rfm.samples import Samples, positive
from agop.storable import storable

__all__ = ["TreeRFMClassifier", "TreeRFMRegressor"]


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

    @chunkwise
    def predict(self, X: Any) -> Any:
        """Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one.

        There are no standard deviations: leaves learn from the samples of a band together, so that their posteriors
        depend on each other in a way that no single Gaussian process describes. Each of ``leaves_`` has its own.
        """
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
    >>> len(model.leaves_), round(model.score(X[300:], y[300:]), 1)
    (2, 1.0)
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

    @chunkwise
    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C) with row sums 1, none below 1e-6 before the division by the sum."""
        return like(probabilities(self._blend(X)), X)

    def decision_function(self, X: Any) -> Any:
        """2 p - 1 of the probabilities: (n, C), or (n,) for two classes (positive: the second)."""
        shares = probabilities(self._blend(X))
        return like(shares[:, 1] - shares[:, 0] if len(self._classes) == 2 else 2 * shares - 1, X)

    @chunkwise
    def predict(self, X: Any) -> Any:
        """The most probable labels: an array, or a tensor where X is one and the labels are numbers."""
        blended = self._blend(X)
        return self._classes.decode(blended.argmax(1), X)
