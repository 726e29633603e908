"""A run folder of a model of a table: what it writes, against models fitted by hand, and how it resumes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, StratifiedKFold

from agop import Laplace, ProductLaplace, RFMClassifier, RFMRegressor
from agop.errors import InputError
from agop.kernels import LeaveOneOutBandwidth
from agop.runs import Run
from agop.tables import ExplainSettings, Explanation, explain, run_explain, table_pipeline
from agop.tables import folds as table_folds
from agop.tables import run as experiment
from agop.tables.explain import column_effects
from agop.tables.folds import TableFolds
from agop.tables.parquet import ParquetTable

pandas = pytest.importorskip("pandas")

SETTINGS = ExplainSettings("town.model", "town.csv", folds=3, seed=4)
PLAIN = {"kernel": Laplace(3.0), "ridge": 0.01, "n_iterations": 1, "selection": None}


def people(n=60):
    rng = np.random.default_rng(1)
    frame = pandas.DataFrame({name: rng.standard_normal(n) for name in ("age", "mass", "noise")})
    frame["town"] = rng.choice(["Ulm", "Bonn"], n)
    frame["height"] = frame.age * frame.mass + 2 * (frame.town == "Ulm")
    frame["size"] = np.where(frame.height > 1, "large", "small")
    frame["rank"] = np.digitize(frame.height, [0.5, 2.0])
    return frame


FRAME = people()


def table_of(target, frame=FRAME):
    return frame.drop(columns=[name for name in ("height", "size", "rank") if name != target])


def fitted(target, model=None, frame=FRAME):
    model = model or (RFMRegressor if target == "height" else RFMClassifier)(**PLAIN)
    frame = table_of(target, frame)
    pipeline = table_pipeline(model).fit(frame.drop(columns=target), frame[target])
    pipeline[0].target_ = target
    return pipeline


@pytest.fixture(scope="module")
def models():
    return {target: fitted(target) for target in ("height", "size", "rank")}


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    return run_explain(SETTINGS, models["height"], table_of("height"), tmp_path_factory.mktemp("runs") / "height")


def numbers(run):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in run.metrics()]


def test_explanation(run, models):
    values = json.loads((run.path / "explanation.json").read_text())
    assert values == explain(models["height"], table_of("height").drop(columns="height"), random_state=4).to_json()
    assert Explanation.from_json(values).effects.shape == (4,)


def test_folds_of_a_regression(run):
    frame, y = table_of("height").drop(columns="height"), FRAME.height.to_numpy()
    lines = run.metrics()
    assert [line["fold"] for line in lines] == [1, 2, 3]
    for line, (train, test) in zip(lines, KFold(3, shuffle=True, random_state=4).split(y), strict=True):
        model = table_pipeline(RFMRegressor(**PLAIN, random_state=4)).fit(frame.iloc[train], y[train])
        errors = [(p - t) ** 2 for p, t in zip(model.predict(frame.iloc[test]), y[test], strict=True)]
        mean = math.fsum(y[train]) / len(train)
        assert line["measure"] == "RMSE"
        assert line["n_rows"] == len(test) == 20
        assert line["error"] == pytest.approx(math.sqrt(math.fsum(errors) / 20))
        assert line["baseline"] == pytest.approx(math.sqrt(math.fsum((t - mean) ** 2 for t in y[test]) / 20))
        assert line["score"] == pytest.approx(model.score(frame.iloc[test], y[test]))
        assert line["seconds"] > 0
        for name, (share, error) in column_effects(model, frame.iloc[test], random_state=4).items():
            assert line["effects"][name] == pytest.approx({"share": share, "error": error})


def test_folds_of_a_predictor_that_is_constant(tmp_path):
    """Nothing can be learned from equal targets: no column has an effect, and no fold fails."""
    model = fitted("height", RFMRegressor(**(PLAIN | {"n_iterations": 0})))
    frame = table_of("height").assign(height=[*[1.0] * 59, 2.0])
    lines = run_explain(replace(SETTINGS, seed=0), model, frame, tmp_path / "run").metrics()
    constant = [line for line in lines if all(effect["share"] == 0 for effect in line["effects"].values())]
    assert len(constant) == 1


def test_a_parquet_file_in_pieces_makes_the_run_of_the_frame(models, tmp_path):
    """Rows without a target and a repeated one included: the same numbers, notes and checksum, whatever the pieces."""
    frame = pandas.concat([table_of("height"), table_of("height")[:1]], ignore_index=True)
    frame.loc[[3, 4], "height"] = np.nan
    frame.to_parquet(tmp_path / "town.parquet")
    tables = frame, ParquetTable(tmp_path / "town.parquet", n_rows=7), ParquetTable(tmp_path / "town.parquet")
    whole, *parts = [
        run_explain(SETTINGS, models["height"], table, tmp_path / str(number)) for number, table in enumerate(tables)
    ]
    assert len(whole.info()["notes"]) == 2
    for part in parts:
        assert part.info()["checksum"] == whole.info()["checksum"]
        assert part.info()["notes"] == whole.info()["notes"]
        assert json.loads((part.path / "explanation.json").read_text()) == json.loads(
            (whole.path / "explanation.json").read_text()
        )
        for line, expected in zip(numbers(part), numbers(whole), strict=True):
            assert line["error"] == pytest.approx(expected["error"], rel=1e-9)
            assert line["baseline"] == expected["baseline"]
            for name, effect in expected["effects"].items():
                assert line["effects"][name] == pytest.approx(effect, rel=1e-6, abs=1e-9)


def test_a_bad_value_in_a_late_piece_is_found_before_anything_is_written(models, tmp_path):
    frame = table_of("height").assign(age=lambda rows: rows.age.where(rows.index < 50, np.inf))
    frame.to_parquet(tmp_path / "town.parquet")
    with pytest.raises(InputError, match="age"):
        run_explain(SETTINGS, models["height"], ParquetTable(tmp_path / "town.parquet", n_rows=7), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("target", ["size", "rank"])
def test_folds_of_a_classification(models, tmp_path, target):
    run = run_explain(SETTINGS, models[target], table_of(target), tmp_path / "run")
    frame, y = table_of(target).drop(columns=target), FRAME[target].to_numpy()
    parts = StratifiedKFold(3, shuffle=True, random_state=4).split(y, y)
    for line, (train, test) in zip(run.metrics(), parts, strict=True):
        model = table_pipeline(RFMClassifier(**PLAIN, random_state=4)).fit(frame.iloc[train], y[train])
        wrong = sum(a != b for a, b in zip(model.predict(frame.iloc[test]), y[test], strict=True))
        most = max(sorted(set(y)), key=lambda label: sum(y[train] == label))
        assert line["measure"] == "error rate"
        assert line["error"] == pytest.approx(wrong / len(test))
        assert line["score"] == pytest.approx(1 - wrong / len(test))
        assert line["baseline"] == pytest.approx(sum(y[test] != most) / len(test))
    assert run.info()["task"] == "classification"


def test_run_json(run, models, tmp_path):
    info = run.info()
    assert info["settings"] == asdict(SETTINGS)
    assert info["finished"] is not None
    assert info["seconds"] > sum(line["seconds"] for line in run.metrics())
    wanted = {
        "task": "regression",
        "target": "height",
        "kernel": "Laplace",
        "bandwidth": 3.0,
        "ridge": 0.01,
        "diagonal": False,
        "iterate": 1,
        "selection": None,
        "scores": None,
        "n_centers": 60,
        "n_columns": 4,
        "n_features": 5,
        "n_rows": 60,
        "notes": [],
    }
    assert {name: info[name] for name in wanted} == wanted
    model = fitted("height", RFMRegressor(ProductLaplace(4.0), ridge=0.01, n_iterations=2))
    other = run_explain(replace(SETTINGS, folds=0), model, table_of("height"), tmp_path / "other").info()
    assert (other["diagonal"], other["selection"], other["scores"]) == (
        True,
        "loo",
        model[1].validation_scores_.tolist(),
    )
    assert len(other["scores"]) == 3


def test_choices_are_made_anew(tmp_path):
    """A bandwidth that leave-one-out chooses is that of the training rows of the fold."""
    options = {"kernel": Laplace(LeaveOneOutBandwidth()), "n_iterations": 0, "random_state": 7}
    model = fitted("height", RFMRegressor(**options))
    line = run_explain(replace(SETTINGS, folds=2), model, table_of("height"), tmp_path / "run").metrics()[0]
    frame, y = table_of("height").drop(columns="height"), FRAME.height.to_numpy()
    train, test = next(KFold(2, shuffle=True, random_state=4).split(y))
    anew = table_pipeline(RFMRegressor(**options)).fit(frame.iloc[train], y[train])
    assert anew[1].bandwidth_ != model[1].bandwidth_
    wanted = np.sqrt(np.mean((anew.predict(frame.iloc[test]) - y[test]) ** 2))
    assert line["error"] == pytest.approx(wanted)


def test_the_model_is_left_as_it_was(models, tmp_path):
    rows = table_of("height").drop(columns="height")
    before = models["height"].predict(rows)
    run_explain(SETTINGS, models["height"], table_of("height"), tmp_path / "run")
    np.testing.assert_array_equal(models["height"].predict(rows), before)
    assert models["height"][1].random_state is None


def test_resuming(run, models, tmp_path, monkeypatch):
    """An interrupt in the third fold: the repeated command fits the third only."""
    seen, line = [], TableFolds.line

    def interrupt(self, number):
        if len(seen) == 2:
            raise KeyboardInterrupt
        return line(self, number)

    monkeypatch.setattr(TableFolds, "line", interrupt)
    arguments = SETTINGS, models["height"], table_of("height"), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run_explain(*arguments, lambda line: seen.append(line["fold"]))
    broken = Run(tmp_path / "run")
    assert broken.info()["finished"] is None
    assert broken.info()["seconds"] > 0
    assert seen == [1, 2]
    monkeypatch.setattr(TableFolds, "line", line)
    monkeypatch.setattr(experiment, "explain", None)  # it is there already
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"fold": 3, "err')  # a crash while it was written
    resumed = run_explain(*arguments, lambda line: seen.append(line["fold"]))
    assert seen == [1, 2, 3]
    assert numbers(resumed) == numbers(run)
    assert resumed.info()["finished"] is not None
    assert numbers(run_explain(*arguments, seen.append)) == numbers(run)
    assert seen == [1, 2, 3]


def test_another_table_or_model_under_the_same_names(models, tmp_path):
    settings, table = replace(SETTINGS, folds=0), table_of("height")
    run_explain(settings, models["height"], table, tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_text()
    changed = table.assign(age=table.age.where(table.index != 7, 0.5))
    with pytest.raises(InputError, match="began with, got others: checksum differ"):
        run_explain(settings, models["height"], changed, tmp_path / "run")
    model = fitted("height", RFMRegressor(**PLAIN | {"ridge": 0.1}))
    with pytest.raises(InputError, match="began with, got others: ridge differ"):
        run_explain(settings, model, table, tmp_path / "run")
    with pytest.raises(InputError, match=r"the settings of the run .*: seed=4, got seed=5"):
        run_explain(replace(settings, seed=5), models["height"], table, tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_text() == before


def test_rows_without_target_and_copies(models, tmp_path):
    table = table_of("height").copy()
    table.iloc[5] = table.iloc[4]
    table.loc[[1, 2], "height"] = None
    run = run_explain(SETTINGS, models["height"], table, tmp_path / "run")
    assert sum(line["n_rows"] for line in run.metrics()) == 58
    missing, copies = run.info()["notes"]
    assert missing == "Rows without a target, which are in no fold: 2."
    assert copies.startswith("Rows that repeat the columns of another one: 1 of 58.")


def test_without_folds_no_target_is_needed(models, tmp_path):
    rows = table_of("height").drop(columns="height")
    run = run_explain(replace(SETTINGS, folds=0), models["height"], rows, tmp_path / "run")
    assert run.metrics() == []
    assert (run.path / "explanation.json").exists()
    assert run.info()["finished"] is not None


def test_a_fold_with_one_target_has_no_score(tmp_path):
    frame = table_of("height").assign(height=np.where(np.arange(60) < 55, 1.5, 2.0))
    run = run_explain(replace(SETTINGS, folds=30), fitted("height"), frame, tmp_path / "run")
    assert [line["score"] for line in run.metrics()].count(None) >= 25
    assert all(line["error"] is not None for line in run.metrics())


def test_labels_as_the_model_has_them():
    labels = np.array(["07", "8"], dtype=object)
    assert table_folds._labels(pandas.Series(["8", "07"]), labels).tolist() == ["8", "07"]
    assert table_folds._labels(pandas.Series([8, 8]), labels).tolist() == ["8", "8"]
    assert table_folds._labels(pandas.Series([1.0, 2.0]), np.array([1, 2])).tolist() == [1, 2]
    assert table_folds._labels(pandas.Series([True, False], dtype=object), np.array([False, True])).tolist() == [
        True,
        False,
    ]
    with pytest.raises(InputError, match="classes of the model in column 'y', got also 3, x"):
        table_folds._labels(pandas.Series([1, "x", 3], name="y"), np.array([1, 2]))


@pytest.mark.parametrize(
    ("target", "settings", "change", "message"),
    [
        ("height", {"folds": 1}, {}, "0 or 2 .. 60 folds of 60 rows with a target, got 1"),
        ("height", {"folds": 61}, {}, "got 61"),
        ("height", {"folds": -1}, {}, "got -1"),
        ("height", {"folds": 2}, {"rows": 3}, "2 or more rows to learn from beside each fold, got 3 rows"),
        ("height", {}, {"drop": "height"}, "the target 'height' in the table, for folds, got columns age, mass"),
        ("height", {"folds": 0}, {"drop": "age"}, "the columns of the fit, got missing: \\['age'\\]"),
        ("height", {"folds": 0}, {"rows": 1}, "3 or more rows, got 1"),
        ("height", {}, {"set": "much"}, "numbers in column 'height'"),
        ("height", {}, {"set": np.inf}, "finite numbers in column 'height'"),
        ("size", {}, {"set": "middling"}, "classes of the model in column 'size', got also middling"),
        ("size", {"folds": 40}, {}, "40 or more rows of each class, got"),
        ("size", {"folds": 2}, {"only": "small"}, "2 or more classes, got small in all rows"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(models, tmp_path, target, settings, change, message):
    frame = table_of(target).copy()
    if "set" in change:
        frame[target] = frame[target].astype(object)
        frame.loc[3, target] = change["set"]
    if "only" in change:
        frame = frame[frame[target] == change["only"]]
    frame = frame.drop(columns=change.get("drop", [])).iloc[: change.get("rows")]
    with pytest.raises(InputError, match=message):
        run_explain(replace(SETTINGS, **settings), models[target], frame, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_models_that_cannot_be(tmp_path):
    table = table_of("height")
    unknown = table_pipeline(RFMRegressor(**PLAIN)).fit(table.drop(columns="height"), table.height)
    with pytest.raises(InputError, match="a model that knows its target, for folds, got one without"):
        run_explain(SETTINGS, unknown, table, tmp_path / "run")
    with pytest.raises(InputError, match="of an RFMRegressor or RFMClassifier, got a Ridge"):
        run_explain(SETTINGS, fitted("height", Ridge()), table, tmp_path / "run")
    assert not (tmp_path / "run").exists()
