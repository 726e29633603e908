"""Predictions of a regressor with their standard deviations and intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.errors import InputError
from agop.estimator.arrays import check_features
from agop.estimator.chunked import chunkwise
from agop.kernel_machine import KernelMachine
from agop.rfm.samples import Samples
from agop.rfm.uncertainty import LeftOut, Posterior, intervals

__all__ = ["PredictiveMixin"]

_MOVED_ROWS = 4000
"""Distinct rows up to which an interval looks at the fits without each of them; of more, no single one counts."""


class PredictiveMixin:
    """A regressor whose predictor is a kernel machine, and which says how far its predictions may be off.

    Whoever inherits calls ``_keep_left_out`` at the end of each ``fit``, before which ``left_out_`` is None.
    """

    machine_: KernelMachine
    ridge_: float
    intercept_: Tensor
    left_out_: LeftOut | None
    max_memory: int | None
    _rows: Tensor
    _row_weights: Tensor
    _signal_variance: Tensor | None
    _values: Callable[[Tensor], Tensor]
    _decode: Callable[[Tensor, Any], Any]
    _as_outputs: Callable[[Tensor, Any], Any]

    def _keep_left_out(self, predictions: Tensor, samples: Samples, *, validated: bool) -> None:
        """Keep residuals of predictions (n, C) that do not depend on the targets of the samples."""
        self.left_out_ = LeftOut.of(predictions, samples, None if validated else self.machine_.centers)
        self._signal_variance = None

    @chunkwise
    def predict(self, X: Any, return_std: bool = False) -> Any:
        r"""Predictions (n,), or (n, C) for several outputs: an array, or a tensor where X is one.

        Memory is bounded, whatever the number of rows.

        Parameters
        ----------
        X
            (n, d) features, or an iterable of chunks as in ``fit``.
        return_std
            Whether to return the standard deviations of the function as well, in the shape of the predictions. They are
            those of the Gaussian process whose posterior mean the predictor is, with the ridge :math:`\lambda` as the
            ratio of the variances of noise and signal (Rasmussen and Williams 2006, equation 2.26):
            :math:`\sigma_f^2 (1 - k_x^T (K + \lambda\, \mathrm{diag}(1 / w))^{-1} k_x)`. The signal's variance
            :math:`\sigma_f^2` is such that left-out residuals are on average as large as predicted. The noise
            :math:`\lambda \sigma_f^2 / w` of a target of weight w is not in it, nor is doubt about metric, bandwidth
            and intercept. A larger weight means a smaller deviation nearby; with ``ridge="loo"`` the unit of all
            weights does not count. A call factorizes the matrix over all pairs of rows of the fit.

        Raises
        ------
        InputError
            If standard deviations are wanted of a fit that left no samples out, or of one with few centers.
        MemoryBudgetError
            If they need more than ``max_memory``.
        """
        points = self._points(X)
        predictions = self._decode(self._values(points), X)
        if not return_std:
            return predictions
        left_out, posterior = self._residuals(), self._posterior()
        if self._signal_variance is None:
            self._signal_variance = posterior.signal_variance(left_out)
        deviations = (posterior.variance(points)[:, None] * self._signal_variance).sqrt()
        return predictions, self._as_outputs(deviations.to(points), X)

    @chunkwise
    def predict_interval(self, X: Any, coverage: float = 0.9) -> tuple[Any, Any]:
        r"""Lower and upper ends of intervals that hold new targets, each in the shape of the predictions.

        A share ``coverage`` of targets drawn like those of the fit lies inside, on average over all of them: not at
        each place, where noise may be larger than elsewhere. For each left-out sample j with residual :math:`R_j`, the
        predictor without it says :math:`f_{-j}(x) \pm |R_j|`; the ends are quantiles of these (jackknife+). Of more
        than 4,000 rows none moves the predictor, and with validation data f has seen none of them: then all
        :math:`f_{-j} = f`, though the choice of the iterate by the same data costs a little coverage. Samples count by
        their weights.

        Parameters
        ----------
        X
            (n, d) features, or an iterable of chunks as in ``fit``.
        coverage
            Share of targets, of each output by itself; n left-out samples can say n / (n + 1) at most.

        Raises
        ------
        InputError
            If the fit left no samples out, or too few for this coverage.
        MemoryBudgetError
            If the matrix over all pairs of rows of the fit needs more than ``max_memory``.

        References
        ----------
        Barber, Candes, Ramdas, Tibshirani 2021, Predictive inference with the jackknife+, Annals of Statistics 49:486.
        For fits without sample j it shows a coverage of 2 ``coverage`` - 1 at least, whatever the data, and about
        ``coverage`` in practice; here the metric of :math:`f_{-j}` is that of all rows, that of :math:`R_j` is not.

        Examples
        --------
        >>> import numpy as np
        >>> from agop import RFMRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (600, 2))
        >>> y = X[:, 0] + np.random.default_rng(1).normal(0, 0.5, 600)
        >>> lower, upper = RFMRegressor(n_iterations=1).fit(X[:200], y[:200]).predict_interval(X[200:], coverage=0.8)
        >>> round(float(np.mean((lower <= y[200:]) & (y[200:] <= upper))), 1)
        0.8
        """
        points, left_out = self._points(X), self._residuals()
        moved = left_out.inputs is None and len(self.machine_.centers) <= _MOVED_ROWS
        ends = intervals(points, self._values(points), left_out, coverage, self._posterior() if moved else None)
        lower, upper = (self._as_outputs((end + self.intercept_).to(points), X) for end in ends)
        return lower, upper

    def _points(self, X: Any) -> Tensor:
        check_is_fitted(self, "machine_")
        return check_features(self, X, reset=False).to(self.machine_.centers.device)

    def _residuals(self) -> LeftOut:
        if self.left_out_ is None:
            raise InputError(
                "a fit with left-out residuals",
                "none",
                "Fit with selection='loo' or with validation data, to more than a few rows.",
            )
        return self.left_out_

    def _posterior(self) -> Posterior:
        if not torch.equal(self._rows, self.machine_.centers):
            raise InputError(
                "a predictor whose centers are all rows of its fit",
                f"one with {len(self.machine_.centers)} of them",
                "Fit with ConjugateGradient(), to fewer rows, or ask for intervals.",
            )
        return Posterior.of(self.machine_, self.ridge_, self._row_weights, self.max_memory)
