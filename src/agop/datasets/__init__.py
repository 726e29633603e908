"""Real data as frozen values: digits, MNIST, Fashion-MNIST, CIFAR-10 and SVHN."""

from __future__ import annotations

from agop.datasets.dataset import Dataset
from agop.datasets.labels import permute_labels
from agop.datasets.registry import NAMES, load
from agop.datasets.sources import download
from agop.datasets.standardise import standardise
from agop.datasets.subset import subset

__all__ = ["NAMES", "Dataset", "download", "load", "permute_labels", "standardise", "subset"]
