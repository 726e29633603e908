"""What is saved comes back, to the last bit: any tensor, any text, any value within another."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import agop
from agop.kernels import Laplace
from agop.rfm import RFMRegressor
from agop.runs import storage
from laws.draws import law

DTYPES = st.sampled_from(["<f2", "<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "|u1", "|b1", "<U3"])
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = arrays.arrays(DTYPES, SHAPES)  # with NaN of all kinds, infinities, -0.0, and denormal numbers
TENSORS = ARRAYS.filter(lambda array: array.dtype.kind != "U").map(lambda array: torch.from_numpy(array.copy()))
TEXT = st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
LABELS = st.booleans() | st.integers(-(2**60), 2**60) | TEXT
VALUES = st.recursive(
    SCALARS | ARRAYS | TENSORS | st.sampled_from([torch.float16, torch.bool]),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(LABELS, inner, max_size=3),
    max_leaves=6,
)

X = np.arange(6.0).reshape(3, 2)
MODEL = RFMRegressor(Laplace(2.0), ridge=1.0, n_iterations=0, selection=None).fit(X, X[:, 0])


def assert_same(found, value):
    """Equal to the last bit and of one type, in any depth."""
    assert type(found) is type(value)
    if isinstance(value, dict):
        assert_same(list(found), list(value))
        assert_same(list(found.values()), list(value.values()))
    elif isinstance(value, list | tuple):
        assert len(found) == len(value)
        for pair in zip(found, value, strict=True):
            assert_same(*pair)
    elif isinstance(value, torch.Tensor | np.ndarray):
        assert (found.dtype, tuple(found.shape)) == (value.dtype, tuple(value.shape))
        assert np.asarray(found).tobytes() == np.asarray(value).tobytes()
    elif isinstance(value, float):
        assert str(found) == str(value)  # NaN and -0.0 too
    else:
        assert found == value


@law(tensors=st.dictionaries(TEXT, TENSORS, max_size=4), header=st.dictionaries(TEXT, TEXT | st.integers(), max_size=3))
def test_files(tmp_path_factory, tensors, header):
    """Tensors of any shape and number, names of any text, and the header."""
    file = tmp_path_factory.getbasetemp() / "law.safetensors"
    storage.save(file, tensors, header)
    found, kept = storage.load(file)
    assert found.keys() == tensors.keys()
    for name in tensors:
        assert_same(found[name], tensors[name])
    assert kept == header


@law(value=VALUES)
def test_values(tmp_path_factory, value):
    """Numbers, text, arrays, tensors and what holds them, as attributes of a model."""
    file = tmp_path_factory.getbasetemp() / "model.safetensors"
    MODEL.value_ = value
    agop.save(MODEL, file)
    assert_same(agop.load(file).value_, value)
