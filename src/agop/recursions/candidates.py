"""Which kernel, and which kind of metric, the recursion does best with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agop.recursions.budget import within_time
from agop.recursions.left_out import DistinctSamples
from agop.recursions.rfm import rfm
from agop.recursions.tuning import LeaveOneOutTuner

__all__ = ["Candidate", "best_candidate"]


@dataclass(frozen=True)
class Candidate:
    """A kernel with what chooses its bandwidth and ridge, and a kind of metric.

    Attributes
    ----------
    tuner
        Kernel, bandwidths and ridges.
    metric
        "full" or "diagonal".
    """

    tuner: LeaveOneOutTuner
    metric: Literal["full", "diagonal"]


def best_candidate(
    candidates: Sequence[Candidate], samples: DistinctSamples, n_iterations: int, *, seconds: float | None = None
) -> Candidate:
    """The candidate whose recursion on the samples has the iterate of the smallest error by leave-one-out.

    A recursion ends after its first iterate with a larger error than one before: it rarely falls again.

    Parameters
    ----------
    candidates
        One or more.
    samples
        More of them than the tuners have make the choice surer; time grows as the third power of their number.
    n_iterations
        Number of AGOP updates at most.
    seconds
        Of which every candidate has the same share, after which it gets no further iterate; None for no limit.

    Examples
    --------
    >>> import torch
    >>> from agop.kernels import Laplace, ProductLaplace
    >>> x = torch.rand(60, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> y = (6 * x[:, :1]).sin() + x[:, 1:2] * 3
    >>> samples = DistinctSamples(x, y, *torch.ones(2, 60), torch.zeros(60))
    >>> tuners = [LeaveOneOutTuner(samples, kernel("loo")) for kernel in (Laplace, ProductLaplace)]
    >>> best_candidate([Candidate(tuner, "diagonal") for tuner in tuners], samples, 1).tuner.kernel
    ProductLaplace(bandwidth='loo')
    """
    share = None if seconds is None else seconds / len(candidates)
    return min(candidates, key=lambda candidate: _smallest_error(candidate, samples, n_iterations, share))


def _smallest_error(candidate: Candidate, samples: DistinctSamples, n_iterations: int, seconds: float | None) -> float:
    steps = rfm(
        samples.inputs,
        samples.targets,
        kernel=candidate.tuner.kernel,
        n_iterations=n_iterations,
        metric=candidate.metric,
        weights=samples.weights,
        tune=candidate.tuner,
        leave_one_out=True,
    )
    errors: list[float] = []
    for step in within_time(steps, seconds):
        inverse = step.fit.inverse_diagonal
        assert inverse is not None  # it was asked for  # noqa: S101
        errors.append(samples.error(step.machine.coefficients, inverse, step.fit.ridge))
        if errors[-1] > min(errors):
            break
    return min(errors)
