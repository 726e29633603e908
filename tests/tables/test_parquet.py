"""Tables in Parquet files, of which a column or a piece is in memory at a time, are what they are as frames."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from agop import Laplace, RFMClassifier, RFMRegressor, TableEncoder, explain, table_pipeline
from agop.errors import DataFileError, InputError
from agop.estimator.rows import ChunkedRows
from agop.solvers import Nystrom
from agop.tables.files import open_table
from agop.tables.parquet import ParquetTable
from agop.tables.task import TableTask
from commands import invoke

pandas = pytest.importorskip("pandas")
arrow = pytest.importorskip("pyarrow.parquet")


def everything(n=900, seed=0):
    """A column of each kind, with missing values that some pieces have and others lack."""
    rng = np.random.default_rng(seed)
    day = np.datetime64("2021-03-01") + rng.integers(0, 900, n).astype("timedelta64[D]")
    frame = pandas.DataFrame(
        {
            "number": rng.normal(50.0, 10.0, n),
            "single": rng.normal(size=n).astype("f4"),
            "hour": rng.integers(0, 24, n),
            "text": rng.choice(["07", "08", "Ulm"], n),
            "rare": rng.choice([f"level {k}" for k in range(90)], n),
            "kind": pandas.Categorical(rng.choice(["b", "a"], n), categories=["b", "a", "none has it"]),
            "true": rng.random(n) < 0.3,
            "day": day.astype("datetime64[ns]"),
            "written": [str(each) for each in day],
            "date": [datetime.date(2020, 1, 1) + datetime.timedelta(int(k)) for k in rng.integers(0, 9, n)],
            "price": [Decimal(int(k)) / 4 for k in rng.integers(0, 99, n)],
            "nothing": None,
        }
    )
    frame["y"] = np.sin(frame["number"] / 5) + 2.0 * (frame["hour"] % 2) + (frame["text"] == "Ulm")
    frame["label"] = np.where(frame["y"] > frame["y"].median(), "big", "small")
    for column, rows in {"number": 7, "text": 11, "true": 13, "hour": 17, "day": 19, "y": 23, "label": 29}.items():
        frame[column] = frame[column].astype(object) if column == "true" else frame[column]
        frame.loc[200::rows, column] = None
    return frame


@pytest.fixture
def path(tmp_path):
    everything().to_parquet(tmp_path / "all.parquet", row_group_size=250)
    return tmp_path / "all.parquet"


def test_the_encoder_learns_and_codes_the_same(path):
    frame = everything()
    target = (frame["hour"] % 2).fillna(0.5) + np.random.default_rng(1).normal(0, 0.1, len(frame))
    whole = pandas.read_parquet(path)
    streamed, expected = (TableEncoder().fit(X, target) for X in (ParquetTable(path, 70), whole))
    assert [*streamed.columns_] == [*frame.columns]
    assert streamed.codings_ == expected.codings_
    assert "=7" in streamed.codings_[2]["names"]  # levels of integers, which some rows of all columns decide
    pieces = list(streamed.transform(ParquetTable(path, 70)))
    assert len(pieces) > 10
    np.testing.assert_array_equal(np.vstack(pieces), expected.transform(whole))
    some = ParquetTable(path)[np.arange(900) % 3 > 0][np.arange(600) % 2 > 0].drop("label")
    assert (len(some), len(some.columns), len(some["day"])) == (300, 13, 300)
    pandas.testing.assert_frame_equal(
        pandas.concat(list(some)).reset_index()[["index", "rare"]],
        whole[whole.index % 3 > 0][1::2].reset_index()[["index", "rare"]],
    )


@pytest.mark.parametrize(("target", "kind"), [("y", RFMRegressor), ("label", RFMClassifier)])
def test_a_pipeline_that_never_has_all_rows(path, monkeypatch, target, kind):
    monkeypatch.setattr("agop.rfm.samples.IN_PLACE_ROWS", 500)
    monkeypatch.setattr("agop.rfm.learning.FOLDED_ROWS", 100)
    model = kind(Laplace(5.0), ridge=0.01, n_iterations=1, solver=Nystrom(60), metric_samples=80, max_memory=400_000)
    model.set_params(random_state=0, power=1)
    other = "label" if target == "y" else "y"
    tasks = [TableTask.of(table, target) for table in (pandas.read_parquet(path), ParquetTable(path, 100))]
    assert tasks[0].name == tasks[1].name
    np.testing.assert_array_equal(*(task.targets for task in tasks))
    whole, streamed = (table_pipeline(model).fit(task.rows.drop(columns=other), task.targets) for task in tasks)
    assert not [each for each in vars(streamed[1]).values() if isinstance(each, ChunkedRows)]
    assert len(streamed[1].machine_.centers) == 60
    rows = [task.rows.drop(columns=other) for task in tasks]
    shares = [explain(streamed, X, n_swaps=300, random_state=3).effects for X in rows]
    np.testing.assert_allclose(*shares, rtol=0, atol=1e-9)
    if target == "y":
        np.testing.assert_allclose(streamed.predict(rows[1]), streamed.predict(rows[0]), rtol=0, atol=1e-9)
        np.testing.assert_allclose(streamed.predict(rows[0]), whole.predict(rows[0]), rtol=0, atol=1e-6)
    else:
        np.testing.assert_array_equal(streamed.predict(rows[1]), streamed.predict(rows[0]))
        shares = (model.predict_proba(rows[0]) for model in (streamed, whole))
        np.testing.assert_allclose(*shares, rtol=0, atol=1e-6)


def test_the_model_of_the_command_is_that_of_the_frame(path, tmp_path):
    from agop.estimator import load

    everything(260).to_parquet(path)
    result = invoke("fit", path, "--target", "y", "--out", tmp_path / "model", "--verbose", 0)
    assert result.exit_code == 0, result.output
    model, whole = load(tmp_path / "model"), pandas.read_parquet(path)
    task = TableTask.of(whole, "y")
    expected = table_pipeline("regression").set_params(model__random_state=0).fit(task.rows, task.targets)
    np.testing.assert_allclose(model.predict(task.rows), expected.predict(task.rows), rtol=0, atol=1e-6)
    result = invoke("predict", tmp_path / "model", path, "--out", tmp_path / "out.parquet")
    assert result.exit_code == 0, result.output
    written = pandas.read_parquet(tmp_path / "out.parquet")["prediction"]
    np.testing.assert_allclose(written, model.predict(whole.drop(columns="y")), rtol=0, atol=1e-6)


def test_an_index_is_no_column_and_columns_are_found_by_name(tmp_path):
    frame = pandas.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 0.0]}, index=["x", "y", "z"])
    frame.to_parquet(tmp_path / "a.parquet")
    table = open_table(tmp_path / "a.parquet")
    assert table.columns == ["a", "b"]
    encoder = TableEncoder().fit(frame)
    frame[["b", "a"]].to_parquet(tmp_path / "b.parquet")
    (piece,) = encoder.transform(ParquetTable(tmp_path / "b.parquet"))
    np.testing.assert_array_equal(piece, encoder.transform(frame))
    for missing in ("a", "b"):
        with pytest.raises(InputError, match=rf"missing: \['{missing}'\]"):
            encoder.transform(table.drop(missing))
    with pytest.raises(InputError, match="a table with rows and columns"):
        encoder.fit(table.drop("a").drop("b"))
    with pytest.raises(InputError, match="a column 'c', got columns a, b"):
        TableTask.of(table, "c")


def damaged(path, how):
    data = bytearray(path.read_bytes())
    if how == "a row group is overwritten":
        data[4:4000] = bytes(3996)
    elif how == "a row group is missing":
        groups = arrow.read_metadata(path)
        first = groups.row_group(1).column(0).dictionary_page_offset or groups.row_group(1).column(0).data_page_offset
        last = groups.row_group(2).column(0).dictionary_page_offset or groups.row_group(2).column(0).data_page_offset
        del data[first:last]
    elif how == "the end is missing":
        del data[-1000:]
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["a row group is overwritten", "a row group is missing", "the end is missing"])
def test_damage_is_one_clear_error(path, tmp_path, how):
    damaged(path, how)
    with pytest.raises(DataFileError, match=r"all\.parquet"):
        list(ParquetTable(path))
    with pytest.raises(DataFileError, match=r"all\.parquet"):
        TableEncoder().fit(ParquetTable(path))
    result = invoke("fit", path, "--target", "y", "--out", tmp_path / "model")
    assert result.exit_code == 2, result.output
    assert "Error: expected" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "model").exists()


def test_whatever_is_damaged_is_an_error_of_agop(tmp_path):
    """Cut short, or up to four bytes changed, half of them in what the end says about the columns."""
    path, rng = tmp_path / "x.parquet", np.random.default_rng(0)
    everything(60).to_parquet(path, row_group_size=25)
    whole, found = path.read_bytes(), []
    for number in range(150):
        data = bytearray(whole[: rng.integers(len(whole))] if number % 4 == 0 else whole)
        for place in rng.integers(len(data) - 9000 if number % 4 == 1 else 0, len(data), number % 4 and 1 + number % 5):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data))
        try:
            table = ParquetTable(path, 20)
            list(TableEncoder().fit(table).transform(table))
        except InputError as error:
            found.append(type(error))
    assert found.count(DataFileError) > 0.5 * number


def test_times_out_of_reach():
    far = pandas.DataFrame({"day": np.array([-(2**63) + 1, 2**63 - 1]).astype("datetime64[ns]")})
    with pytest.raises(InputError, match="times within some centuries of 2000, got from 1677"):
        TableEncoder().fit(far)


def test_a_file_that_changes_while_it_is_read(path, monkeypatch):
    model = table_pipeline(RFMRegressor(Laplace(5.0), solver=Nystrom(60), metric_samples=80, max_memory=400_000))
    monkeypatch.setattr("agop.rfm.learning.FOLDED_ROWS", 100)
    task = TableTask.of(ParquetTable(path), "y")
    features = model[0].fit_transform(task.rows, task.targets)
    changed, passes = everything(seed=1), []

    def start():
        passes.append(len(passes))
        if len(passes) == 2:
            changed.to_parquet(path, row_group_size=250)
        return iter(features)

    with pytest.raises(DataFileError, match=path.name):
        model[1].fit(start, task.targets)


FIT = """
import gc, sys
from pathlib import Path
import agop.chunks, agop.estimator.rows
from agop import Laplace, RFMRegressor
from agop.solvers import Nystrom, nystrom
from agop.tables.parquet import ParquetTable
from agop.tables.task import TableTask

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

def fit(table):
    task = TableTask.of(table, "y")
    few = {"solver": Nystrom(30), "metric_samples": 200, "agop_samples": 100, "max_memory": 4 * 2**20}
    model = RFMRegressor(Laplace(5.0), ridge=1e-2, n_iterations=1, power=1, **few)
    model.fit(task.rows, task.targets).predict(task.rows)

nystrom._WORK_BYTES = agop.chunks.DEFAULT_CHUNK_BYTES = 2**22
fit(ParquetTable(sys.argv[1], 2500))
gc.collect()
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
fit(ParquetTable(sys.argv[2], 2500))
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is that of Linux")
def test_memory_is_far_below_that_of_the_table(tmp_path):
    """Half of its bytes as float64, of which about 150 a row are for targets, weights and order.

    At times the allocator keeps some that are free: the least of three runs counts.
    """
    rng, n, d = np.random.default_rng(0), 100_000, 250
    whole = pandas.DataFrame(rng.uniform(-1, 1, (n, d)).astype("f4")).add_prefix("x")
    whole["y"] = whole["x0"] * whole["x1"]
    for name, size in (("few", 5000), ("all", n)):
        whole[:size].to_parquet(tmp_path / f"{name}.parquet", row_group_size=5000, compression="none")
    command = [sys.executable, "-c", FIT, *(str(tmp_path / f"{name}.parquet") for name in ("few", "all"))]
    assert any(peak < 0.5 * 8 * n * d for peak in map(told, 3 * [command]))


def told(command):
    """The number that a process prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
