"""Means and covariances of features and targets, as a value that merges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import InputError
from agop.inputs import ArrayLike, as_matrix, require_finite
from agop.moments.arithmetic import Parts, over_ranks
from agop.ranks import Ranks
from agop.storable import storable

__all__ = ["TargetMoments"]


@storable
@dataclass(frozen=True, slots=True, eq=False)
class TargetMoments:
    r"""Number and mean of samples and their scatter, of features and targets together, in float64.

    With features and targets side by side in rows :math:`z_i = (x_i, y_i)` of mean :math:`\bar z`, the scatter is
    :math:`\sum_i (z_i - \bar z)(z_i - \bar z)^T`: N times the covariance. Nothing of it is left out. Values merge by
    the pairwise update of Chan, Golub & LeVeque (1983), never by raw sums of squares.

    Attributes
    ----------
    count
        Number of samples N.
    mean
        (d + t,) mean of the features and, behind them, of the targets.
    joint_scatter
        (d + t, d + t) scatter of both.
    n_targets
        Number of targets t.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]]), torch.tensor([1.0, 2.0, 6.0])
    >>> whole = TargetMoments.of(x, y)
    >>> whole.scatter
    tensor([[ 8., 12.],
            [12., 24.]], dtype=torch.float64)
    >>> TargetMoments.of(x[:1], y[:1]).merge(TargetMoments.of(x[1:], y[1:])).cross
    tensor([[10.],
            [18.]], dtype=torch.float64)
    """

    count: int
    mean: Tensor
    joint_scatter: Tensor
    n_targets: int

    @classmethod
    def empty(cls, n_features: int, n_targets: int = 1, *, device: torch.device | str | None = None) -> TargetMoments:
        """Moments of no samples: the identity of :meth:`merge`."""
        mean = torch.zeros(n_features + n_targets, dtype=torch.float64, device=device)
        return cls(0, mean, mean.new_zeros(len(mean), len(mean)), n_targets)

    @classmethod
    def of(cls, features: ArrayLike, targets: ArrayLike, *, max_memory: int | None = None) -> TargetMoments:
        """Moments of features (n, d) with targets (n,) or (n, t), read once.

        Parameters
        ----------
        features, targets
            Tensors of any real dtype on a device that has float64, or numpy arrays; n = 0 is allowed.
        max_memory
            Bytes for the temporaries of one chunk of rows, 64 MiB if None. The result comes on top.

        Raises
        ------
        InputError
            If one of them is not a finite real matrix, or they have different numbers of rows.
        """
        features = as_matrix(features, "features")
        n, d = features.shape
        targets = as_matrix(targets[:, None] if targets.ndim == 1 else targets, "targets")
        if len(targets) != n:
            raise InputError(f"{n} targets, one a row", f"{len(targets)}", "Pair each row with its target.")
        if not targets.shape[1]:
            raise InputError("one target or more", "none", "Pass targets (n,) or (n, t).")
        targets = targets.to(features.device)
        total = cls.empty(d, targets.shape[1], device=features.device)
        for rows in row_chunks(n, 16 * (d + targets.shape[1]), max_memory):
            total = total.merge(cls.of_rows(features[rows], targets[rows]))
        spread = torch.stack([total.mean, total.joint_scatter.diagonal()])
        require_finite(spread[:, :d], "features")
        require_finite(spread[:, d:], "targets")
        return total

    @classmethod
    def of_rows(cls, features: Tensor, targets: Tensor) -> TargetMoments:
        """Moments of a batch (n, d) with targets (n, t), n > 0, on one device, which is not waited for.

        Nothing is checked: NaN or infinity in a row stays in the result, and in what that is merged into.
        """
        deviations = torch.cat([features.double(), targets.double()], 1)
        first = deviations[0].clone()  # sums about it: a common offset costs no digits, and equal rows have no scatter
        deviations -= first
        shift = deviations.mean(0)
        deviations -= shift
        return cls(len(features), first + shift, deviations.mT @ deviations, targets.shape[1])

    @property
    def parts(self) -> Parts:
        """The samples as one class: its count, mean and scatter as in class moments, without the trace."""
        return torch.tensor([self.count], device=self.mean.device), self.mean[None], None, self.joint_scatter

    @property
    def numbers(self) -> int:
        """How many numbers the moments take."""
        return self.joint_scatter.numel()

    def total(self) -> Tensor:
        """Sum of means and traces, a scalar that is finite if all numbers are."""
        return self.mean.sum() + self.joint_scatter.trace()

    @property
    def n_features(self) -> int:
        """Number of features d."""
        return len(self.mean) - self.n_targets

    @property
    def feature_mean(self) -> Tensor:
        """Mean (d,) of the features."""
        return self.mean[: self.n_features]

    @property
    def target_mean(self) -> Tensor:
        """Mean (t,) of the targets."""
        return self.mean[self.n_features :]

    @property
    def scatter(self) -> Tensor:
        """Scatter (d, d) of the features."""
        return self.joint_scatter[: self.n_features, : self.n_features]

    @property
    def cross(self) -> Tensor:
        r"""Scatter (d, t) of features with targets, :math:`\sum_i (x_i - \bar x)(y_i - \bar y)^T`."""
        return self.joint_scatter[: self.n_features, self.n_features :]

    @property
    def target_scatter(self) -> Tensor:
        """Scatter (t, t) of the targets."""
        return self.joint_scatter[self.n_features :, self.n_features :]

    def merge(self, other: TargetMoments) -> TargetMoments:
        """Moments of the samples of both; associative.

        Raises
        ------
        InputError
            If the numbers of features or targets differ.
        """
        if (self.n_features, self.n_targets) != (other.n_features, other.n_targets):
            expected, got = (f"({m.n_features}, {m.n_targets}) (features, targets)" for m in (self, other))
            raise InputError(expected, got, "Merge statistics of the same layer and targets only.")
        if not other.count:
            return self
        if not self.count:
            return other
        count = self.count + other.count
        if self.mean.is_meta:  # shapes are all
            return replace(self, count=count)
        offset = other.mean - self.mean
        share = other.count / count
        scatter = (self.joint_scatter + other.joint_scatter).addr_(offset, offset, alpha=self.count * share)
        return TargetMoments(count, self.mean + share * offset, scatter, self.n_targets)

    def all_reduce(self, group: dist.ProcessGroup | None = None) -> TargetMoments:
        """Merge the moments of every rank of a ``torch.distributed`` group; every rank gets the result.

        Two collectives: count and sums, then the scatter about the common mean. A rank without rows takes part with
        :meth:`empty`. Without an initialized process group there is one rank: this one.
        """
        if not (dist.is_available() and dist.is_initialized()):
            return self
        (parts,), _ = over_ranks([self.parts], Ranks(group or dist.group.WORLD))
        counts, means, _, scatter = parts
        return TargetMoments(int(counts), means[0], self.joint_scatter if scatter is None else scatter, self.n_targets)

    def apply(self, matrix: ArrayLike) -> TargetMoments:
        r"""Moments of the mapped features :math:`A x` with the same targets, for A (d', d).

        Raises
        ------
        InputError
            If the matrix is not finite, or has not d columns.
        """
        matrix = as_matrix(matrix, "matrix", n_columns=self.n_features).to(self.mean)
        require_finite(matrix, "matrix")
        n_mapped, t = len(matrix), self.n_targets
        both = matrix.new_zeros(n_mapped + t, len(self.mean))
        both[:n_mapped, :-t] = matrix
        both[n_mapped:, -t:].fill_diagonal_(1)
        return TargetMoments(self.count, both @ self.mean, both @ self.joint_scatter @ both.mT, self.n_targets)

    def to(self, device: torch.device | str) -> TargetMoments:
        """The same values on another device."""
        return TargetMoments(self.count, self.mean.to(device), self.joint_scatter.to(device), self.n_targets)
