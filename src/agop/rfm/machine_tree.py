"""What trees of recursive feature machines share: the fits of the leaves, and their blend."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import torch
import torch.distributed as dist
from rich.progress import Progress
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.document import NumberTable
from agop.charts.notebook import FittedMixin
from agop.estimator.arrays import check_features, check_weights
from agop.estimator.chunked import features_and_targets
from agop.estimator.importances import FeatureImportances
from agop.estimator.parameters import CONSTRAINTS, at_least
from agop.estimator.reference import ReferenceMixin
from agop.kernel_machine import KernelMachine
from agop.outer_product import kernel_agop
from agop.ranks import Ranks
from agop.rfm.classifier import RFMClassifier
from agop.rfm.distinct import distinct_rows
from agop.rfm.growth import Grown, Growth
from agop.rfm.learned_table import learned_tree_table
from agop.rfm.regressor import RFMRegressor
from agop.rfm.samples import Samples
from agop.rfm.sharing import require_same_parameters, require_same_samples
from agop.rfm.splits import Tree, route
from agop.waiting import brief_waits

__all__ = ["MachineTree"]


class MachineTree(FittedMixin, ReferenceMixin, FeatureImportances, BaseEstimator, ABC):  # type: ignore[misc]
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

    def _learned_table(self) -> NumberTable:
        return learned_tree_table(self)

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
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, group: dist.ProcessGroup | None = None) -> Self:
        """Grow the tree, then fit its leaves one after the other.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept). Or chunks that are gathered, as
            for ``RFMRegressor``: they must fit ``max_memory`` of the estimator, 1 GiB if that is None.
        y
            (n,) targets or labels; (n, C) for several outputs of a regressor. None where chunks are pairs.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.
        group
            Process group of ``torch.distributed``, all of whose ranks call this with the same data, such as
            ``torch.distributed.group.WORLD``: each fits some of the leaves, whose callbacks it calls, and all get the
            same tree. None is this process alone.

        Raises
        ------
        ValueError
            If the data or a parameter are unusable; the message says what was expected and what to do.
        MemoryBudgetError
            If chunks have rows that do not fit.
        RankError
            If there is an error on another rank, or one is gone or slower than the timeout of the group.
        """
        ranks = Ranks(group)
        with ranks.together():
            return self._fit(X, y, sample_weight, ranks)

    def _fit(self, X: Any, y: Any, sample_weight: Any, ranks: Ranks) -> Self:
        self._validate_params()
        parameters = self.get_params()
        parameters["estimator"] = type(self.estimator)  # whose parameters are among them
        require_same_parameters(ranks, parameters)
        generator = check_random_state(self.random_state)
        features, y = features_and_targets(self, X, y, self._prototype.max_memory, together=True)
        samples = _distinct(self._learn_targets(features, y, check_weights(sample_weight, features)))
        require_same_samples(ranks, samples)
        grown = ranks.first(lambda: self._growth().grown(samples, generator), samples.inputs.device)
        kept = samples if grown.kept is None else samples.part(grown.kept)
        self.tree_ = grown.tree
        self.leaves_ = self._fitted_leaves(samples, grown, ranks)
        self.leaf_weights_ = torch.stack([samples.weights[rows].sum() for rows in grown.leaves])
        self._n_outputs = samples.targets.shape[1]
        self._keep_rows(kept.inputs, kept.weights)
        return self

    def _growth(self) -> Growth:
        """The way in which the tree grows, by fits of iterate 0 of the estimator."""
        prototype = self._prototype
        first = {"n_iterations": 0, "selection": None, "validation_fraction": None, "callback": None, "verbose": False}

        def first_machine(samples: Samples, seed: int) -> KernelMachine:
            model = clone(prototype).set_params(random_state=seed, **first)
            machine: KernelMachine = self._fitted(model, samples).machine_
            return machine

        options = self.max_leaf_size, self.n_split_samples, self.softness, prototype.max_memory
        return Growth(first_machine, *options)

    def _fitted_leaves(self, samples: Samples, grown: Grown, ranks: Ranks) -> list[Any]:
        """The leaves, each fitted by one of the ranks."""
        prototype, verbose = self._prototype, int(self.verbose) if ranks.rank == 0 else 0
        shown = prototype.verbose if not self.verbose and ranks.group is None else False
        unfitted = [clone(prototype).set_params(random_state=seed, verbose=shown) for seed in grown.seeds]
        with Progress(disable=not verbose) as progress:
            task = progress.add_task("TreeRFM", total=len(unfitted))

            def learned(number: int) -> Any:
                start, part = time.monotonic(), samples.part(grown.leaves[number])
                found = self._learned(unfitted[number], part)
                progress.advance(task, ranks.world)
                if verbose > 1:
                    seconds = f"{time.monotonic() - start:.2f} s"
                    text = f"leaf {number + 1} of {len(unfitted)}: {len(part):,} samples, {seconds}"
                    progress.console.print(text, highlight=False)
                return found

            costs = {number: float(len(rows)) ** 2 for number, rows in enumerate(grown.leaves)}
            found = ranks.spread(learned, costs, samples.inputs.device)
        return [_filled(leaf, found[number]) for number, leaf in enumerate(unfitted)]

    @property
    def _prototype(self) -> Any:
        return self._kind() if self.estimator is None else self.estimator

    def _learned(self, leaf: Any, samples: Samples) -> Any:
        """What a leaf learns by name, or the mean target (C,) where there is nothing to learn."""
        if samples.constant:
            return samples.mean().to(samples.targets)
        fitted = self._fitted(leaf, samples)
        return {name: value for name, value in vars(fitted).items() if name != "callback"}

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


def _filled(leaf: Any, learned: Any) -> Any:
    """The leaf with what it learned, or the mean target in its place."""
    if isinstance(learned, Tensor):
        return learned
    vars(leaf).update(learned)
    return leaf
