"""``feature_importances_`` of estimators, from the rows that they keep of their fit."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.estimator.effects import n_swaps_of, swap_effects

__all__ = ["FeatureImportances"]


class FeatureImportances(ABC):
    """An estimator that says how far its values change when a feature does.

    Whoever inherits calls ``_keep_rows`` at the end of ``fit`` and says what its values are.
    """

    _rows: Tensor
    _row_weights: Tensor
    _importances: NDArray[np.float64] | None

    @abstractmethod
    def _values(self, points: Tensor) -> Tensor:
        """The function that was learned, (m, C), at features (m, d)."""

    def _keep_rows(self, rows: Tensor, weights: Tensor) -> None:
        """Keep rows (m, d) of the fit with their weights (m,), and forget what was said of an earlier fit."""
        self._rows, self._row_weights, self._importances = rows, weights, None

    def rows_at_random(self, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The kept rows and their weights in random order."""
        order = np.random.default_rng(seed).permutation(len(self._rows))
        return self._rows.cpu().numpy()[order], self._row_weights.cpu().numpy()[order]

    def values_of(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The function (m, C) that was learned, at features (m, d), as arrays."""
        return self._values(torch.as_tensor(rows).to(self._rows)).double().cpu().numpy()

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Total effect (d,) of each feature: the share of the variance of what was learned that hangs on it.

        From swaps of its values between rows of the fit, see ``swap_effects``; not from slopes, which are steep where
        there are no data too. Noise that the predictor has fitted counts as well. Computed when first asked for, with a
        fixed seed; it costs 4,000 predictions for each feature, 100,000 for all of many. The shares of features that
        interact overlap, so that the sum can be above 1.
        """
        check_is_fitted(self)
        if self._importances is None:
            rows, weights = self.rows_at_random(seed=0)
            alone = [(feature,) for feature in range(rows.shape[1])]
            self._importances, _ = swap_effects(
                self.values_of, rows, range(len(alone)), alone, n_swaps=n_swaps_of(len(alone)), weights=weights
            )
        return self._importances.copy()
