"""Make the reports of the gallery: small runs on data that ship with scikit-learn, one page a kind of run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from sklearn.datasets import load_diabetes

from agop import datasets, load, report, save, table_pipeline
from agop.deep_rfm import DeepRFMSettings, run_deep_rfm
from agop.paper import TrainSettings, run_train
from agop.tables import ExplainSettings, run_explain


def main() -> None:
    """Write the pages into the folder that is named, and the runs beside them, unless they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the pages")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs, which are not made again")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    arguments.runs.mkdir(parents=True, exist_ok=True)
    for name, record in make_runs(arguments.runs).items():
        report(record, arguments.folder / f"report-{name}.html")


def make_runs(folder: Path) -> dict[str, object]:
    """What each page is about, by its name."""
    digits = datasets.load("digits")
    deep = DeepRFMSettings(samples=1000, depth=8, width=256, seeds=(0, 1, 2), control=True)
    network = TrainSettings(
        samples=800, width=64, fc_layers=4, gain=0.5, lr=0.1, batch_size=50, epochs=50, every=5, seeds=(0, 1)
    )
    lazy = replace(network, gain=2.0, lr=0.005)
    small, large = (
        run_train(settings, digits, folder / f"gain {settings.gain:g}").path for settings in (network, lazy)
    )
    return {
        "deep-rfm": run_deep_rfm(deep, digits, folder / "deep-rfm").path,
        "network": small,
        "comparison": [small, large],
        "table": _table(folder),
    }


def _table(folder: Path) -> Path:
    """The diabetes table, the model of it, and the folder that says what it depends on."""
    names = {"s1": "cholesterol", "s2": "LDL", "s3": "HDL", "s4": "cholesterol / HDL", "s5": "log triglycerides"}
    names |= {"s6": "blood sugar", "bp": "blood pressure", "target": "progression"}
    frame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns=names)
    table, model = folder / "diabetes.csv", folder / "diabetes.safetensors"
    if not model.exists():
        frame.to_csv(table, index=False)
        pipeline = table_pipeline("regression").fit(frame.drop(columns="progression"), frame["progression"].to_numpy())
        pipeline["table"].target_ = "progression"
        save(pipeline, model)
    settings = ExplainSettings(model=str(model), table=str(table), folds=5)
    return run_explain(settings, load(model), frame, folder / "diabetes").path


if __name__ == "__main__":
    main()
