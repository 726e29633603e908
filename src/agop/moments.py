"""Class means and within-class scatter of features, as a value that merges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor

from agop.chunks import row_chunks
from agop.errors import EmptyClassError, InputError
from agop.inputs import ArrayLike, as_labels, as_matrix, require_finite

__all__ = ["ClassMoments", "GlobalMean"]

GlobalMean: TypeAlias = Literal["classes", "samples"]
"""What "the global mean" is: the mean of the class means, or the mean of all samples."""

_CHUNK_BYTES = 8 * 2**20
"""Temporaries of a chunk that stay in a processor's cache: three times as fast as larger ones."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMoments:
    r"""Number, mean and scatter of the samples of each class, in float64 whatever the features are stored in.

    With :math:`\mu_c` the mean of the :math:`N_c` samples of class c, the scatter about the class means is
    :math:`S = \sum_c \sum_{i \in c} (x_i - \mu_c)(x_i - \mu_c)^T`, so that :math:`\Sigma_W = S / N`.
    Values merge by the pairwise update of Chan, Golub & LeVeque (1983), never by raw sums of squares.

    Attributes
    ----------
    counts
        (C,) int64, number of samples of each class.
    means
        (C, d) class means; zero rows for classes without samples.
    scatter_traces
        (C,) sum over the class of :math:`\|x_i - \mu_c\|^2`, or None after :meth:`apply`: the trace of a
        mapped scatter needs the scatter of that class alone, and only the pooled one is kept.
    scatter
        (d, d) pooled S, or None if it was not asked for.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]]), torch.tensor([0, 0, 1])
    >>> whole = ClassMoments.of(x, y, 2)
    >>> whole.means
    tensor([[1., 1.],
            [5., 5.]], dtype=torch.float64)
    >>> ClassMoments.of(x[:1], y[:1], 2).merge(ClassMoments.of(x[1:], y[1:], 2)).scatter_traces
    tensor([2., 0.], dtype=torch.float64)
    """

    counts: Tensor
    means: Tensor
    scatter_traces: Tensor | None
    scatter: Tensor | None = None

    @classmethod
    def empty(
        cls,
        n_classes: int,
        n_features: int,
        *,
        scatter: bool = False,
        device: torch.device | str | None = None,
    ) -> ClassMoments:
        """Moments of no samples: the identity of :meth:`merge`, whichever scatter the other side has."""
        zeros = torch.zeros(n_classes, n_features, dtype=torch.float64, device=device)
        square = zeros.new_zeros(n_features, n_features) if scatter else None
        counts = torch.zeros(n_classes, dtype=torch.int64, device=device)
        return cls(counts, zeros, zeros.new_zeros(n_classes), square)

    @classmethod
    def of(
        cls,
        features: ArrayLike,
        labels: ArrayLike,
        n_classes: int,
        *,
        scatter: bool = False,
        max_memory: int | None = None,
    ) -> ClassMoments:
        """Moments of features (n, d) with integer labels (n,), read once in the order of the classes.

        Parameters
        ----------
        features, labels
            Tensors of any real dtype on any device that has float64, or numpy arrays; n = 0 is allowed.
        n_classes
            Number of classes C; labels lie in ``0 .. C - 1``.
        scatter
            Keep the pooled (d, d) scatter too.
        max_memory
            Bytes for the temporaries of one chunk of rows, 8 MiB if None. The result comes on top.

        Raises
        ------
        InputError
            If the features are not a finite real matrix, or the labels not one class index a row.
        """
        features = as_matrix(features, "features")
        n, d = features.shape
        labels, order = as_labels(labels, n, n_classes, features.device).sort(stable=True)
        total = cls.empty(n_classes, d, scatter=scatter, device=features.device)
        chunks = list(row_chunks(n, 24 * d, _CHUNK_BYTES if max_memory is None else max_memory))
        n_rows = chunks[0].stop if chunks else 0
        stored, work = features.new_empty(n_rows, d), total.means.new_empty(2, n_rows, d)
        for rows in chunks:
            here = slice(int(labels[rows.start]), int(labels[rows.stop - 1]) + 1)
            size = rows.stop - rows.start
            torch.index_select(features, 0, order[rows], out=stored[:size])
            work[0, :size] = stored[:size]
            part = _of_sorted_rows(work[:, :size], labels[rows] - here.start, scatter)
            total = _merged_into(total, here, part)
        require_finite(total.means, "features")
        require_finite(total.class_traces(), "features")
        return total

    @property
    def n_samples(self) -> int:
        """Number of samples N of all classes."""
        return int(self.counts.sum())

    @property
    def scatter_trace(self) -> float:
        """Sum over all samples of the squared distance to the mean of their class."""
        if self.scatter_traces is None and self.scatter is not None:
            return float(self.scatter.trace())
        return float(self.class_traces().sum())

    def class_traces(self) -> Tensor:
        """``scatter_traces`` (C,), or an InputError where a linear map has left the pooled scatter only."""
        if self.scatter_traces is None:
            advice = "Take the moments of the mapped features themselves: ClassMoments.of(features @ A.T, ...)."
            raise InputError("a scatter trace for each class", "the pooled scatter of mapped moments", advice)
        return self.scatter_traces

    def merge(self, other: ClassMoments) -> ClassMoments:
        """Moments of the samples of both; associative, and exact for a class that one side lacks.

        The pooled scatter and the traces of the classes are kept where both sides have them; a side without
        samples has all.

        Raises
        ------
        InputError
            If the numbers of classes or features differ, or neither kind of scatter is in both.
        """
        if self.means.shape != other.means.shape:
            expected, got = (f"{tuple(m.means.shape)} (classes, features)" for m in (self, other))
            raise InputError(expected, got, "Merge statistics of the same layer and classes only.")
        if not other.n_samples:
            return self
        return _require_scatter(_merged(self, other)) if self.n_samples else other

    def all_reduce(self, group: dist.ProcessGroup | None = None) -> ClassMoments:
        """Merge the moments of every rank of a ``torch.distributed`` group; every rank gets the result.

        Two collectives: counts and sums, then the scatter about the means over all ranks. A rank without rows
        takes part with :meth:`empty`. Without an initialised process group there is one rank: this one.
        """
        if not (dist.is_available() and dist.is_initialized()):
            return self
        held = [self.scatter_traces, self.scatter]
        lacks = self.means.new_tensor([float(self.n_samples > 0 and part is None) for part in held])
        weights = self.counts[:, None].double()
        totals, sums, lacks = _summed([weights, weights * self.means, lacks], group)
        means = sums / totals.clamp(min=1)
        # About the common means, the scatter of a rank is its own and that of its means.
        offsets = self.means - means
        parts = [(weights * offsets.square()).sum(1)]
        if totals.any() and not lacks[1]:
            parts.append((weights * offsets).mT @ offsets)
        parts = [part if own is None else part + own for part, own in zip(parts, held, strict=False)]
        traces, *scatter = _summed(parts, group)
        counts = totals.flatten().long()
        return _require_scatter(ClassMoments(counts, means, None if lacks[0] else traces, *scatter))

    def apply(self, matrix: ArrayLike) -> ClassMoments:
        r"""Moments of the mapped features :math:`A x`: means :math:`A \mu_c`, scatter :math:`A S A^T`.

        ``scatter_traces`` of the result is None: the pooled scatter gives their sum, not each class's share.
        What needs the sum (NC1) works as before, what needs the shares (CDNV) says so.

        Parameters
        ----------
        matrix
            A of shape (k, d).

        Raises
        ------
        InputError
            If these moments have no scatter, or A is not a finite (k, d) matrix.

        Examples
        --------
        >>> x, y = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0]]), torch.tensor([0, 0, 1])
        >>> ClassMoments.of(x, y, 2, scatter=True).apply(torch.tensor([[3.0, 0.0]])).scatter_trace
        18.0
        """
        if self.scatter is None:
            advice = "Ask for it: ClassMoments.of(features, labels, n_classes, scatter=True)."
            raise InputError("moments with a pooled scatter", "moments without", advice)
        matrix = as_matrix(matrix, "matrix", n_columns=self.means.shape[1]).to(self.means)
        require_finite(matrix, "matrix")
        return ClassMoments(self.counts, self.means @ matrix.mT, None, matrix @ self.scatter @ matrix.mT)

    def to(self, device: torch.device | str) -> ClassMoments:
        """The same values on another device."""
        parts = (self.counts, self.means, self.scatter_traces, self.scatter)
        return ClassMoments(*(None if part is None else part.to(device) for part in parts))  # type: ignore[arg-type]

    def drop_empty(self) -> ClassMoments:
        """Moments of the classes that have samples, renumbered in their order (``moments.counts > 0``)."""
        kept = self.counts > 0
        traces = None if self.scatter_traces is None else self.scatter_traces[kept]
        return replace(self, counts=self.counts[kept], means=self.means[kept], scatter_traces=traces)

    def global_mean(self, weighting: GlobalMean = "classes") -> Tensor:
        """Mean (d,) of the class means, or with ``"samples"`` of all samples.

        Raises
        ------
        EmptyClassError
            If a class has no samples.
        """
        if weighting not in ("classes", "samples"):
            raise InputError("global_mean 'classes' or 'samples'", repr(weighting), "Choose one of the two.")
        missing = torch.nonzero(self.counts == 0).flatten().tolist()
        if missing:
            advice = "Give samples of every class, or leave the empty ones out by moments.drop_empty()."
            raise EmptyClassError("samples of every class", f"none of class {_listed(missing)}", advice)
        if weighting == "classes":
            return self.means.mean(0)
        # About the mean of the class means, so that a common offset costs no digits.
        origin = self.means.mean(0)
        return origin + (self.counts.double() / self.n_samples) @ (self.means - origin)

    def centred_means(self, weighting: GlobalMean = "classes") -> Tensor:
        """Class means minus the global mean, (C, d).

        Raises
        ------
        InputError
            If there is one class only.
        EmptyClassError
            If a class has no samples.
        """
        if len(self.counts) < 2:
            raise InputError("two or more classes", "1 class", "Collapse compares the means of classes.")
        return self.means - self.global_mean(weighting)

    def resolution(self) -> float:
        """Length at or below which a difference of class means is the rounding of the means."""
        scale = torch.linalg.vector_norm(self.means, dim=1).max()
        return float(scale) * max(self.means.shape) * torch.finfo(torch.float64).eps

    def between_basis(self) -> Tensor:
        """Orthonormal basis (d, r) of the span of the centred class means, r <= C - 1.

        From the singular vectors of the centred means themselves. A direction is left out only if the means
        differ along it by no more than their rounding, so that two close classes stay apart.

        Raises
        ------
        InputError
            If there is one class only.
        EmptyClassError
            If a class has no samples.

        Examples
        --------
        >>> x, y = torch.tensor([[10.0, 0.0], [10.0, 0.1], [-10.0, 0.0]]), torch.tensor([0, 1, 2])
        >>> ClassMoments.of(x, y, 3).between_basis().shape
        torch.Size([2, 2])
        """
        centred = self.centred_means()
        _, lengths, directions = torch.linalg.svd(centred, full_matrices=False)
        rank = min(int((lengths > self.resolution()).sum()), len(centred) - 1)
        basis: Tensor = directions[:rank].mT.contiguous()
        return basis


def _of_sorted_rows(work: Tensor, labels: Tensor, scatter: bool) -> ClassMoments:
    """Moments of the rows ``work[0]`` whose labels ascend from 0; overwrites them, and ``work[1]``.

    Sums are taken about the first row of each class: a common offset costs no digits, and the mean of
    constant features is exact. New memory for each chunk would cost more than the arithmetic.
    """
    deviations, gathered = work
    counts = labels.bincount()
    reference = deviations[counts.cumsum(0) - counts]
    deviations -= torch.index_select(reference, 0, labels, out=gathered)
    shift = torch.zeros_like(reference).index_add_(0, labels, deviations) / counts.clamp(min=1)[:, None]
    deviations -= torch.index_select(shift, 0, labels, out=gathered)
    squares = torch.linalg.vector_norm(deviations, dim=1).square()
    traces = squares.new_zeros(len(counts)).index_add_(0, labels, squares)
    return ClassMoments(counts, reference + shift, traces, deviations.mT @ deviations if scatter else None)


def _merged_into(total: ClassMoments, here: slice, part: ClassMoments) -> ClassMoments:
    """Write the moments of the classes ``here`` into the tensors of ``total``, which the caller owns."""
    traces = total.class_traces()
    old = ClassMoments(total.counts[here], total.means[here], traces[here], total.scatter)
    new = _merged(old, part)
    total.counts[here], total.means[here], traces[here] = new.counts, new.means, new.class_traces()
    return replace(total, scatter=new.scatter)


def _merged(a: ClassMoments, b: ClassMoments) -> ClassMoments:
    counts = a.counts + b.counts
    share = (b.counts.double() / counts.clamp(min=1))[:, None]
    offset = b.means - a.means
    weighted = a.counts[:, None] * share * offset  # exactly 0 for a class that one side lacks
    traces = scatter = None
    if a.scatter_traces is not None and b.scatter_traces is not None:
        traces = a.scatter_traces + b.scatter_traces + (weighted * offset).sum(1)
    if a.scatter is not None and b.scatter is not None:
        scatter = torch.addmm(a.scatter + b.scatter, weighted.mT, offset)
    return ClassMoments(counts, torch.addcmul(a.means, share, offset), traces, scatter)


def _summed(tensors: list[Tensor], group: dist.ProcessGroup | None) -> list[Tensor]:
    """Sum each tensor over the ranks, all in one collective."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat, group=group)
    ends = [0, *itertools.accumulate(tensor.numel() for tensor in tensors)]
    return [flat[i:j].view(t.shape) for t, (i, j) in zip(tensors, itertools.pairwise(ends), strict=True)]


def _require_scatter(moments: ClassMoments) -> ClassMoments:
    if moments.scatter_traces is None and moments.scatter is None:
        advice = "Ask for the scatter everywhere (scatter=True), or map the moments after merging them."
        raise InputError("one kind of scatter in all moments", "traces here, pooled there", advice)
    return moments


def _listed(classes: list[int]) -> str:
    shown = ", ".join(map(str, classes[:10]))
    return shown if len(classes) <= 10 else f"{shown} and {len(classes) - 10} more"
