"""Dates and times as features, against loops over datetime objects."""

from __future__ import annotations

import datetime
import json
import math
import statistics

import numpy as np
import pytest

from agop import table_pipeline
from agop.errors import InputError
from agop.estimator import load, save
from agop.rfm import RFMRegressor
from agop.tables import TableEncoder

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
START = datetime.datetime(2019, 3, 1)
HOURS = [START + datetime.timedelta(hours=int(h)) for h in RNG.integers(0, 24 * 900, 300)]
DAYS = [time.replace(hour=0) for time in HOURS]
NAMED = ["%d %b %Y", "%d-%b-%Y", "%B %d, %Y"]
CYCLES = ["day of year", "weekday", "time of day"]


def table(values):
    return pd.DataFrame({"sold": values})


def circle(phases):
    points = [(math.cos(2 * math.pi * phase), math.sin(2 * math.pi * phase)) for phase in phases]
    variance = sum(statistics.pvariance(part) for part in zip(*points, strict=True))
    return [[value / math.sqrt(variance) for value in part] for part in zip(*points, strict=True)]


def expected(times, *, clock):
    """The time, the place in the year, the weekday, and the time of day if there is a clock."""
    days = [(time - times[0]).total_seconds() / 86400 for time in times]
    number = [(day - statistics.fmean(days)) / statistics.pstdev(days) for day in days]
    lengths = [365 + (time.year % 4 == 0) for time in times]
    year = [(time.timetuple().tm_yday - 1) / length for time, length in zip(times, lengths, strict=True)]
    parts = [circle(year), circle([time.weekday() / 7 for time in times])]
    if clock:
        parts.append(circle([time.hour / 24 for time in times]))
    return np.array([number, *(feature for part in parts for feature in part)]).T


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", *NAMED, "%m/%d/%y", "%d/%m/%y"],
)
def test_text_against_loops(form, clock):
    times = HOURS if clock else DAYS
    column = table([time.strftime(form + (" %H:%M" if clock else "")) for time in times])
    encoder = TableEncoder().fit(column)
    cycles = CYCLES if clock else CYCLES[:2]
    names = ["sold", *(f"sold {cycle} {part}" for cycle in cycles for part in ("cos", "sin"))]
    assert encoder.get_feature_names_out().tolist() == names
    np.testing.assert_allclose(encoder.transform(column), expected(times, clock=clock), rtol=0, atol=1e-12)
    assert encoder.column_of_.tolist() == [0] * len(names)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: pd.Series(HOURS), id="datetime64"),
        pytest.param(lambda: pd.Series(HOURS).dt.tz_localize("Etc/GMT+5"), id="zone"),
        pytest.param(lambda: pd.Series(HOURS, dtype=object), id="objects"),
        pytest.param(lambda: [time.isoformat() for time in HOURS], id="ISO 8601"),
        pytest.param(lambda: [f"{time.isoformat()}+0{k % 9}:00" for k, time in enumerate(HOURS)], id="zones in text"),
        pytest.param(lambda: [time.strftime("%m/%d/%Y %I:%M %p") for time in HOURS], id="twelve hours"),
    ],
)
def test_kinds_of_times(make):
    features = TableEncoder().fit_transform(table(make()))
    np.testing.assert_allclose(features, expected(HOURS, clock=True), rtol=0, atol=1e-12)


def test_dates_and_arrays():
    dates = TableEncoder().fit_transform(table([time.date() for time in DAYS]))
    np.testing.assert_allclose(dates, expected(DAYS, clock=False), rtol=0, atol=1e-12)
    array = np.array(HOURS, dtype="datetime64[s]")[:, None]
    np.testing.assert_allclose(TableEncoder().fit_transform(array), expected(HOURS, clock=True), rtol=0, atol=1e-12)


def test_what_was_learned_reads_other_forms():
    encoder = TableEncoder().fit(table(DAYS))
    assert json.loads(json.dumps(encoder.codings_)) == encoder.codings_
    text = encoder.transform(table([time.date().isoformat() for time in DAYS]))
    np.testing.assert_array_equal(text, encoder.transform(table(DAYS)))
    written = TableEncoder().fit(table([time.strftime("%d.%m.%Y") for time in DAYS]))
    np.testing.assert_array_equal(written.transform(table(DAYS)), text)
    with pytest.raises(InputError, match="dates in column 'sold', as in training, got '2020-01-31'"):
        written.transform(table(["31.12.2019", "2020-01-31"]))


def test_missing_times_are_marked_and_amid_each_cycle():
    times = [*HOURS, None, pd.NaT]
    for column in (pd.Series(times, dtype="datetime64[ns]"), [time and str(time) for time in [*HOURS, None, None]]):
        encoder = TableEncoder().fit(table(column))
        features = dict(zip(encoder.get_feature_names_out(), encoder.transform(table(column)).T, strict=True))
        assert set(features["sold missing"][:300]) == {0.0}
        assert min(features["sold missing"][300:]) > 1
        assert all(not values[300:].any() for name, values in features.items() if name.endswith(("cos", "sin")))
        known = np.sort(features["sold"][:300])
        assert known[0] < features["sold"][300] < known[-1]


def test_a_cycle_counts_if_the_training_times_go_through_it():
    week = [START + datetime.timedelta(hours=k) for k in range(24 * 20)]
    names = TableEncoder().fit(table(week)).get_feature_names_out().tolist()
    assert names == ["sold", *(f"sold {cycle} {part}" for cycle in CYCLES[1:] for part in ("cos", "sin"))]
    assert TableEncoder().fit(table(week[:3])).get_feature_names_out().tolist() == ["sold"]
    assert not TableEncoder().fit_transform(table([START] * 4)).any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["01/02/2020", "03/04/2020"], "read as %m/%d/%Y or %d/%m/%Y"),
        (["2020-01-01", "unknown", "2020-01-03"] * 3, "dates in column 'sold', got 'unknown'"),
        (["2020-01-01", "2020-13-01", "2020-01-03"], "got '2020-13-01'"),
        ([f"2020-01-{day:02}" for day in range(1, 33)], "got '2020-01-32'"),
    ],
)
def test_dates_that_cannot_be_read_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        TableEncoder().fit(table(values))


@pytest.mark.parametrize(
    "values", [["1234", "2020"], ["1.2.3", "1.2.4"], ["12:30", "14:00"], ["55-12-2020", "57-13-2021"]]
)
def test_text_that_is_no_date_stays_text(values):
    assert len(TableEncoder().fit(table(values)).get_feature_names_out()) == 2
    assert "=" in TableEncoder().fit(table(values)).get_feature_names_out()[0]


def test_a_weekly_pattern_is_learned_from_dates(tmp_path):
    """A level for each of 300 days would know nothing of other days, and time alone nothing of weekends."""
    days = [START + datetime.timedelta(days=k) for k in range(400)]
    column = table([day.strftime("%d.%m.%Y") for day in days])
    y = np.array([5.0 * (day.weekday() >= 5) for day in days]) + RNG.normal(0, 0.5, 400)
    model = table_pipeline(RFMRegressor(n_iterations=0, random_state=0)).fit(column[::2], y[::2])
    assert model.score(column[1::2], y[1::2]) > 0.85
    save(model, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").predict(column), model.predict(column))
