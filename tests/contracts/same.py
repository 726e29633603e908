"""Equality to the last bit."""

from __future__ import annotations

import numpy as np
import torch


def assert_same(left, right):
    """Equal to the last bit, down to types, data types and order in memory."""
    assert type(left) is type(right)
    if isinstance(left, torch.Tensor):
        assert (left.dtype, left.shape, left.stride()) == (right.dtype, right.shape, right.stride())
        assert left.cpu().numpy().tobytes() == right.cpu().numpy().tobytes()
    elif isinstance(left, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert left.tolist() == right.tolist()
        assert [type(item) for item in left.ravel().tolist()] == [type(item) for item in right.ravel().tolist()]
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif hasattr(left, "__dict__") or hasattr(left, "__slots__"):
        names = list(vars(left)) if hasattr(left, "__dict__") else list(left.__slots__)
        for name in names:
            assert_same(getattr(left, name), getattr(right, name))
    else:
        assert left == right or left != left
