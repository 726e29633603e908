"""Tables as features, against slow loops, and as a step of scikit-learn's pipelines."""

from __future__ import annotations

import datetime
import json
import math
import statistics
from decimal import Decimal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from agop.errors import InputError
from agop.rfm import RFMClassifier, RFMRegressor
from agop.tables import TableEncoder, table_pipeline

pd = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
AGES, TOWNS = [30.0, math.nan, 50.0, 41.0, math.nan, 30.0], ["Ulm", "Bonn", None, "Ulm", "Köln", "Ulm"]


@pytest.fixture
def frame():
    return pd.DataFrame(
        {"age": AGES, "town": TOWNS, "tall": [True, False, True, True, False, True], "year": [1, 2, 3, 4, 5, 7]}
    )


@pytest.fixture
def people():
    """A function of three of four columns, 150 rows."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({name: rng.standard_normal(150) for name in ("age", "noise")})
    table["town"] = rng.choice(["Ulm", "Bonn", "Köln"], 150)
    table["tall"] = rng.random(150) < 0.5
    y = np.sin(table.age) + (table.town == "Ulm") - 0.5 * table.tall
    table.loc[::10, "age"] = np.nan
    return table, y.to_numpy()


def numeric(values):
    present = [value for value in values if not math.isnan(value)]
    mean, deviation, median = (f(present) for f in (statistics.fmean, statistics.pstdev, statistics.median))
    filled = [median if math.isnan(value) else value for value in values]
    share = 1 - len(present) / len(values)
    columns = [[(value - mean) / deviation for value in filled]]
    if share:
        columns.append([math.isnan(value) / math.sqrt(share * (1 - share)) for value in values])
    return columns


def one_hot(values, levels):
    shares = [values.count(level) / len(values) for level in levels]
    scale = 1 / math.sqrt(1 - math.fsum(share**2 for share in shares))
    return [[scale * (value == level) for value in values] for level in levels]


def test_against_loops(frame):
    encoder = TableEncoder().fit(frame)
    expected = [
        *numeric(AGES),
        *one_hot(TOWNS, ["Bonn", "Köln", "Ulm", None]),
        *one_hot(frame.tall.tolist(), [False, True]),
        *numeric(frame.year.tolist()),
    ]
    names = ["age", "age missing", "town=Bonn", "town=Köln", "town=Ulm", "town missing", "tall=False", "tall=True"]
    assert encoder.get_feature_names_out().tolist() == [*names, "year"]
    assert encoder.column_of_.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 3]
    assert encoder.columns_ == ("age", "town", "tall", "year")
    np.testing.assert_allclose(encoder.transform(frame), np.array(expected).T, rtol=1e-13, atol=1e-14)


def test_blocks_have_the_variance_of_a_numeric_column(people):
    table, _ = people
    encoder = TableEncoder().fit(table)
    features = encoder.transform(table)
    totals = np.bincount(encoder.column_of_, features.var(0))
    names = encoder.get_feature_names_out().tolist()
    totals[0] -= features[:, names.index("age")].var()  # of the indicator alone
    np.testing.assert_allclose(totals, 1, rtol=1e-12)
    assert all(len(set(column)) == 2 for column, name in zip(features.T, names, strict=True) if "=" in name)


def test_new_rows(frame):
    encoder = TableEncoder().fit(frame)
    new = pd.DataFrame(
        {"age": [None, 50], "town": ["Rom", None], "tall": [True, None], "year": [math.nan, 3.5]}, dtype=object
    )
    features = encoder.transform(new)
    known = encoder.transform(frame)
    np.testing.assert_array_equal(features[0, :2], known[1, :2])  # the median, and that it was missing
    np.testing.assert_array_equal(features[0, 2:6], 0)  # not seen in training
    np.testing.assert_array_equal(features[1, 2:6], known[2, 2:6])
    np.testing.assert_array_equal(features[0, 6:8], known[0, 6:8])
    np.testing.assert_array_equal(features[1, 6:8], 0)
    np.testing.assert_allclose(features[:, 8], (np.array([3.5, 3.5]) - 22 / 6) / np.std([1, 2, 3, 4, 5, 7]))


def test_rare_levels_are_pooled():
    table = pd.DataFrame({"town": ["a"] * 4 + ["b"] * 3 + ["c", "d"] + [None]})
    encoder = TableEncoder(max_levels=4).fit(table)
    assert encoder.get_feature_names_out().tolist() == ["town=a", "town=b", "town missing", "town other"]
    features = encoder.transform(pd.DataFrame({"town": ["c", "new", "b", None]}))
    scale = 1 / math.sqrt(1 - 0.16 - 0.09 - 0.01 - 0.04)
    np.testing.assert_allclose(features, scale * np.eye(4)[[3, 3, 1, 2]], rtol=1e-13)
    assert len(TableEncoder(max_levels=5).fit(table).get_feature_names_out()) == 5
    assert clone(encoder).max_levels == 4


def test_constant_and_empty_columns_are_zero():
    table = pd.DataFrame({"a": [0.1] * 6, "b": ["x"] * 6, "c": [math.nan] * 6, "d": [None] * 6})
    encoder = TableEncoder().fit(table)
    np.testing.assert_array_equal(encoder.transform(table), 0)
    np.testing.assert_array_equal(encoder.transform(table.assign(a=7.0, b="y", c=3.0, d="z")), 0)


def test_nearly_constant_columns_are_not_blown_up():
    """One odd row of 5,000 would be 70 deviations away, a rare level 50, and rounding would count as a signal."""
    n = 5000
    odd = np.arange(n) == 7
    table = pd.DataFrame(
        {"odd": odd * 3.0, "level": np.where(odd, "a", "b"), "gap": np.where(odd, np.nan, RNG.random(n))}
    )
    table["rounding"] = 5 + 1e-14 * RNG.random(n)
    encoder = TableEncoder().fit(table)
    features = dict(zip(encoder.get_feature_names_out(), encoder.transform(table).T, strict=True))
    for name in ("odd", "level=a", "level=b", "gap missing"):
        assert np.ptp(features[name]) == pytest.approx(32, rel=1e-3), name
    assert not features["rounding"].any()


@pytest.mark.parametrize("offset", [1e6, 1e12])
def test_an_offset_costs_no_digits(offset):
    values = RNG.integers(0, 1024, 100) / 1024  # so that the sums are exact
    plain, shifted = (TableEncoder().fit_transform(column[:, None]) for column in (values, offset + values))
    np.testing.assert_allclose(shifted, plain, rtol=1e-9, atol=1e-9)


def test_kinds_of_columns_of_pandas(frame):
    plain = TableEncoder().fit_transform(frame)
    for town in ("category", "string", object):
        same = frame.astype({"age": "Float64", "town": town, "tall": "boolean", "year": "Int64"})
        np.testing.assert_array_equal(TableEncoder().fit(same).transform(same), plain)
        np.testing.assert_array_equal(TableEncoder().fit(frame).transform(same), plain)
    codes = pd.DataFrame({"code": pd.Categorical([1, 2, 1])})
    assert TableEncoder().fit(codes).get_feature_names_out().tolist() == ["code=1", "code=2"]


def test_arrays_and_lists():
    numbers = RNG.standard_normal((20, 2))
    encoder = TableEncoder().fit(numbers.astype(np.float32))
    assert encoder.columns_ == ("x0", "x1")
    assert encoder.transform(numbers).dtype == np.float64
    rows = [[1, "a", Decimal("0.5")], [2.5, "b", Decimal(2)], [None, "a", 1]]
    for mixed in (rows, np.array(rows, dtype=object)):
        encoder = TableEncoder().fit(mixed)
        assert encoder.get_feature_names_out().tolist() == ["x0", "x0 missing", "x1=a", "x1=b", "x2"]
        np.testing.assert_array_equal(encoder.transform(mixed)[:, 2] > 0, [True, False, True])
    assert TableEncoder().fit(np.array([["1"], ["2"]])).get_feature_names_out().tolist() == ["x0=1", "x0=2"]


def test_polars_and_arrow(frame):
    arrow = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    np.testing.assert_array_equal(TableEncoder().fit(arrow).transform(arrow), TableEncoder().fit_transform(frame))
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(frame.to_dict("list") | {"town": TOWNS})
    np.testing.assert_array_equal(TableEncoder().fit(table).transform(table), TableEncoder().fit_transform(frame))
    pipeline = table_pipeline(RFMRegressor(n_iterations=1))
    assert np.isfinite(cross_val_score(pipeline, table, frame.year.to_numpy(), cv=2)).all()


def test_columns_are_found_by_name(frame):
    encoder = TableEncoder().fit(frame)
    np.testing.assert_array_equal(encoder.transform(frame[frame.columns[::-1]]), encoder.transform(frame))
    with pytest.raises(InputError, match=r"missing: \['age', 'tall'\]; surplus: none"):
        encoder.transform(frame[["town", "year"]])
    with pytest.raises(InputError, match=r"missing: none; surplus: \['mass'\]"):
        encoder.transform(frame.assign(mass=1.0))
    with pytest.raises(InputError, match="different names"):
        TableEncoder().fit(frame.rename(columns={"age": "year"}))
    numbered = pd.DataFrame(RNG.standard_normal((5, 3)))
    encoder = TableEncoder().fit(numbered)
    assert encoder.columns_ == ("0", "1", "2")
    np.testing.assert_array_equal(encoder.transform(numbered[[2, 0, 1]]), encoder.transform(numbered))


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ([1.0, math.inf, 2.0], "finite numbers in column 'a'"),
        ([1.0, -math.inf, None], "finite numbers in column 'a'"),
        ([1e308, -1e308, 1e308], "finite variance"),
        (np.array([1, 2, 3], dtype="timedelta64[s]"), "total_seconds"),
        ([datetime.timedelta(1), None, datetime.timedelta(2)], "total_seconds"),
        ([1j, 2j, 0j], "complex"),
        ([[1, 2], [3, 4], [5, 6]], "column 'a', got values of type list"),
        ([np.ones(2), None, np.ones(3)], "column 'a', got values of type ndarray"),
        ([{"b": 1}, {"b": 2}, {"b": 1}], "column 'a', got values of type dict"),
    ],
)
def test_unusable_columns(column, word):
    with pytest.raises(InputError, match=word):
        TableEncoder().fit(pd.DataFrame({"a": column}))


def test_unusable_tables_and_parameters(frame):
    encoder = TableEncoder().fit(frame)
    with pytest.raises(InputError, match="numbers in column 'age', as in training"):
        encoder.transform(frame.assign(age="old"))
    with pytest.raises(InputError, match="finite numbers in column 'age'"):
        encoder.transform(frame.assign(age=math.inf))
    for empty in (frame[:0], frame[[]]):
        with pytest.raises(InputError, match="rows and columns"):
            TableEncoder().fit(empty)
    for max_levels in (1, 2.5, None):
        with pytest.raises(InputError, match="max_levels"):
            TableEncoder(max_levels=max_levels).fit(frame)


def test_what_was_learned_is_plain(frame):
    encoder = TableEncoder(max_levels=3).fit(frame)
    copy = json.loads(json.dumps(encoder.codings_))
    assert copy == encoder.codings_
    other = TableEncoder(max_levels=3).fit(frame[::2])
    vars(other).update(vars(encoder) | {"codings_": copy})
    np.testing.assert_array_equal(other.transform(frame), encoder.transform(frame))


def test_frames_out(frame):
    features = TableEncoder().set_output(transform="pandas").fit_transform(frame)
    assert list(features.columns)[:3] == ["age", "age missing", "town=Bonn"]
    np.testing.assert_array_equal(features, TableEncoder().fit_transform(frame))


def test_pipelines(people):
    assert isinstance(table_pipeline("regression")["model"], RFMRegressor)
    assert isinstance(table_pipeline("classification")["model"], RFMClassifier)
    table, y = people
    assert table_pipeline(Ridge()).fit(table, y).score(table, y) > 0.5
    for wrong in ("clustering", RFMRegressor):
        with pytest.raises(InputError, match="regression"):
            table_pipeline(wrong)


def test_searches_and_scores(people):
    table, y = people
    search = GridSearchCV(table_pipeline(RFMRegressor(n_iterations=1)), {"model__ridge": [1e-2, 1e4]}, cv=3)
    assert search.fit(table, y).best_params_ == {"model__ridge": 1e-2}
    labels = np.where(y > np.median(y), "high", "low")
    assert cross_val_score(table_pipeline(RFMClassifier(n_iterations=1)), table, labels, cv=3).mean() > 0.75


def test_inspection(people):
    table, y = people
    pipeline = table_pipeline(RFMRegressor(n_iterations=1)).fit(table, y)
    drops = permutation_importance(pipeline, table, y, n_repeats=2, random_state=0).importances_mean
    assert drops.argmin() == table.columns.get_loc("noise")
    curve = partial_dependence(pipeline, table, ["age"], grid_resolution=5)
    assert curve["average"].shape == (1, 5)
    levels = partial_dependence(pipeline, table, ["town"], categorical_features=["town", "tall"])
    means = dict(zip(levels["grid_values"][0], levels["average"][0], strict=True))
    assert max(means, key=means.get) == "Ulm"
