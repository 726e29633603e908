"""What recursive feature machines for all kinds of targets share: the fit, its score, and predictions."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.document import NumberTable
from agop.charts.notebook import FittedMixin
from agop.errors import InputError, TimeBudgetWarning
from agop.estimator.arrays import as_array, check_features, check_weights
from agop.estimator.chunked import chunkwise, features_and_targets
from agop.estimator.importances import FeatureImportances
from agop.estimator.reference import ReferenceMixin
from agop.kernel_machine import KernelMachine
from agop.ranks import Ranks
from agop.rfm.clock import Clock
from agop.rfm.iterated import by_validation, to_the_end
from agop.rfm.learned import Judged, Learned
from agop.rfm.learned_table import learned_table
from agop.rfm.leaving_out import by_leaving_out
from agop.rfm.machine_parameters import MachineParameters
from agop.rfm.rates import busyness
from agop.rfm.samples import Samples
from agop.rfm.selection import mean_and_error
from agop.rfm.sharing import require_same_parameters, require_same_samples
from agop.rfm.skill import Skill
from agop.waiting import brief_waits

__all__ = ["FeatureMachine"]


_KEPT_ROWS = 4000
"""Random rows that a model with few centers keeps of its fit: as many as importances are computed from."""


class FeatureMachine(FittedMixin, ReferenceMixin, FeatureImportances, MachineParameters):
    """A recursive feature machine for some kind of target; the parameters are those of ``RFMRegressor``."""

    machine_: KernelMachine
    metric_: Tensor | None
    n_features_in_: int

    _mean_gain = staticmethod(mean_and_error)
    """Score and its standard error, from the gains of samples, their weights and their groups."""

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit came to its end."""
        return hasattr(self, "machine_")

    def _learned_table(self) -> NumberTable:
        return learned_table(self)

    @abstractmethod
    def _learn_targets(self, features: Tensor, y: Any, weights: Tensor) -> Samples:
        """Learn the kind of target; the samples with positive weight, their targets coded."""

    @abstractmethod
    def _encode(self, y: Any, features: Tensor) -> Tensor:
        """Targets y of new samples, coded as those of the fit: (n, C), NaN where a class is unknown."""

    @abstractmethod
    def _decode(self, raw: Tensor, X: Any) -> Any:
        """Raw predictions (n, C) as ``predict`` returns them."""

    @abstractmethod
    def _gains(self, raw: Tensor, samples: Samples, *, validated: bool) -> Tensor:
        """Contribution of each sample (n,) to the score of raw predictions (n, C), which is their weighted mean."""

    @abstractmethod
    def _calibrate(self, raw: Tensor, samples: Samples, *, validated: bool) -> None:
        """Learn from raw predictions (n, C) that do not depend on the targets of the samples."""

    def _strata(self) -> Any:
        """Labels whose shares a validation split keeps, or None."""
        return None

    @brief_waits()
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation: tuple[Any, Any] | None = None,
        group: dist.ProcessGroup | None = None,
    ) -> Self:
        """Fit the recursion.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept). Of more than 200,000 rows no copy
            is made, so that those of a memory map in float32 or float64 need not fit in memory. Or chunks, pairs (X, y)
            of consecutive rows and their targets: an iterable that gives the same ones in every pass, such as a
            DataLoader that does not shuffle, or a function that returns an iterator. Those that fit ``max_memory``, 1
            GiB if None, are gathered and the fit is that to all rows; else one at a time is in memory. Then there must
            be few centers (``solver="auto"`` has them for many rows), ``metric_samples`` and more than 4,000 rows.
        y
            (n,) targets or labels; (n, C) for several outputs of a regressor. None where chunks are pairs.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.
        validation
            (X, y) that choose the iterate; without it ``validation_fraction`` or ``selection`` says which is kept.
        group
            Process group of ``torch.distributed``, all of whose ranks call this with the same data, such as
            ``torch.distributed.group.WORLD``: each has some rows of the matrices over pairs, which are factorized, and
            all get the same model. Rank 0 makes the choices by few rows; its clock counts. None is this process alone.

        Raises
        ------
        ValueError
            If the data or a parameter are unusable; the message says what was expected and what to do.
        MemoryBudgetError
            If no solver can work within ``max_memory``, or chunks have rows that do not fit and are needed together.
        RankError
            If there is an error on another rank, or one is gone or slower than the timeout of the group.
        """
        ranks = Ranks(group)
        with ranks.together():
            return self._fit(X, y, sample_weight, validation, ranks)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any] | None, ranks: Ranks) -> Self:
        clock = Clock.start(self.time_budget, busyness, ranks)
        self._validate_params()
        require_same_parameters(ranks, self.get_params(deep=False))
        features, y = features_and_targets(self, X, y, self.max_memory)
        samples = self._learn_targets(features, y, check_weights(sample_weight, features))
        if ranks.group is not None:
            samples.require_together()
        samples, held_out = self._without_held_out(samples, validation, ranks)
        samples = samples.merged().sorted()
        require_same_samples(ranks, samples)
        if held_out is not None:
            require_same_samples(ranks, held_out, "validation ")
        learning = self._learning(samples, clock, ranks)
        if not learning.reads_forward(len(samples)):
            samples.require_together()
        if held_out is not None:
            learned = by_validation(learning, samples, held_out, lambda raw: self._score_of(raw, held_out, True)[0])
        elif self.selection is None:
            learned = to_the_end(learning, samples)
        else:
            learned = by_leaving_out(learning, samples)
        self._keep(learned)
        if learned.judged is not None:
            self._judge(learned.judged, validated=held_out is not None)
        self.cut_short_ = ranks.exchange(list(clock.cuts))[0]
        if self.cut_short_:
            warnings.warn(
                f"The time budget of {clock.budget:g} s ran out: {'; '.join(self.cut_short_)}.", TimeBudgetWarning, 3
            )
        return self

    def _without_held_out(self, samples: Samples, validation: Any, ranks: Ranks) -> tuple[Samples, Samples | None]:
        """The samples to learn from, and those that choose the iterate, if there are any."""
        if validation is not None:
            X, y = validation
            inputs = check_features(self, X, reset=False).to(samples.inputs.device, samples.inputs.dtype)
            check_consistent_length(inputs, as_array(y))
            if len(inputs) < 2:
                raise InputError("2 or more validation samples", "1 sample", "Hold out more, or pass no validation.")
            return samples, Samples.of(inputs, self._encode(y, inputs))
        if self.validation_fraction is None:
            return samples, None
        rows = np.arange(len(samples))
        parts = train_test_split(
            rows, test_size=self.validation_fraction, random_state=self.random_state, stratify=self._strata()
        )
        parts = ranks.exchange(parts)[0]
        learn, judge = (samples.part(torch.from_numpy(np.sort(part)).to(samples.group)) for part in parts)
        judge.require_together()
        return learn, judge

    def _keep(self, learned: Learned) -> None:
        best = learned.best
        self.machine_, self.kernel_ = best.machine, best.machine.kernel
        self.metric_ = None if best.machine.metric is None else best.machine.metric.matrix
        self.diagonal_, self.solver_ = learned.diagonal, learned.solver
        self.best_iteration_, self.n_iter_ = best.iteration, learned.last_iteration
        self.bandwidth_, self.ridge_, self.power_ = self.kernel_.bandwidth, best.ridge, best.power
        self.agop_error_ = best.agop_error
        self.validation_scores_: NDArray[np.float64] | None = None
        self.validation_standard_errors_: NDArray[np.float64] | None = None
        self.skill_: Skill | None = None
        self._n_learned = len(learned.samples)
        few = len(self.machine_.centers) < self._n_learned
        rows = learned.samples.in_memory(_KEPT_ROWS) if few else learned.samples
        self._keep_rows(rows.inputs, rows.weights)

    def _judge(self, judged: Judged, *, validated: bool) -> None:
        """Scores with their standard errors, and calibration, on samples that the predictions do not depend on."""
        scores = np.array([self._score_of(raw, judged.samples, validated) for raw in judged.predictions])
        self.validation_scores_, self.validation_standard_errors_ = scores.T.copy()
        self._validated, self.skill_ = validated, Skill.of(judged.samples, judged.kept)
        if validated:
            self.validation_standard_errors_[:] = self._score_of(judged.kept, judged.samples, validated)[1]
        self._calibrate(judged.kept[judged.samples.group], judged.samples, validated=validated)

    def _score_of(self, raw: Tensor, samples: Samples, validated: bool) -> tuple[float, float]:
        """Score of raw predictions (m, C) at the inputs of samples, the larger the better, and its standard error."""
        gains = self._gains(raw[samples.group], samples, validated=validated)
        return self._mean_gain(gains, samples.sample_weights, samples.group)

    def _raw(self, X: Any) -> Tensor:
        check_is_fitted(self, "machine_")
        return self._values(check_features(self, X, reset=False).to(self.machine_.centers.device))

    def _values(self, points: Tensor) -> Tensor:
        return self.machine_(points, max_memory=self.max_memory)

    @chunkwise
    def predict(self, X: Any) -> Any:
        """Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one or has some as chunks.

        Labels that are no numbers come as an array. Memory is bounded, whatever the number of rows; X may be an
        iterable of chunks, as in ``fit``.
        """
        return self._decode(self._raw(X), X)
