"""Rows of a run: those of the subset, standardized by themselves, with their labels or permuted ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from agop.datasets import Dataset, LabeledRows
from agop.errors import InputError

RNG = np.random.default_rng(0)
LABELS = RNG.permutation(np.arange(20) % 3)
TRAIN, TEST = RNG.uniform(0, 1, (20, 6)), RNG.uniform(0, 1, (5, 6))
TRAIN[:, 0] = LABELS  # which row has which label stays to be seen
DATA = Dataset("made up", TRAIN, LABELS, TEST, np.arange(5) % 3, ("a", "b", "c"))


@dataclass(frozen=True)
class Settings:
    samples: int | None = None
    test_samples: int | None = None
    subset: str = "first"
    permute_labels: bool = False
    dtype: torch.dtype = torch.float64

    def torch_dtype(self):
        return self.dtype

    def torch_device(self):
        return torch.device("cpu")


def test_rows_are_standardized_by_those_that_are_taken():
    found = LabeledRows.of(DATA, Settings(samples=12, test_samples=4), 0, "feature")
    mean, deviation = TRAIN[:12].mean(0), TRAIN[:12].std(0)
    np.testing.assert_allclose(found.inputs, (TRAIN[:12] - mean) / deviation, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.test[0], (TEST[:4] - mean) / deviation, rtol=1e-12, atol=1e-12)
    assert (found.labels.tolist(), found.test[1].tolist()) == (LABELS[:12].tolist(), [0, 1, 2, 0])
    assert found.n_classes == 3


def test_random_rows_keep_their_labels_unless_these_are_permuted():
    kept, permuted = (
        LabeledRows.of(DATA, Settings(samples=12, subset="random", permute_labels=permute), 1, "feature")
        for permute in (False, True)
    )
    assert torch.equal(kept.inputs, permuted.inputs)
    levels = kept.inputs[:, 0].unique(return_inverse=True)[1]
    assert torch.equal(levels, kept.labels)
    assert not torch.equal(levels, permuted.labels)
    assert torch.equal(kept.labels.sort().values, permuted.labels.sort().values)


def test_types_and_absent_test_rows():
    found = LabeledRows.of(DATA, Settings(test_samples=0, dtype=torch.float32), 0, "channel")
    assert (found.inputs.dtype, found.labels.dtype, found.test) == (torch.float32, torch.int64, None)
    with pytest.raises(InputError, match="training rows"):
        LabeledRows.of(DATA, Settings(samples=21), 0, "feature")
