"""``agop fit``, ``agop predict`` and ``agop explain`` from the outside: what is printed, what is written."""

from __future__ import annotations

import gzip
import re
import sys
from importlib import import_module

import numpy as np
import pytest

from agop import Laplace, RFMRegressor
from agop.cli import fit as fitting
from agop.estimator import load, save
from agop.runs import Run, storage
from agop.tables import explain, table_pipeline
from commands import invoke, words

pandas = pytest.importorskip("pandas")
folds = import_module("agop.tables.folds")

predicting = import_module("agop.tables.prediction")
table_files = import_module("agop.tables.files")

FIRST_OF_A_PIECE = pytest.mark.skipif(
    tuple(int(part) for part in pandas.__version__.split(".")[:2]) < (3, 1),
    reason="pandas before 3.1 drops surplus values in the first row of a later piece",
)


def failed(result, message):
    assert result.exit_code == 2, result.output
    assert words(result.stderr).startswith("Error: expected ")
    assert message in words(result.stderr)
    assert "Traceback" not in result.output


def people(n=90, seed=0):
    """Numbers, text and truth values, some missing; a height and a word that depend on them, missing in row 3."""
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age [red]": rng.normal(40.0, 10.0, n).round(2),
            "ward": rng.choice(["07", "08", "A"], n),
            "tall": rng.random(n) < 0.5,
            "noise": rng.normal(size=n).round(3),
        }
    )
    height = frame["age [red]"] / 10 + 3 * (frame.ward == "08") + frame.tall
    frame["height"] = height.round(3)
    frame["size"] = np.where(height > height.median(), "big", "[small]")
    frame["level"] = np.digitize(height, height.quantile([0.3, 0.6]))
    frame.loc[3, ["height", "size", "level"]] = None
    frame.loc[::11, "age [red]"] = None
    frame.loc[5::13, "ward"] = None
    return frame


TARGETS = ("height", "size", "level")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One table a target, and a model of each."""
    folder = tmp_path_factory.mktemp("a [very] odd name")
    for target in TARGETS:
        write_table(folder / f"{target}.csv.gz", people(), target)
    return folder


def write_table(path, frame, *targets):
    frame = frame.drop(columns=[name for name in TARGETS if name not in targets])
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(folder):
    """What ``agop fit`` said for each target; the model files lie in the folder."""
    return {
        target: invoke("fit", folder / f"{target}.csv.gz", "--target", target, "--out", folder / f"{target}.model")
        for target in TARGETS
    }


@pytest.mark.parametrize(
    ("target", "task", "score"),
    [
        ("height", "regression", "left-out R²"),
        ("size", "classification", "left-out accuracy"),
        ("level", "classification", "left-out accuracy"),
    ],
)
def test_fit(folder, fitted, target, task, score):
    result = fitted[target]
    assert result.exit_code == 0, result.output
    text = words(result.stdout)
    assert f"{target}.csv.gz: 89 rows, 4 columns as 9 features; {task} of {target}" in text
    assert f"1 rows without {target} left out" in text
    parts = r"([\d.e-]+) s choosing, ([\d.e-]+) s learning, ([\d.e-]+) s stating the score, ([\d.e-]+) s for the last"
    total, *each = re.search(
        rf"About ([\d.e-]+) s and \d+ MiB: {parts} solve by (?:Cholesky|ConjugateGradient)", text
    ).groups()
    assert float(total) == pytest.approx(sum(map(float, each)), rel=0.1)
    assert text.index("solve by") < text.index("100%") < text.index(score)
    for name in ("kernel", "bandwidth", "ridge", "iterate", "time"):
        assert name in text
    assert f"power of the AGOP {load(folder / f'{target}.model')[1].power_:g}" in text
    assert float(re.search(rf"{score} ([\d.]+)", text)[1]) > 0.6
    effects, steepness = re.search(
        r"Largest effects .*?: (.*?) (?:Not settled .*)?Steepest .*?: (.*?) Model:", text
    ).groups()
    found = explain(load(folder / f"{target}.model"), n_columns=0)
    order = found.ranking()
    assert effects.split(", ") == [f"{found.columns[k]} {found.effects[k]:.3f} ± {found.errors[k]:.3f}" for k in order]
    assert sorted(each.rsplit(" ", 1)[0] for each in steepness.split(", ")) == sorted(found.columns)
    assert ("Not settled which of these is largest" in text) == (len(found.leaders()) > 1)
    assert text.endswith(f"Model: {folder / f'{target}.model'}")


def test_the_model_is_a_pipeline_that_knows_its_columns(folder, fitted):
    model = load(folder / "height.model")
    assert model[0].columns_ == ("age [red]", "ward", "tall", "noise")
    assert model[0].target_ == "height"
    assert model[1].callback is None
    assert model[1].random_state == 0
    assert load(folder / "level.model").classes_.tolist() == [0, 1, 2]
    assert load(folder / "size.model").classes_.tolist() == ["[small]", "big"]


def test_options_reach_the_model(folder, tmp_path):
    options = ["--time-budget", 50, "--max-memory", 0.5, "--seed", 7, "--task", "regression", "--power", 0.5]
    result = invoke("fit", folder / "level.csv.gz", "--target", "level", *options, "--out", tmp_path / "model")
    assert result.exit_code == 0, result.output
    model = load(tmp_path / "model")[1]
    assert (model.time_budget, model.max_memory, model.random_state, model.power) == (50.0, 2**29, 7, 0.5)
    assert isinstance(model, RFMRegressor)


@pytest.mark.parametrize("power", ["half", "0", "nan"])
def test_an_unusable_power(folder, tmp_path, power):
    result = invoke("fit", folder / "level.csv.gz", "--target", "level", "--power", power, "--out", tmp_path / "model")
    failed(result, f"a positive number as --power, got {power}. 1 is the published")
    assert not (tmp_path / "model").exists()


def test_a_line_an_iterate_and_what_the_budget_leaves_out(folder, tmp_path):
    options = ["--target", "height", "--out", tmp_path / "model"]
    quiet = invoke("fit", folder / "height.csv.gz", *options, "--verbose", 0)
    assert "choosing:" not in quiet.stdout
    assert "100%" not in quiet.stdout
    assert invoke("fit", folder / "height.csv.gz", *options, "--verbose", 3).exit_code == 2
    shown = invoke("fit", folder / "height.csv.gz", *options, "--verbose", 2, "--time-budget", 1e-6)
    assert shown.exit_code == 0, shown.output
    lines = re.findall(r"choosing: iterate (\d), (\w+),.* bandwidth .*, ridge .*, left-out loss .*, .* s", shown.stdout)
    assert lines[:2] == [("0", "Laplace"), ("0", "ProductLaplace")]
    assert re.search(r"learning: iterate 0, \w+, bandwidth", shown.stdout)
    assert "The time budget of 1e-06 s ran out: " in words(shown.stdout)
    assert load(tmp_path / "model")[1].cut_short_


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("target", TARGETS)
def test_predict(folder, fitted, tmp_path, target, suffix):
    frame = people(30, seed=1)
    table, out = write_table(tmp_path / f"new{suffix}", frame, target), tmp_path / f"out{suffix}"
    result = invoke("predict", folder / f"{target}.model", table, "--out", out)
    assert result.exit_code == 0, result.output
    written = (pandas.read_parquet if suffix == ".parquet" else pandas.read_csv)(out)
    assert list(written.columns) == ["prediction"]
    expected = load(folder / f"{target}.model").predict(frame.drop(columns=list(TARGETS)))
    read = expected.tolist() if expected.dtype.kind != "f" else pytest.approx(expected, rel=1e-15)  # pandas before 3
    assert written.prediction.tolist() == read
    known = frame[target].notna().to_numpy()
    truth = frame[target][known].to_numpy()
    if target == "height":
        r2 = 1 - ((truth - expected[known]) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        assert f"R²: {r2:.4f}, RMSE " in words(result.stdout)
    else:
        assert f"Accuracy: {(truth == expected[known]).mean():.4f} (29 rows with a target)" in words(result.stdout)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, out.name])


def test_probabilities(folder, fitted, tmp_path):
    frame, out = people(30, seed=1), tmp_path / "out.csv"
    table = write_table(tmp_path / "new.csv", frame)
    result = invoke("predict", folder / "size.model", table, "--out", out, "--probabilities")
    assert result.exit_code == 0, result.output
    assert "Accuracy" not in result.stdout  # there is no target
    written = pandas.read_csv(out)
    assert list(written.columns) == ["prediction", "probability [small]", "probability big"]
    assert written.iloc[:, 1:].to_numpy().sum(1) == pytest.approx(1)
    agreed = (written["probability big"] > 0.5) == (written.prediction == "big")
    assert agreed.all()


def test_intervals(folder, fitted, tmp_path):
    frame, out = people(300, seed=1), tmp_path / "out.csv"
    table = write_table(tmp_path / "new.csv", frame)
    result = invoke("predict", folder / "height.model", table, "--out", out, "--coverage", 0.8)
    assert result.exit_code == 0, result.output
    written, known = pandas.read_csv(out), frame.height.notna()
    assert list(written.columns) == ["prediction", "lower", "upper"]
    assert (written.lower < written.prediction).all()
    assert frame.height[known].between(written.lower[known], written.upper[known]).mean() == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_pieces_of_a_table_give_the_same_bytes(folder, fitted, tmp_path, monkeypatch, suffix):
    """Also where a piece holds wards 07 and 08 only, which would be numbers on their own."""
    frame = people(60, seed=2).sort_values("ward", na_position="first")
    table = write_table(tmp_path / "new.csv", frame, "size")
    whole = invoke("predict", folder / "size.model", table, "--out", tmp_path / f"whole{suffix}")
    seen = []

    def pieces(*arguments, **options):
        for piece in table_files.table_rows(*arguments, **options, n_rows=7):
            seen.append(len(piece))
            yield piece

    monkeypatch.setattr(predicting, "table_rows", pieces)
    parts = invoke("predict", folder / "size.model", table, "--out", tmp_path / f"parts{suffix}")
    assert seen == [7] * 8 + [4]
    assert whole.exit_code == parts.exit_code == 0, parts.output
    if suffix == ".parquet":
        files = [pandas.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "parts")]
        pandas.testing.assert_frame_equal(*files)
    else:
        assert (tmp_path / f"whole{suffix}").read_bytes() == (tmp_path / f"parts{suffix}").read_bytes()
    score = re.search(r"Accuracy: .*", whole.stdout)[0]
    assert score in parts.stdout


def test_explain(folder, fitted, tmp_path):
    result = invoke("explain", folder / "height.model")
    assert result.exit_code == 0, result.output
    text = words(result.stdout)
    assert "leading directions" in text
    assert "Picture" not in text
    found = explain(load(folder / "height.model"))
    for name, effect, error in zip(found.columns, found.effects, found.errors, strict=True):
        assert re.search(rf"{re.escape(name)} .{{10}} {effect:.4f} ± {error:.4f} ", text)
    rows = [text.index(f" {found.columns[k]} █") for k in found.ranking() if found.effects[k] > 0.05]
    assert len(rows) > 1
    assert rows == sorted(rows)
    assert re.search(r"effect, .* %  *.* \(2 standard errors\)  *(largest|may be the largest: not settled)", text)


def test_swaps_are_as_many_as_asked_for(folder, plain):
    told = set()
    for swaps in (100, 8000):
        result = invoke("explain", plain / "height.model", "--swaps", swaps)
        assert result.exit_code == 0, result.output
        told.add(re.search(r"tall .{10} [\d.]+ ± ([\d.]+)", words(result.stdout))[1])
        found = explain(load(plain / "height.model"), n_swaps=swaps)
        assert f"{found.errors[found.columns.index('tall')]:.4f}" in told
    assert len(told) == 2
    table, run = folder / "height.csv.gz", plain / "run"
    assert invoke("explain", plain / "height.model", table, "--run", run, "--swaps", 100).exit_code == 0
    assert Run.open(run).info()["settings"]["swaps"] == 100
    failed(invoke("explain", plain / "height.model", table, "--run", run), "the settings")


@pytest.fixture
def plain(folder, tmp_path):
    """A model of each kind that takes no choices, and so is fitted fast."""
    for target, kind in (("height", "regression"), ("size", "classification")):
        frame = pandas.read_csv(folder / f"{target}.csv.gz").dropna(subset=target)
        model = table_pipeline(kind).set_params(model__n_iterations=0, model__kernel=Laplace(3.0), model__ridge=0.1)
        model.fit(frame.drop(columns=target), frame[target])
        model[0].target_ = target
        save(model, tmp_path / f"{target}.model")
    return tmp_path


@pytest.mark.parametrize(("target", "measure"), [("height", "RMSE"), ("size", "error rate")])
def test_explain_into_a_folder(folder, plain, target, measure):
    model, table, run = plain / f"{target}.model", folder / f"{target}.csv.gz", plain / "run"
    command = "explain", model, table, "--run", run, "--folds", 3, "--seed", 2, "--out", plain / "picture.svg"
    result = invoke(*command)
    assert result.exit_code == 0, result.output
    text = words(result.stdout)
    lines = Run.open(run).metrics()
    assert [line["fold"] for line in lines] == [1, 2, 3]
    assert sum(line["n_rows"] for line in lines) == 89
    for line in lines:
        assert f"{line['fold']} {line['n_rows']} {line['error']:.4g} {line['score']:.4f} {line['baseline']:.4g}" in text
    errors = [line["error"] for line in lines]
    assert f"{measure}, mean over 3 folds {np.mean(errors):.3g} " in text
    assert "• Rows without a target, which are in no fold: 1." in text
    assert f"Report: {run / 'report.html'}" in text
    assert "leading directions" in text
    assert "100%" in text
    assert Run.open(run).info()["settings"] == {
        "model": str(model),
        "table": str(table),
        "folds": 3,
        "seed": 2,
        "swaps": None,
    }
    again = invoke(*command)
    assert again.exit_code == 0, again.output
    assert Run.open(run).metrics() == lines
    assert words(again.stdout).split("fold rows")[1] == text.split("fold rows")[1]


def test_explain_into_a_folder_without_folds(folder, plain):
    result = invoke("explain", plain / "height.model", folder / "height.csv.gz", "--run", plain / "run")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (plain / "run").iterdir()) == [
        ".lock",
        "explanation.json",
        "report.html",
        "run.json",
    ]
    assert "RMSE" not in result.stdout
    assert "effect" in result.stdout


def test_explain_that_cannot_be(folder, plain):
    model, table, run = plain / "height.model", folder / "height.csv.gz", plain / "run"
    failed(invoke("explain", model, table, "--folds", 3), "--run with --folds, got none.")
    failed(invoke("explain", model, "--run", run), "TABLE with --run, got none.")
    failed(invoke("explain", model, table, "--run", run, "--folds", 1), "0 or 2 .. 89 folds of 89 rows")
    failed(invoke("explain", model, table, "--run", plain), "a new or empty folder at")
    failed(invoke("explain", model, table, "--run", model), "a new or empty folder at")
    short = write_table(plain / "short.csv", people(20))
    failed(invoke("explain", model, short, "--run", run, "--folds", 3), "the target 'height' in the table, for folds")
    assert not run.exists()


def test_interrupted_folds(folder, plain, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folds.TableFolds, "line", interrupt)
    result = invoke("explain", plain / "height.model", folder / "height.csv.gz", "--run", plain / "run", "--folds", 3)
    assert result.exit_code == 130
    assert words(result.stderr) == "Interrupted. Repeat the command to go on with what it finished."


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_pictures(folder, fitted, tmp_path, suffix):
    pytest.importorskip("matplotlib")
    out = tmp_path / f"picture{suffix}"
    result = invoke("explain", folder / "height.model", folder / "height.csv.gz", "--out", out)
    assert result.exit_code == 0, result.output
    assert f"Picture: {out}" in words(result.stdout)
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert out.read_bytes().startswith(starts[suffix])


def test_without_matplotlib_the_text_still_comes(folder, fitted, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = invoke("explain", folder / "height.model", "--out", tmp_path / "picture.svg")
    assert result.exit_code == 0, result.output
    assert "leading directions" in words(result.stdout)
    assert "Picture left out: expected matplotlib, " in words(result.stdout)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv", "--target", "height"], "nowhere.csv, got no such file."),
        (
            ["height.csv.gz", "--target", "weight"],
            "a column 'weight', got columns age [red], ward, tall, noise, height.",
        ),
        (["table.xlsx", "--target", "height"], "to end in .csv, .csv.gz or .parquet, got .xlsx."),
        (["torn.csv.gz", "--target", "height"], "to be a complete, readable table"),
        (["size.csv.gz", "--target", "size", "--task", "regression"], "numbers in column 'size', got values such as"),
        (["height.csv.gz", "--target", "height", "--task", "classification"], "got numbers with fractions."),
        (["empty.csv", "--target", "y"], "values in column 'y', got missing ones only."),
        (["constant.csv", "--target", "y"], "different values in column 'y', got 1 in all rows."),
        (["flat.csv", "--target", "y", "--task", "regression"], "different values in column 'y', got 0.5 in all rows."),
        (["alone.csv", "--target", "y"], "a table with rows and columns"),
        (["height.csv.gz", "--target", "height", "--max-memory", "0.000001"], "Convert it to Parquet"),
        (["height.csv.gz", "--target", "height", "--max-memory", "0.00005"], "a kernel matrix within 0 MiB"),
    ],
)
def test_fit_that_cannot_be(folder, tmp_path, arguments, message):
    (folder / "table.xlsx").write_bytes(b"")
    (folder / "torn.csv.gz").write_bytes((folder / "height.csv.gz").read_bytes()[:-20])
    (folder / "empty.csv").write_text("x,y\n1,\n2,\n")
    (folder / "constant.csv").write_text("x,y\n1,1\n2,1\n")
    (folder / "flat.csv").write_text("x,y\n1,.5\n2,.5\n")
    (folder / "alone.csv").write_text("y\n1\n2\n")
    result = invoke("fit", folder / arguments[0], *arguments[1:], "--out", tmp_path / "model")
    failed(result, message)
    assert "100%" not in result.stdout
    assert not (tmp_path / "model").exists()


def test_out_that_cannot_be(folder, fitted, tmp_path):
    table = folder / "height.csv.gz"
    before = table.read_bytes()
    failed(invoke("fit", table, "--target", "height", "--out", table), "another name for --out")
    failed(invoke("fit", table, "--target", "height", "--out", folder), "a file name as --out")
    failed(invoke("fit", table, "--target", "height", "--out", tmp_path / "no" / "m"), "no such folder. Create it")
    model = folder / "height.model"
    failed(invoke("predict", model, table, "--out", table), "another name for --out")
    failed(
        invoke("predict", model, table, "--out", tmp_path / "out.txt"), "ends in .csv, .csv.gz, .parquet, got out.txt"
    )
    failed(
        invoke("explain", model, table, "--out", tmp_path / "out.jpg"), "--out to end in .pdf, .svg, .png, got out.jpg"
    )
    assert table.read_bytes() == before
    assert not list(tmp_path.iterdir())


def test_predict_that_cannot_be(folder, fitted, tmp_path):
    model, out = folder / "height.model", tmp_path / "out.csv"
    out.write_text("mine")
    table = write_table(tmp_path / "new.csv", people(20), "height")
    failed(invoke("predict", tmp_path / "none", table, "--out", out), "No such file")
    failed(invoke("predict", table, folder / "height.csv.gz", "--out", out), "to be a complete safetensors file")
    failed(invoke("predict", model, tmp_path / "none.csv", "--out", out), "none.csv, got no such file.")
    failed(invoke("predict", model, table, "--out", out, "--probabilities"), "got a regression model.")
    failed(invoke("predict", model, table, "--out", out, "--coverage", 1.5), "a coverage between 0 and 1")
    failed(invoke("predict", folder / "size.model", table, "--out", out, "--coverage", 0.9), "got a classifier.")
    short = tmp_path / "short.csv"
    people(20)[["age [red]", "ward", "noise"]].to_csv(short, index=False)
    failed(invoke("predict", model, short, "--out", out), "got missing: ['tall']; surplus: none.")
    people(20).assign(noise="loud").to_csv(short, index=False)
    failed(invoke("predict", model, short, "--out", out), "surplus: ['size', 'level'].")
    write_table(short, people(20).assign(noise="loud"), "height")
    failed(invoke("predict", model, short, "--out", out), "numbers in column 'noise', as in training")
    write_table(short, people(20).assign(height="much"), "height")
    failed(invoke("predict", model, short, "--out", out), "numbers in column 'height'")
    storage.save(tmp_path / "other", {}, {})
    failed(invoke("predict", tmp_path / "other", table, "--out", out), "to hold an estimator")
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "other", "out.csv", "short.csv"]


@pytest.mark.parametrize("good", [203, pytest.param(200, marks=FIRST_OF_A_PIECE)])
def test_a_row_that_is_damaged_late_leaves_the_file_as_it_was(folder, fitted, tmp_path, monkeypatch, good):
    monkeypatch.setattr(predicting, "table_rows", lambda *a, **k: table_files.table_rows(*a, **k, n_rows=5))
    table, out = write_table(tmp_path / "new.csv.gz", people(good)), tmp_path / "out.csv.gz"
    text = gzip.decompress(table.read_bytes()).decode() + "1,2,3,4,5,6\n"
    table.write_bytes(gzip.compress(text.encode()))
    failed(invoke("predict", folder / "height.model", table, "--out", out), "to be a complete, readable table")
    assert not out.exists()


def test_a_model_of_no_table(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 2))
    save(RFMRegressor(n_iterations=0, ridge=0.1, selection=None).fit(X, X[:, 0]), tmp_path / "model")
    pandas.DataFrame(X, columns=["a", "b"]).to_csv(tmp_path / "x.csv", index=False)
    failed(
        invoke("predict", tmp_path / "model", tmp_path / "x.csv", "--out", tmp_path / "y.csv"), "got a RFMRegressor."
    )
    failed(invoke("explain", tmp_path / "model"), "to hold a model of a table, from agop fit, got a RFMRegressor.")


def test_a_model_that_python_fitted(tmp_path):
    frame = people(40).drop(columns=["size", "level"]).dropna(subset="height")
    model = table_pipeline("regression").set_params(model__n_iterations=0)
    save(model.fit(frame.drop(columns="height"), frame.height), tmp_path / "model")
    frame.drop(columns="height").to_csv(tmp_path / "x.csv", index=False)
    result = invoke("predict", tmp_path / "model", tmp_path / "x.csv", "--out", tmp_path / "y.csv")
    assert result.exit_code == 0, result.output
    assert len(pandas.read_csv(tmp_path / "y.csv")) == 39


def test_interrupted(folder, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "_fit", interrupt)
    (tmp_path / "model").write_text("mine")
    result = invoke("fit", folder / "height.csv.gz", "--target", "height", "--out", tmp_path / "model")
    assert result.exit_code == 130
    assert words(result.stderr) == "Interrupted. Nothing was written."
    assert (tmp_path / "model").read_text() == "mine"


def test_help():
    text = words(invoke("fit", "--help").stdout)
    for part in (
        "--target",
        "--task",
        "--time-budget",
        "--max-memory",
        "--seed",
        "--out",
        "20 distinct values at most",
    ):
        assert part in text
    assert "--probabilities" in words(invoke("predict", "--help").stdout)
    for part in ("--out", "--run", "--folds", "--seed"):
        assert part in words(invoke("explain", "--help").stdout)
