"""Deep RFM as a scikit-learn classifier and transformer."""

from __future__ import annotations

import time
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self, get_args

import torch.distributed as dist
from rich.progress import Progress
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.notebook import FittedMixin
from agop.deep_rfm.layer import LayerMap, LayerSettings
from agop.deep_rfm.layer_features import LayerFeaturesMixin
from agop.deep_rfm.random_features import RandomFeatures, ReLUFeatures
from agop.deep_rfm.record import DeepRFMRecord, deep_rfm_records
from agop.deep_rfm.recursion import deep_rfm
from agop.deep_rfm.settings import AGOPScale
from agop.estimator.arrays import check_features, check_weights, like
from agop.estimator.mixins import ScoreClassifierMixin
from agop.estimator.parameters import CONSTRAINTS, at_least, seed_of
from agop.estimator.reference import ReferenceMixin
from agop.estimator.targets import probabilities
from agop.kernels import KERNELS, Kernel, named
from agop.ranks import Ranks
from agop.rfm import Samples, within_time
from agop.storable import storable
from agop.waiting import brief_waits

__all__ = ["DeepRFMClassifier"]


@storable
class DeepRFMClassifier(
    FittedMixin,
    ReferenceMixin,
    ScoreClassifierMixin,
    LayerFeaturesMixin,
    BaseEstimator,  # type: ignore[misc]
):
    r"""Deep recursive feature machine: a network without backpropagation whose features collapse.

    The data are standardized by the training statistics. Each layer divides rows by their norm, fits
    kernel ridge regression, multiplies by the root of the AGOP and applies random features; the
    predictor of the last layer classifies (Beaglehole, Súkeník, Mondelli, Belkin 2024,
    arXiv 2402.13728, algorithm 1).

    Parameters
    ----------
    kernel
        Kernel of the predictors, or its name, such as "gaussian", for a bandwidth of 2; ``Laplace(bandwidth=2)``, the
        paper's, if None.
    features
        Distribution of the random maps; ``ReLUFeatures(width=256)`` if None.
    depth
        Number of layers.
    ridge
        lambda >= 0.
    agop
        Whether rows are multiplied by the root of the AGOP; False for the control without feature learning.
    agop_scale
        Quantity that is 1 after scaling the AGOP: its largest entry, "max-entry", as published; or the mean norm of the
        rows that it is multiplied with, "row-norm", which cosine features need to tell samples apart.
    targets
        "signed" (+1 and -1, the paper's) or "one-hot".
    n_channels
        Number of channels of images, equal blocks of columns: their pixels are standardized by one mean and deviation a
        channel; each feature by its own, as published, if None.
    transform_layer
        Layer whose features ``transform`` returns: 1 to depth, or from the end, -1 being the last.
    time_budget
        Seconds after which no further layer is started; None for no limit.
    max_memory
        Bytes for the matrices over pairs of samples, of each rank; None for no limit. One process that has no room for
        half of the kernel matrix factorizes it on disk, in the folder of temporary files.
    callback
        Called with every ``DeepRFMRecord``; a true result stops.
    verbose
        0 or False is quiet, 1 or True shows a bar over the layers, 2 also prints a line a layer: NC1 of its inputs,
        accuracy and seconds.
    random_state
        Seed of the random maps.

    Attributes
    ----------
    records_ : list of DeepRFMRecord
        Collapse at the three stages of every layer, on the training data.
    machine_ : KernelMachine
        Predictor of the last layer.
    maps_ : list of LayerMap
        The map of every layer.
    classes_
        (C,) the labels.
    n_features_in_ : int
        Number of features d.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> model = DeepRFMClassifier(depth=3, n_channels=1, random_state=0).fit(X[:200], y[:200])
    >>> [round(record.stages["input"].collapse.nc1_trace_ratio, 1) for record in model.records_]
    [1.2, 0.2, 0.0]
    >>> model.transform(X[200:210]).shape
    (10, 256)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": [Kernel, StrOptions(set(KERNELS)), None],
        "features": [RandomFeatures, None],
        "depth": [at_least(1)],
        "ridge": [at_least(0, Real)],
        "agop": ["boolean"],
        "agop_scale": [StrOptions(set(get_args(AGOPScale)))],
        "targets": [StrOptions({"signed", "one-hot"})],
        "n_channels": [at_least(1), None],
        "transform_layer": [Integral],
        **CONSTRAINTS,
    }

    def __init__(
        self,
        kernel: Kernel | str | None = None,
        features: RandomFeatures | None = None,
        depth: int = 3,
        ridge: float = 0.0,
        *,
        agop: bool = True,
        agop_scale: AGOPScale = "max-entry",
        targets: Literal["signed", "one-hot"] = "signed",
        n_channels: int | None = None,
        transform_layer: int = -1,
        time_budget: float | None = None,
        max_memory: int | None = None,
        callback: Callable[[DeepRFMRecord], object] | None = None,
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.features = features
        self.depth = depth
        self.ridge = ridge
        self.agop = agop
        self.agop_scale = agop_scale
        self.targets = targets
        self.n_channels = n_channels
        self.transform_layer = transform_layer
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit came to its end."""
        return hasattr(self, "machine_")

    @brief_waits()
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, group: dist.ProcessGroup | None = None) -> Self:
        """Fit layer after layer.

        Parameters
        ----------
        X
            (n, d) features: array, frame, or tensor (on any device; float32 is kept).
        y
            (n,) labels of any kind.
        sample_weight
            (n,) non-negative weights of the fits and the AGOP; records are unweighted.
        group
            Process group of ``torch.distributed``, all of whose ranks call this with the same data, such as
            ``torch.distributed.group.WORLD``: they share the work and the matrices over pairs, and each gets the whole
            model. None is this process alone.

        Raises
        ------
        ValueError
            If the data are unusable; the message says what was expected and what to do.
        RankError
            If there is an error on another rank, or one is gone or slower than the timeout of the group.
        """
        ranks = Ranks(group)
        with ranks.together():
            return self._fit(X, y, sample_weight, ranks)

    def _fit(self, X: Any, y: Any, sample_weight: Any, ranks: Ranks) -> Self:
        self._validate_params()
        features = check_features(self, X, reset=True)
        weights = check_weights(sample_weight, features)
        self._learn_classes(y, features, weights)
        features, weights = features[weights > 0], weights[weights > 0]
        codes, targets = self._classes.codes, self._classes.encode(self.targets, features)
        self._learn_scale(features, weights)
        kernel = "laplace" if self.kernel is None else self.kernel
        kernel = named(kernel, bandwidth=2.0) if isinstance(kernel, str) else clone(kernel)
        features_of = ReLUFeatures(width=256) if self.features is None else self.features
        layers = deep_rfm(
            Samples.of(self._standardize(features), targets, weights),
            LayerSettings(kernel, features_of, self.ridge, self.agop, self.agop_scale),
            self.depth,
            seed=ranks.exchange(seed_of(self.random_state))[0],
            max_memory=self.max_memory,
            group=ranks.group,
        )
        records = deep_rfm_records(within_time(layers, self.time_budget, ranks), codes, len(self._classes))
        self.maps_: list[LayerMap] = []
        self.records_: list[DeepRFMRecord] = []
        verbose = int(self.verbose) if ranks.rank == 0 else 0
        with Progress(disable=not verbose) as progress:
            task, start = progress.add_task("Deep RFM", total=self.depth), time.monotonic()
            for layer, record in records:
                self.maps_.append(layer.map)
                self.records_.append(record)
                progress.advance(task)
                if verbose > 1:
                    text = f"{_line(record)}, {time.monotonic() - start:.2f} s"
                    progress.console.print(text, highlight=False)
                    start = time.monotonic()
                stops = self.callback is not None and bool(self.callback(record))
                if any(ranks.exchange(stops)):
                    break
        self.machine_ = layer.fit.machine
        return self

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C): the least-squares estimates, clipped and divided by their sum."""
        scores = self._raw(X)
        return like(probabilities((scores + 1) / 2 if self.targets == "signed" else scores), X)

    def _raw(self, X: Any) -> Tensor:
        check_is_fitted(self, "machine_")
        return self.machine_(self._inputs(X, len(self.maps_) - 1), max_memory=self.max_memory)


def _line(record: DeepRFMRecord) -> str:
    """Layer, NC1 of its inputs and accuracy."""
    nc1 = getattr(record.stages["input"].collapse, "nc1_trace_ratio", None)
    known = "undefined" if nc1 is None else f"{nc1:.3g}"
    return f"layer {record.layer}: NC1 {known}, accuracy {record.train_accuracy:.4g}"
