"""Modular addition learned by the recursion: its data, the structure of its features, and a line an iterate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from agop.datasets import Coding, coded_targets
from agop.errors import InputError
from agop.kernels import Gaussian, Kernel, Metric, Polynomial
from agop.paper.figure import Observe
from agop.rfm import RFMStep, Samples, Setting, rfm

__all__ = [
    "Addition",
    "ModularKernel",
    "ModularSettings",
    "between",
    "circulant_score",
    "modular_lines",
    "random_circulant_features",
]


ModularKernel: TypeAlias = Literal["quadratic", "gaussian"]
"""Name of a kernel of the recursion on modular addition."""


@dataclass(frozen=True)
class ModularSettings:
    """Settings of the recursion on modular addition.

    Attributes
    ----------
    modulus
        p; there are p^2 pairs, each as two one-hot vectors of length p.
    kernel
        "quadratic", (x^T M z)^2, or "gaussian".
    bandwidth
        Bandwidth of the kernel.
    iterations
        Number of AGOP updates.
    centered
        Whether gradients are taken about their mean.
    seed
        Seed of the half of the pairs that is learned from, and of random circulant features.
    ridge, power
        Ridge of the solves, and power of the AGOP.
    targets
        Coding of the sums as targets.
    data
        Name of the data.
    """

    modulus: int
    kernel: ModularKernel
    bandwidth: float
    iterations: int
    centered: bool = False
    seed: int = 0
    ridge: float = 1e-8
    power: float = 0.5
    targets: Coding = "one-hot"
    data: str = "modular-addition"

    def make_kernel(self) -> Kernel:
        """The kernel."""
        return Polynomial(self.bandwidth) if self.kernel == "quadratic" else Gaussian(self.bandwidth)


class Addition(NamedTuple):
    """Pairs (a, b) as rows of two ones, (n, 2p) float64, and their sums modulo p, (n,)."""

    inputs: Tensor
    sums: Tensor

    @classmethod
    def halves(cls, modulus: int, seed: int) -> tuple[Addition, Addition]:
        """All pairs, divided at random into two halves: to learn from, and to test on."""
        numbers = torch.arange(modulus)
        pairs = torch.cartesian_prod(numbers, numbers)
        order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
        inputs, sums = one_hot(pairs, modulus).flatten(1).double(), pairs.sum(1) % modulus
        first, second = order.tensor_split(2)
        return cls(inputs[first], sums[first]), cls(inputs[second], sums[second])

    def scores(self, outputs: Tensor, name: str) -> dict[str, float]:
        """Squared error of a pair, summed over the outputs (n, p), as "NAME_error", and accuracy, "NAME_accuracy"."""
        errors = (outputs - one_hot(self.sums, outputs.shape[1])).square().sum(1)
        accuracy = (outputs.argmax(1) == self.sums).double().mean()
        return {f"{name}_error": float(errors.mean()), f"{name}_accuracy": float(accuracy)}


def between(matrix: Tensor) -> Tensor:
    """Block (p, p) between the two numbers of a matrix (2p, 2p) of features."""
    p = len(matrix) // 2
    return matrix[:p, p:]


def circulant_score(block: Tensor) -> float:
    r"""Share of the variance of the entries of a (p, p) matrix, p odd, that functions of i - j and of i + j make.

    It is 1 for a circulant matrix, whose entries depend on i - j modulo p, for one that is circulant when the order of
    its columns is reversed, and for sums of both: features of addition, which are waves in the two numbers, make the
    block of the AGOP between these such a matrix. For independent entries it is about 2/p, for a constant matrix 0.

    Raises
    ------
    InputError
        If the matrix is not square, or p is even.

    Examples
    --------
    >>> circulant = torch.tensor([[1.0, 2.0, 5.0], [5.0, 1.0, 2.0], [2.0, 5.0, 1.0]])
    >>> rows = torch.tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [5.0, 5.0, 5.0]])
    >>> [round(circulant_score(block), 12) for block in (circulant, circulant.flip(1), rows)]
    [1.0, 1.0, 0.0]
    """
    if block.ndim != 2 or block.shape[0] != block.shape[1] or len(block) % 2 == 0:
        raise InputError("a square matrix of odd size", f"shape {tuple(block.shape)}", "Pass a block of the AGOP.")
    entries, number = (block - block.mean()).double(), torch.arange(len(block), device=block.device)
    variance = entries.square().sum()
    if not variance > 0:
        return 0.0
    made = sum(_of_classes(entries, (number[:, None] + sign * number) % len(block)) for sign in (-1, 1))
    return float(made / variance)


def _of_classes(entries: Tensor, classes: Tensor) -> Tensor:
    """Sum of squares of the means of p classes of p entries, each as often as it has entries."""
    p = len(entries)
    means = entries.new_zeros(p).index_add_(0, classes.flatten(), entries.flatten()) / p
    return p * means.square().sum()


def random_circulant_features(modulus: int, seed: int) -> Metric:
    r"""Metric of random features of addition, with the structure that the recursion learns and no AGOP behind it.

    .. math:: M = \max(A, 0)^{1/2}, \quad
              A = \begin{pmatrix} I - 1 1^T / p & C \\ C^T & I - 1 1^T / p \end{pmatrix}, \quad C_{ij} = c_{i - j},

    indices modulo p, c of p numbers uniform on [0, 1) less their mean. A, which need not be positive, is in the place
    of the AGOP, and the root of its positive part in that of the metric.

    References
    ----------
    Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin 2024 (arXiv 2407.20199), and their code,
    https://github.com/nmallinar/rfm-grokking, train_random_circulant_kernel.py.
    """
    c = torch.rand(modulus, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    number = torch.arange(modulus)
    block = (c - c.mean())[(number[:, None] - number) % modulus]
    own = torch.eye(modulus, dtype=torch.float64) - 1 / modulus
    eigenvalues, eigenvectors = torch.linalg.eigh(
        torch.cat([torch.cat([own, block], 1), torch.cat([block.mT, own], 1)])
    )
    return Metric((eigenvectors * eigenvalues.clamp(min=0).sqrt()) @ eigenvectors.mT)


def modular_lines(settings: ModularSettings, observe: Observe) -> Iterator[dict[str, Any]]:
    """A line for every iterate, and one for the kernel on random circulant features.

    It has "iteration", None for the latter, "train_error", "test_error" (squared, a pair), "train_accuracy",
    "test_accuracy", "circulant" and "alignment", the cosine of the metric with that of the last iterate.
    """
    learned, test = Addition.halves(settings.modulus, settings.seed)
    targets = coded_targets(learned.sums, settings.modulus, settings.targets, torch.float64)
    samples = Samples.of(learned.inputs, targets)
    setting = Setting(settings.make_kernel(), settings.ridge, power=settings.power)
    lines, metrics = [], []
    for step in rfm(samples, setting, settings.iterations, centered=settings.centered):
        observe(f"iteration {step.iteration} of {settings.iterations}")
        lines.append({"iteration": step.iteration} | _line(step, settings.modulus, learned, test))
        metrics.append(_matrix(step, settings.modulus))
    for line, metric in zip(lines, metrics, strict=True):
        yield line | {"alignment": float((metric * metrics[-1]).sum() / (metric.norm() * metrics[-1].norm()))}
    features = random_circulant_features(settings.modulus, settings.seed)
    origin = torch.zeros(2 * settings.modulus, dtype=torch.float64)
    learned, test = (each._replace(inputs=features.map(each.inputs, origin)) for each in (learned, test))
    (step,) = rfm(Samples.of(learned.inputs, targets), setting, 0)
    structure = {"circulant": circulant_score(between(features.matrix))}
    yield {"iteration": None} | _line(step, settings.modulus, learned, test) | structure


def _matrix(step: RFMStep, modulus: int) -> Tensor:
    metric = step.machine.metric
    return torch.eye(2 * modulus, dtype=torch.float64) if metric is None else metric.matrix


def _line(step: RFMStep, modulus: int, learned: Addition, test: Addition) -> dict[str, float]:
    found = {"circulant": circulant_score(between(_matrix(step, modulus)))}
    for name, part in (("train", learned), ("test", test)):
        found |= part.scores(step.machine(part.inputs), name)
    return found
