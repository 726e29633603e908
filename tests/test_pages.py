"""Large matrices are as others, wherever their memory comes from."""

from __future__ import annotations

import gc
import mmap

import pytest
import torch

from agop.kernels import Laplace, euclidean_distances
from agop.pages import empty_matrix


@pytest.fixture
def large(monkeypatch):
    """Every matrix is a large one; the memory of each that is asked of the system."""
    asked = []

    class Memory(mmap.mmap):
        def __new__(cls, *arguments, **keywords):
            asked.append(arguments[1])
            return super().__new__(cls, *arguments, **keywords)

    monkeypatch.setattr("agop.pages._LARGE", 1)
    monkeypatch.setattr("agop.pages.mmap.mmap", Memory)
    return asked


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_large_matrix_is_as_any_other(large, dtype):
    points = torch.rand(40, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    found = euclidean_distances(points)
    assert large == [40 * 40 * dtype.itemsize]
    assert found.dtype == dtype
    gc.collect()  # the matrix keeps its memory
    torch.testing.assert_close(found, torch.cdist(points.double(), points.double()).to(dtype), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(Laplace(1.0)(points, points[:7]), (-found[:, :7]).exp())
    assert large[1:] == [40 * 7 * dtype.itemsize]


def test_a_system_without_large_pages(large, monkeypatch):
    def refused(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(mmap.mmap, "madvise", refused, raising=True)
    assert empty_matrix(torch.ones(1), 3, 2).zero_().tolist() == [[0.0, 0.0]] * 3
    assert large
