"""Free text and identifiers are refused, categories are not."""

from __future__ import annotations

import numpy as np
import pytest

from agop.errors import InputError
from agop.tables import TableEncoder

pd = pytest.importorskip("pandas")


def table(values, dtype=None):
    return pd.DataFrame({"note": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize("n", [21, 500])
def test_free_text_is_refused(n):
    with pytest.raises(InputError, match=f"'note', got free text or identifiers: {n} of {n} values occur once, such"):
        TableEncoder().fit(table([f"this is row {k}" for k in range(n)]))


def test_mostly_free_text_is_refused():
    often, once = ["none"] * 90, [f"remark {k}" for k in range(100)]
    with pytest.raises(InputError, match="100 of 190 values occur once"):
        TableEncoder().fit(table([*often, *once, None]))
    TableEncoder().fit(table([*often, *once[:80], None]))


def test_categories_stay_however_many():
    towns = np.random.default_rng(0).permutation([f"town {k}" for k in range(200)] * 3)
    assert len(TableEncoder().fit(table(towns)).get_feature_names_out()) == 64
    TableEncoder().fit(table([f"few {k}" for k in range(20)]))
    TableEncoder().fit(table([f"declared {k}" for k in range(100)], "category"))
