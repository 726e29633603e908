"""Parameters of a recursive feature machine, and what a fit with them does and will take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Literal

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from agop.estimator.parameters import CONSTRAINTS, at_least, seed_of
from agop.kernels import KERNELS, Kernel
from agop.ranks import ALONE, Ranks
from agop.rfm.choice import Search
from agop.rfm.clock import Clock
from agop.rfm.cost import FitCost, Work, fit_cost
from agop.rfm.learning import Learning
from agop.rfm.recursion import Limits, RFMStep
from agop.rfm.samples import Samples
from agop.rfm.tuning import candidates_for
from agop.solvers import Cholesky, Solver
from agop.waiting import brief_waits

__all__ = ["MachineParameters"]


class MachineParameters(BaseEstimator, ABC):  # type: ignore[misc]
    """Parameters for any kind of target; they are those of ``RFMRegressor``."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": [Kernel, StrOptions(set(KERNELS)), None],
        "ridge": [at_least(0, Real), StrOptions({"loo"})],
        "n_iterations": [at_least(0)],
        "power": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"}), None],
        "diagonal": ["boolean", None],
        "selection": [StrOptions({"loo"}), None],
        "solver": [StrOptions({"auto"}), Solver],
        "metric_samples": [at_least(2), None],
        "agop_samples": [at_least(2), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        **CONSTRAINTS,
    }

    kernel: Kernel | str | None
    ridge: float | Literal["loo"]
    n_iterations: int
    diagonal: bool | None
    power: float | Literal["loo"] | None
    selection: Literal["loo"] | None
    solver: Literal["auto"] | Solver
    metric_samples: int | None
    agop_samples: int | None
    validation_fraction: float | None
    time_budget: float | None
    max_memory: int | None
    callback: Callable[[RFMStep], object] | None
    verbose: bool | int
    random_state: Any

    @abstractmethod
    def _loss(self, samples: Samples, predictions: Tensor) -> float:
        """Loss of left-out predictions (m, C) for distinct samples, by which iterate and kernel are chosen."""

    @brief_waits()
    def predicted_cost(self, n_samples: int, n_features: int, n_outputs: int = 1) -> FitCost:
        """Time and memory of a fit to distinct float64 samples, choices included, before any work.

        Kernel values, gradients and matrix products are timed for some ms. Choices end when they are done, which makes
        the time vary by a factor of two; ``time_budget`` is not considered.

        Raises
        ------
        MemoryBudgetError
            If no solver can work within ``max_memory``.

        Examples
        --------
        >>> from agop import RFMRegressor
        >>> cost = RFMRegressor(max_memory=2**30).predicted_cost(50_000, 20)
        >>> type(cost.solver).__name__, cost.bytes <= 2**30, cost.choosing < cost.seconds
        ('Nystrom', True, True)
        """
        some = torch.randn(2, n_features, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        learning = self._learning(Samples.of(some, torch.ones(2, n_outputs)), Clock.start(None))
        held_out = 0 if self.validation_fraction is None else int(self.validation_fraction * n_samples)
        leaving_out = not held_out and self.selection is not None
        search, learned = learning.search, n_samples - held_out
        return fit_cost(learning.work, search, learned, self.metric_samples, leaving_out=leaving_out)

    def _learning(self, samples: Samples, clock: Clock, ranks: Ranks = ALONE) -> Learning:
        """The fit that the parameters ask for."""
        seed = ranks.exchange(0 if self.random_state is None else seed_of(self.random_state))[0]
        limits = Limits(self.agop_samples, seed, self.max_memory)
        power = (1 if self.selection is None else "loo") if self.power is None else self.power
        candidates = candidates_for(self.kernel, self.ridge, power, self.diagonal, samples, self.random_state)
        candidates = ranks.exchange(candidates)[0]
        search = Search(candidates, self.n_iterations, self._loss, limits)
        shape = samples.inputs.shape[1], samples.targets.shape[1]
        solver = self.solver if ranks.group is None or self.solver != "auto" else Cholesky()
        work = Work(candidates, shape, samples.inputs.dtype, solver, self.max_memory)
        verbose = int(self.verbose) if ranks.rank == 0 else 0
        return Learning(search, work, self.metric_samples, clock, self.callback, verbose, ranks)
