"""Real data as frozen values: digits, MNIST, Fashion-MNIST, CIFAR-10 and SVHN."""

from __future__ import annotations

from agop.datasets.coding import CODINGS, Coding, coded_targets
from agop.datasets.dataset import Dataset
from agop.datasets.labeled import LabeledRows, RowSettings
from agop.datasets.registry import NAMES, DataName, load
from agop.datasets.shard import shard, shard_batches
from agop.datasets.sources import download
from agop.datasets.standardize import (
    STANDARDIZATIONS,
    Standardization,
    inverse_deviation,
    standardize,
    standardized_inputs,
)
from agop.datasets.subset import permute_labels, subset

__all__ = [
    "CODINGS",
    "NAMES",
    "STANDARDIZATIONS",
    "Coding",
    "DataName",
    "Dataset",
    "LabeledRows",
    "RowSettings",
    "Standardization",
    "coded_targets",
    "download",
    "inverse_deviation",
    "load",
    "permute_labels",
    "shard",
    "shard_batches",
    "standardize",
    "standardized_inputs",
    "subset",
]
