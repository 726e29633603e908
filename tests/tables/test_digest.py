"""Digests of rows: equal for equal rows, others for a changed value, name or order."""

from __future__ import annotations

import numpy as np
import pytest

from agop.tables.digest import row_digests, table_checksum
from agop.tables.parquet import ParquetTable

pandas = pytest.importorskip("pandas")


def table(n=50):
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        {"a": rng.integers(0, 3, n), "b": rng.choice(["x", None], n), "c": rng.choice([0.5, np.nan], n)}
    )


def test_rows_repeat_where_pandas_says_so():
    frame = table()
    first = {digest: row for row, digest in reversed(list(enumerate(row_digests(frame).tolist())))}
    assert len(first) == (~frame.duplicated()).sum() < len(frame)
    assert sorted(first.values()) == frame.index[~frame.duplicated()].tolist()


def test_a_file_in_pieces_has_the_digests_of_the_frame(tmp_path):
    frame = table()
    frame.to_parquet(tmp_path / "x.parquet")
    mask = np.arange(50) % 3 > 0
    found = ParquetTable(tmp_path / "x.parquet", n_rows=7)[mask]
    np.testing.assert_array_equal(row_digests(found), row_digests(frame[mask]))
    assert table_checksum(found) == table_checksum(frame[mask])


@pytest.mark.parametrize(
    "changed",
    [
        lambda frame: frame.assign(a=frame.a.where(frame.index != 7, 9)),
        lambda frame: frame.rename(columns={"a": "d"}),
        lambda frame: frame[::-1],
        lambda frame: frame.rename(columns={"a": "c", "c": "a"})[["a", "b", "c"]],
        lambda frame: frame[:-1],
    ],
)
def test_a_checksum_knows_values_names_and_order(changed):
    assert table_checksum(changed(table())) != table_checksum(table())
