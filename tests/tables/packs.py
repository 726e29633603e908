"""Bytes packed as the suffix of a file says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from functools import partial

import pytest

pyarrow = pytest.importorskip("pyarrow")

__all__ = ["PACKS"]


def _zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content)
    return packed.getvalue()


PACKS = {
    ".gz": partial(gzip.compress, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": _zipped,
    ".zst": partial(pyarrow.compress, codec="zstd", asbytes=True),
}
"""Functions that pack bytes, by suffix."""
