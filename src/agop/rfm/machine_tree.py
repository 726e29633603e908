"""What the tree estimators share: growing the tree, fitting a machine in each leaf, blending their predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from numpy.random import RandomState
from rich.progress import track
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import check_features, check_weights
from agop.estimator.importances import FeatureImportances
from agop.estimator.persistence import PersistentEstimator
from agop.outer_product import kernel_agop
from agop.rfm.distinct import distinct_rows
from agop.rfm.estimators import RFMClassifier, RFMRegressor
from agop.rfm.splits import Tree, grow_tree, principal_direction, route

__all__ = ["MachineTree", "Samples"]

_KEPT = 4_000
"""Samples at most that are kept for the importance of the features."""


@dataclass(frozen=True)
class Samples:
    """Features (n, d), targets (n, C) and weights (n,)."""

    features: Tensor
    targets: Tensor
    weights: Tensor

    def __getitem__(self, rows: Tensor) -> Samples:
        return Samples(self.features[rows], self.targets[rows], self.weights[rows])

    def __len__(self) -> int:
        return len(self.features)

    def distinct(self) -> Samples:
        """Equal samples as one with their summed weight, so that a weight of 2 is a repetition to all that follows."""
        rows = distinct_rows(torch.cat([self.features, self.targets], 1), self.weights)
        return Samples(self.features[rows.index], self.targets[rows.index], rows.total_weights)

    @property
    def constant(self) -> bool:
        """Whether there is nothing to learn: all features or all targets are equal."""
        return any(bool((values == values[0]).all()) for values in (self.features, self.targets))

    def mean(self) -> Tensor:
        """Weighted mean (C,) of the targets."""
        return (self.weights @ self.targets.double() / self.weights.sum()).to(self.targets)


class MachineTree(FeatureImportances, PersistentEstimator, ABC):
    """A tree of recursive feature machines; the parameters are those of ``TreeRFMRegressor``."""

    _kind: ClassVar[type[RFMRegressor] | type[RFMClassifier]]

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
        verbose: bool = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.max_leaf_size = max_leaf_size
        self.n_split_samples = n_split_samples
        self.softness = softness
        self.verbose = verbose
        self.random_state = random_state

    @abstractmethod
    def _targets(self, y: Any, features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Learn the kind of target; targets (n, C) and weights, samples without weight left out of both."""

    @abstractmethod
    def _fitted(self, model: Any, samples: Samples) -> Any:
        """A model of the kind of the leaves, fitted to samples."""

    @abstractmethod
    def _leaf_values(self, leaf: Any, points: Tensor) -> Tensor:
        """What a fitted leaf predicts at points, (n, C)."""

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
        prototype, generator = self._prototype(), check_random_state(self.random_state)
        if not self.n_split_samples >= 2:
            raise InputError("n_split_samples >= 2", repr(self.n_split_samples), "Some thousands find a direction.")
        features = check_features(self, X, reset=True)
        given = check_weights(sample_weight, features)
        weights = torch.ones_like(features[:, 0], dtype=torch.float64) if given is None else given
        samples = Samples(features[weights > 0], *self._targets(y, features, weights)).distinct()
        self.tree_, leaves = grow_tree(
            samples.features,
            lambda rows: self._direction(samples[rows], prototype, generator),
            max_leaf_size=self.max_leaf_size,
            overlap=self.softness,
        )
        bar = track(leaves, description="TreeRFM", disable=not self.verbose)
        self.leaves_ = [self._fit_leaf(samples[rows], prototype, generator) for rows in bar]
        self.leaf_weights_ = torch.stack([samples.weights[rows].sum() for rows in leaves])
        self._n_outputs = samples.targets.shape[1]
        kept = samples
        if len(samples) > _KEPT:
            chosen = generator.choice(len(samples), _KEPT, replace=False)
            kept = samples[torch.from_numpy(chosen).to(samples.weights.device)]
        self._keep_rows(kept.features, kept.weights)
        return self

    def _prototype(self) -> Any:
        prototype = self._kind() if self.estimator is None else self.estimator
        if not isinstance(prototype, self._kind):
            advice = "Put scalers and encoders before the tree; None is the default one."
            raise InputError(f"an {self._kind.__name__} as estimator", f"{prototype!r:.80}", advice)
        return prototype

    def _direction(self, samples: Samples, prototype: Any, generator: RandomState) -> Tensor | None:
        """Leading AGOP direction of iteration 0 on some samples; the principal one of all where those do not vary."""
        if samples.constant:
            return None
        some = samples
        if len(samples) > self.n_split_samples:
            chosen = generator.choice(len(samples), self.n_split_samples, replace=False)
            some = samples[torch.from_numpy(chosen).to(samples.weights.device)]
        if some.constant:
            centred = samples.features.double() - samples.features.double().mean(0)
            return principal_direction(centred.mT @ centred)
        first = {"n_iterations": 0, "selection": None, "validation_fraction": None, "callback": None, "verbose": False}
        machine = self._fitted(_seeded(prototype, generator, **first), some).machine_
        agop = kernel_agop(
            machine.kernel,
            some.features,
            machine.centers,
            machine.coefficients,
            weights=some.weights,
            max_memory=prototype.max_memory,
        )
        return principal_direction(agop)

    def _fit_leaf(self, samples: Samples, prototype: Any, generator: RandomState) -> Any:
        """A fitted clone of the prototype, or the mean target (C,) where there is nothing to learn."""
        if samples.constant:
            return samples.mean()
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
            centers, coefficients, metric = (leaf.machine_.centers, leaf.machine_.coefficients, leaf.machine_.metric)
            agop = kernel_agop(
                leaf.machine_.kernel, centers, centers, coefficients, metric=metric, max_memory=leaf.max_memory
            )
            alone = coefficients.shape[1] == 1 < self._n_outputs - 1  # one column for two of several classes
            total += weight * agop * (2 if alone else 1)
        return total / self.leaf_weights_.sum()


def _seeded(prototype: Any, generator: RandomState, **parameters: Any) -> Any:
    """A clone with a seed of its own."""
    return clone(prototype).set_params(random_state=int(generator.randint(2**31 - 1)), **parameters)
