"""Convolutional RFM as a scikit-learn classifier of images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from rich.progress import Progress
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from agop.charts.notebook import FittedMixin
from agop.conv_rfm.choice import keep_best
from agop.conv_rfm.filters import FiltersMixin
from agop.conv_rfm.kernels import PATCH_KERNELS
from agop.conv_rfm.patch_kernel import PatchKernel
from agop.conv_rfm.recursion import ConvRFMStep, IterateSettings, conv_rfm
from agop.errors import TimeBudgetWarning
from agop.estimator.arrays import check_weights, like
from agop.estimator.mixins import ScoreClassifierMixin
from agop.estimator.parameters import CONSTRAINTS, at_least, seed_of
from agop.estimator.reference import ReferenceMixin
from agop.estimator.targets import probabilities
from agop.rfm import Samples, within_time
from agop.storable import storable
from agop.waiting import brief_waits

__all__ = ["ConvRFMClassifier"]


@storable
class ConvRFMClassifier(FittedMixin, ReferenceMixin, FiltersMixin, ScoreClassifierMixin, BaseEstimator):  # type: ignore[misc]
    r"""Convolutional recursive feature machine: a kernel machine on images that learns its filters.

    The kernel sees an image through its patches, with a metric M that all positions share. M starts as the identity and
    is replaced by the patch AGOP of the predictor, again and again; its eigenvectors are filters, as those of
    :math:`W^T W` of a trained first convolution. Images are standardized by one mean and one deviation a channel.

    Parameters
    ----------
    kernel
        Kernel of patches, or its name "nngp", "ntk" or "laplace"; ``ConvNTK()`` if None.
    ridge
        lambda >= 0.
    n_iterations
        Number of AGOP updates; 0 is kernel ridge regression.
    power
        Power s > 0 of the AGOP that is the metric: 1, or 1/2, which learns more slowly and forgets less.
    image_shape
        (channels, height, width) of rows of X; of images (n, channels, height, width) their own, and of other rows
        (1, 1, d), if None.
    agop_samples
        Images over which an AGOP is taken, a random draw for each iterate; all if None.
    validation_fraction
        Share of the images that choose the iterate by accuracy; the last one is kept if None.
    time_budget
        Seconds after which no further iterate is started; None for no limit.
    max_memory
        Bytes for the kernel matrix and its factor, and once more for patches; None for no limit.
    callback
        Called with every ``ConvRFMStep``; a true result stops.
    verbose
        Show a progress bar.
    random_state
        Seed of the draws of images.

    Attributes
    ----------
    machine_ : ConvMachine
        Predictor of the kept iterate.
    kernel_ : PatchKernel
        Its kernel.
    metric_
        Its metric M, (c q q, c q q) float64; None for the identity.
    best_iteration_ : int
        Number of updates of the kept iterate.
    validation_scores_ : list of float
        Accuracy of every iterate on the images that choose, if there are any.
    records_ : list of ConvRFMRecord
        Accuracy and spectrum of every iterate.
    classes_
        (C,) the labels.
    image_shape_ : tuple of int
        (channels, height, width).
    n_features_in_ : int
        Number of values of an image.

    References
    ----------
    Beaglehole, Radhakrishnan, Pandit, Belkin 2023, Mechanism of feature learning in convolutional neural networks
    (arXiv 2309.00570).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> model = ConvRFMClassifier(image_shape=(1, 8, 8), n_iterations=1).fit(X[:100], y[:100])
    >>> round(model.score(X[100:300], y[100:300]), 1)
    1.0
    >>> model.filters_.shape
    torch.Size([9, 1, 3, 3])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel": [PatchKernel, StrOptions(set(PATCH_KERNELS)), None],
        "ridge": [at_least(0, Real)],
        "n_iterations": [at_least(0)],
        "power": [Interval(Real, 0, None, closed="neither")],
        "image_shape": [tuple, list, None],
        "agop_samples": [at_least(1), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        **CONSTRAINTS,
    }

    def __init__(
        self,
        kernel: PatchKernel | str | None = None,
        ridge: float = 1e-3,
        n_iterations: int = 3,
        *,
        power: float = 1.0,
        image_shape: tuple[int, int, int] | None = None,
        agop_samples: int | None = None,
        validation_fraction: float | None = None,
        time_budget: float | None = None,
        max_memory: int | None = None,
        callback: Callable[[ConvRFMStep], object] | None = None,
        verbose: bool = False,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.ridge = ridge
        self.n_iterations = n_iterations
        self.power = power
        self.image_shape = image_shape
        self.agop_samples = agop_samples
        self.validation_fraction = validation_fraction
        self.time_budget = time_budget
        self.max_memory = max_memory
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit came to its end."""
        return hasattr(self, "machine_")

    @brief_waits()
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: tuple[Any, Any] | None = None) -> Self:
        """Fit iterate after iterate.

        Parameters
        ----------
        X
            Images (n, channels, height, width) or rows (n, d): array, frame, or tensor (on any device; float32 is
            kept).
        y
            (n,) labels of any kind.
        sample_weight
            (n,) non-negative weights; a weight of 2 is the same as repeating the sample.
        validation
            (X, y) that choose the iterate; without it ``validation_fraction`` says whether some of the images do.

        Raises
        ------
        ValueError
            If the data or a parameter are unusable; the message says what was expected and what to do.
        MemoryBudgetError
            If the kernel matrix does not fit ``max_memory``.

        Warns
        -----
        TimeBudgetWarning
            If the time budget ended the recursion before its last iterate.
        """
        self._validate_params()
        rows = self._rows_of(X, reset=True)
        weights = check_weights(sample_weight, rows)
        self._learn_classes(y, rows, weights)
        rows, weights = rows[weights > 0], weights[weights > 0]
        kernel = self.kernel if self.kernel is not None else "ntk"
        self.kernel_: PatchKernel = PATCH_KERNELS[kernel]() if isinstance(kernel, str) else clone(kernel)
        self.kernel_.check(*self.image_shape_[1:])
        self._learn_scale(rows, weights)
        targets = self._classes.encode("signed", rows)
        samples, held_out = self._held_out(Samples.of(self._standardized(rows), targets, weights).merged(), validation)
        steps = conv_rfm(
            samples,
            self.image_shape_,
            IterateSettings(self.kernel_, self.ridge, self.power, self.agop_samples),
            self.n_iterations,
            seed=seed_of(self.random_state),
            max_memory=self.max_memory,
        )
        self._keep_best(within_time(steps, self.time_budget), samples, held_out)
        return self

    def _keep_best(
        self, steps: Iterable[ConvRFMStep], samples: Samples, held_out: tuple[Tensor, Tensor] | None
    ) -> None:
        """Run the recursion and keep one of its iterates."""
        with Progress(disable=not self.verbose) as progress:
            task = progress.add_task("Convolutional RFM", total=self.n_iterations + 1)

            def stops(step: ConvRFMStep) -> bool:
                progress.advance(task)
                return self.callback is not None and bool(self.callback(step))

            kept = keep_best(steps, samples.targets.argmax(1), held_out, stops, self.max_memory)
        if self.time_budget is not None and not kept.stopped and len(kept.records) <= self.n_iterations:
            done = f"The time budget of {self.time_budget:g} s ended the fit after {len(kept.records) - 1} updates."
            warnings.warn(done, TimeBudgetWarning, stacklevel=3)
        self.best_iteration_, self.records_ = kept.iteration, kept.records
        self.validation_scores_ = [each.test_accuracy for each in kept.records if each.test_accuracy is not None]
        self.machine_, self.metric_ = kept.machine, kept.machine.metric

    def _held_out(
        self, samples: Samples, validation: tuple[Any, Any] | None
    ) -> tuple[Samples, tuple[Tensor, Tensor] | None]:
        """The samples to learn from, and images with classes that choose the iterate, if there are any."""
        if validation is not None:
            X, y = validation
            check_consistent_length(X, y)
            images = self._images(X).to(samples.inputs.device)
            return samples, (images, self._classes.codes_of(y).to(images.device))
        if self.validation_fraction is None:
            return samples, None
        rows = np.arange(len(samples))
        parts = train_test_split(rows, test_size=self.validation_fraction, random_state=self.random_state)
        learn, judge = (samples.part(torch.from_numpy(np.sort(part)).to(samples.group)) for part in parts)
        return learn, (judge.inputs.reshape(-1, *self.image_shape_), judge.targets.argmax(1))

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities (n, C): the least-squares estimates, clipped and divided by their sum."""
        return like(probabilities((self._raw(X) + 1) / 2), X)

    def _raw(self, X: Any) -> Tensor:
        check_is_fitted(self)
        return self.machine_(self._images(X).to(self.machine_.centers.device), max_memory=self.max_memory)
