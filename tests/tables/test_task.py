"""The task that a column of a table sets: regression or classification, and the targets of each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from agop.errors import InputError
from agop.tables.task import TableTask

pandas = pytest.importorskip("pandas")


def task_of(values, task="auto"):
    return TableTask.of(pandas.DataFrame({"x": range(len(values)), "y": values}), "y", task)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (pandas.Series([1, 2, 3] * 10), "classification"),
        (pandas.Series([1.0, 2.0, None] * 10), "classification"),
        (pandas.Series(range(20)), "classification"),
        (pandas.Series(range(21)), "regression"),
        (pandas.Series([0.5, 1.0] * 10), "regression"),
        (pandas.Series([True, False] * 10), "classification"),
        (pandas.Series([True, False, None] * 10), "classification"),
        (pandas.Series(["a", "b"] * 10), "classification"),
        (pandas.Series([str(k) for k in range(30)]), "classification"),
        (pandas.Series(range(30)).astype("category"), "classification"),
        (pandas.Series([1, 2, None] * 10, dtype="Int64"), "classification"),
        (pandas.Series([1e300, -1e300] * 10), "regression"),
        (pandas.Series([Decimal("0.5"), Decimal(2)] * 10), "regression"),
        (pandas.Series([date(2020, 1, 1), date(2021, 1, 1)] * 10), "classification"),
    ],
)
def test_the_rule_of_auto(values, task):
    assert task_of(values).name == task


def test_targets_as_the_model_takes_them():
    def targets(values, task="classification"):
        return task_of(pandas.Series(values), task).targets

    assert targets([1.0, None, 2.0]).tolist() == [1, 2]
    assert targets([1.0, None, 2.0]).dtype == np.int64
    assert targets([True, None, False]).dtype == bool
    assert targets(["b", None, "a"]).tolist() == ["b", "a"]
    assert targets(pandas.Series([1, 2], dtype="category")).tolist() == [1, 2]
    assert targets([1, 2, 2], "regression").dtype == np.float64
    assert targets([Decimal("0.5"), Decimal(2)], "regression").tolist() == [0.5, 2.0]
    with pytest.raises(InputError, match="numbers or classes in column 'y', got times"):
        targets(pandas.to_datetime(["2020-01-01", "2021-01-01"]))
    with pytest.raises(InputError, match="numbers, dates or categories in column 'y', got values of type list"):
        targets([[1, 2], [3, 4]])
