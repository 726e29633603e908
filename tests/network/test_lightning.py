"""The Lightning callback: when it measures, what it logs, how training resumes, and that training does not notice."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import agop

pl = pytest.importorskip("lightning.pytorch")

from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import CSVLogger, Logger  # noqa: E402
from lightning.pytorch.strategies import FSDPStrategy, SingleDeviceStrategy  # noqa: E402

from agop.errors import InputError  # noqa: E402
from agop.network import NetworkRecord  # noqa: E402
from agop.network.lightning import CollapseCallback  # noqa: E402
from agop.runs import Run  # noqa: E402
from network.ddp_lightning import Classifier, Normalized, samples, train  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning",
    "ignore:Checkpoint directory:UserWarning",
    "ignore:.*LeafSpec.*:FutureWarning:lightning",
)


class Dropping(Classifier):
    """A model that shows if its modes or random numbers were disturbed."""

    def __init__(self):
        super().__init__()
        layers = [torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(0.3)]
        self.net = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3))
        self.net[0].eval()  # a mode of its own

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", torch.nn.functional.cross_entropy(self(batch[0]), batch[1]))


class Memory(Logger):
    """Keeps what it is given."""

    name, version = "memory", 0

    def __init__(self):
        super().__init__()
        self.logged = []

    def log_hyperparams(self, params, *args, **kwargs):
        pass

    def log_metrics(self, metrics, step=None):
        self.logged.append((step, metrics))


def trainer(folder, *callbacks, **options):
    options = {"logger": False, "enable_checkpointing": False, "max_epochs": 2, **options}
    return pl.Trainer(
        accelerator="cpu",
        devices=1,
        callbacks=list(callbacks),
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def tracked(out=None, **options):
    return CollapseCallback(samples(), out, **{"time_share": None, **options})


def indices(folder, unit="epoch"):
    """Index of every measurement in the folder, once for each time it was written."""
    return [line[unit] for line in Run.open(folder).metrics() if (line["layer"], line["stage"]) == ("net.0", "input")]


def fit(folder, *callbacks, ckpt_path=None, module=Classifier, **options):
    torch.manual_seed(0)
    found = trainer(folder, *callbacks, **options)
    found.fit(module(), samples(), ckpt_path=ckpt_path)
    return found


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    logger = Memory()
    return fit(folder, tracked(folder / "run"), logger=logger), Run.open(folder / "run"), logger


def test_epochs(two_epochs):
    _, run, _ = two_epochs
    assert indices(run.path) == [0, 1]
    lines = run.metrics()
    assert {line["layer"] for line in lines} == {"net.0", "net.2"}
    assert {(line["epoch"], line["step"]) for line in lines} == {(0, 6), (1, 12)}
    assert run.info()["finished"] is not None


def test_what_is_logged(two_epochs):
    found, run, logger = two_epochs
    expected = {}
    for line in run.metrics():
        if line["epoch"] == 1:
            for name in ("nc1_trace_ratio", "nc2_gram_mse"):
                expected[f"{name}/{line['layer']}/{line['stage']}"] = line[name]
            if line["stage"] == "input":
                expected[f"share/{line['layer']}"] = line["share"]
                expected[f"nfa/{line['layer']}"] = line["nfa_pearson_root"]
    expected = {name: value for name, value in expected.items() if value is not None}
    assert {"nc1_trace_ratio/net.0/output", "nc1_trace_ratio/net.2/linear", "nfa/net.0"} <= expected.keys()
    monitored = {name: float(value) for name, value in found.callback_metrics.items()}
    assert monitored == pytest.approx(expected, rel=1e-6)
    _, last = logger.logged[-1]
    assert {name: last[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert len(logger.logged) == 2


def test_other_callbacks_can_monitor(tmp_path):
    stop = EarlyStopping("nc1_trace_ratio/net.0/linear", divergence_threshold=0.0, check_on_train_epoch_end=True)
    fit(tmp_path, tracked(), stop, max_epochs=9)
    assert indices(tmp_path / "agop") == [0]  # stopped after the first epoch


@pytest.mark.parametrize(
    ("options", "expected"), [({}, [1, 4, 8, 12]), ({"accumulate_grad_batches": 2, "max_epochs": 5}, [1, 4, 8, 12, 15])]
)
def test_steps(tmp_path, options, expected):
    logger = Memory()
    fit(tmp_path, tracked(tmp_path / "run", unit="step", every=4), logger=logger, log_every_n_steps=5, **options)
    assert indices(tmp_path / "run", "step") == expected
    logged = {step: metrics for step, metrics in logger.logged if "share/net.0" in metrics or "nfa/net.0" in metrics}
    assert list(logged) == expected
    n_steps = 6 // options.get("accumulate_grad_batches", 1)  # an epoch
    assert [logged[step]["epoch"] for step in expected] == [(step - 1) // n_steps for step in expected]
    lines = [line for line in Run.open(tmp_path / "run").metrics() if line["step"] == 8]
    assert logged[8]["nc1_trace_ratio/net.2/input"] == next(
        line["nc1_trace_ratio"] for line in lines if (line["layer"], line["stage"]) == ("net.2", "input")
    )


def test_the_time_share_is_kept(tmp_path):
    fit(tmp_path, tracked(tmp_path / "run", unit="step", time_share=1e-6), max_epochs=3)
    assert indices(tmp_path / "run", "step") == [1, 18]  # the first and the last


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_what_has_to_wait_is_said_once(tmp_path, caplog, unit):
    caplog.set_level("INFO", logger="lightning.pytorch.utilities.rank_zero")
    fit(tmp_path, tracked(tmp_path / "run", unit=unit, time_share=1e-6), max_epochs=4)
    said = [message for message in caplog.messages if message.startswith("CollapseCallback")]
    note = Run.open(tmp_path / "run").info()["postponed"]
    assert said == [f"CollapseCallback: {note}"]
    assert "the first at " + {"epoch": "epoch 1", "step": "step 2"}[unit] in note


def test_nothing_is_said_where_nothing_waits(tmp_path, caplog):
    caplog.set_level("INFO", logger="lightning.pytorch.utilities.rank_zero")
    fit(tmp_path, tracked(tmp_path / "run", every=2), max_epochs=4)
    assert not [message for message in caplog.messages if message.startswith("CollapseCallback")]


@pytest.mark.parametrize(("max_epochs", "expected"), [(1, [0]), (4, [0, 3]), (6, [0, 5]), (7, [0, 5, 6])])
def test_the_last_epoch_is_measured_and_logged(tmp_path, max_epochs, expected):
    logger = Memory()
    found = fit(tmp_path, tracked(tmp_path / "run", every=5), max_epochs=max_epochs, logger=logger)
    assert indices(tmp_path / "run") == expected
    lines = [line for line in Run.open(tmp_path / "run").metrics() if line["epoch"] == expected[-1]]
    last = {f"nc1_trace_ratio/{line['layer']}/{line['stage']}": line["nc1_trace_ratio"] for line in lines}
    last = {name: value for name, value in last.items() if value is not None}
    monitored = {name: float(value) for name, value in found.callback_metrics.items()}
    assert {name: monitored[name] for name in last} == pytest.approx(last, rel=1e-6)
    logged = [(step, metrics) for step, metrics in logger.logged if "nfa/net.0" in metrics]
    assert [(step, metrics["epoch"]) for step, metrics in logged] == [(6 * epoch + 5, epoch) for epoch in expected]
    logged = [metrics for _, metrics in logged]
    assert {name: logged[-1][name] for name in last} == pytest.approx(last, rel=1e-6)
    assert {line["step"] for line in lines} == {6 * max_epochs}


def test_the_epoch_that_another_callback_makes_the_last(tmp_path):
    class Stop(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            trainer.should_stop = trainer.current_epoch == 2

    fit(tmp_path, tracked(tmp_path / "run", every=100), Stop(), max_epochs=50)
    assert indices(tmp_path / "run") == [0, 2]


class Broken(Classifier):
    """A training that is cut off in its third epoch."""

    def training_step(self, batch, batch_idx):
        if self.current_epoch == 2 and batch_idx == 1:
            raise RuntimeError("power cut")
        return super().training_step(batch, batch_idx)


def test_a_training_cut_off_is_not_taken_for_finished(tmp_path):
    kept = ModelCheckpoint(tmp_path / "kept", save_last=True)
    options = {"max_epochs": 5, "enable_checkpointing": True}
    with pytest.raises(RuntimeError, match="power cut"):
        fit(tmp_path, tracked(tmp_path / "run", every=3), kept, module=Broken, **options)
    run = Run.open(tmp_path / "run")
    assert indices(run.path) == [0]
    assert run.info()["finished"] is None
    fit(tmp_path, tracked(tmp_path / "run", every=3), kept, ckpt_path=tmp_path / "kept" / "last.ckpt", **options)
    assert indices(run.path) == [0, 3, 4]
    assert run.info()["finished"] is not None


def test_a_dry_run_after_a_training_measures_nothing(tmp_path):
    callback = tracked(tmp_path / "run")
    fit(tmp_path, callback)
    fit(tmp_path, callback, fast_dev_run=True)
    assert indices(tmp_path / "run") == [0, 1]


def test_what_cannot_be_measured_is_said_before_the_first_epoch(tmp_path):
    for options, said in (({"layers": "nothing"}, "layers among"), ({"device": "cudaa"}, "a device")):
        with pytest.raises(InputError, match=said):
            fit(tmp_path, tracked(tmp_path / "run", **options), module=Broken, max_epochs=3)
    assert not (tmp_path / "run").exists()


def test_sanity_check_and_validation(tmp_path):
    torch.manual_seed(0)
    found = trainer(tmp_path, tracked(tmp_path / "run"), num_sanity_val_steps=2)
    model = Dropping()
    found.fit(model, samples(), samples())
    found.validate(model, samples(), verbose=False)
    assert indices(tmp_path / "run") == [0, 1]


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_fast_dev_run(tmp_path, unit):
    fit(tmp_path, tracked(tmp_path / "run", unit=unit), fast_dev_run=True)
    assert not (tmp_path / "run").exists()
    assert list(tmp_path.iterdir()) == []


def test_training_does_not_notice(tmp_path):
    models = []
    for callbacks in ([], [tracked(tmp_path / "epochs")], [tracked(tmp_path / "steps", unit="step", every=5)]):
        found = fit(tmp_path, *callbacks, module=Dropping)
        models.append(found.lightning_module)
    for model in models[1:]:
        pairs = zip(models[0].state_dict().values(), model.state_dict().values(), strict=True)
        assert all(torch.equal(plain, other) for plain, other in pairs)
        assert [m.training for m in model.modules()] == [m.training for m in models[0].modules()]
    assert indices(tmp_path / "steps", "step") == [1, 5, 10, 12]


@pytest.mark.parametrize("named", [True, False])
def test_resumed_from_a_checkpoint(tmp_path, named):
    def callbacks():
        out = tmp_path / "run" if named else None
        return [tracked(out), ModelCheckpoint(tmp_path / "kept", filename="{epoch}", save_top_k=-1)]

    def logger():
        return CSVLogger(tmp_path, name="logs")

    options = {"enable_checkpointing": True, "max_epochs": 3}
    first = fit(tmp_path, *callbacks(), logger=logger(), **options)
    folder = tmp_path / "run" if named else Path(first.log_dir, "agop")
    options["max_epochs"] = 5
    second = fit(tmp_path, *callbacks(), logger=logger(), ckpt_path=tmp_path / "kept" / "epoch=1.ckpt", **options)
    assert first.log_dir != second.log_dir
    assert indices(folder) == [0, 1, 2, 3, 4]
    assert not Path(second.log_dir, "agop").exists()


def test_training_anew_does_not_go_on_in_a_used_folder(tmp_path):
    fit(tmp_path, tracked(tmp_path / "run"))
    with pytest.raises(InputError, match="expected no run in"):
        fit(tmp_path, tracked(tmp_path / "run"))
    assert indices(tmp_path / "run") == [0, 1]


def test_trained_on_by_the_same_trainer(tmp_path):
    found = fit(tmp_path, tracked(tmp_path / "run"))
    found.fit_loop.max_epochs = 4
    found.fit(found.lightning_module, samples())
    assert indices(tmp_path / "run") == [0, 1, 2, 3]


def test_two_callbacks_in_one_trainer(tmp_path):
    callbacks = [tracked(tmp_path / "epochs"), tracked(tmp_path / "steps", unit="step", every=6), tracked()]
    kept = ModelCheckpoint(tmp_path / "kept", save_last=True)
    fit(tmp_path, *callbacks, kept, enable_checkpointing=True)
    again = [tracked(tmp_path / "epochs"), tracked(tmp_path / "steps", unit="step", every=6), tracked()]
    options = {"enable_checkpointing": True, "max_epochs": 3}
    fit(tmp_path, *again, kept, ckpt_path=tmp_path / "kept" / "last.ckpt", **options)
    assert indices(tmp_path / "epochs") == indices(tmp_path / "agop") == [0, 1, 2]
    assert indices(tmp_path / "steps", "step") == [1, 6, 12, 18]


def test_strategies_that_split_parameters_are_refused(tmp_path):
    callback = tracked(tmp_path / "run")
    sharded = SimpleNamespace(strategy=object.__new__(FSDPStrategy))
    with pytest.raises(InputError, match="expected a strategy that keeps whole parameters, got FSDPStrategy"):
        callback.setup(sharded, None, "fit")
    callback.setup(sharded, None, "validate")
    callback.setup(SimpleNamespace(strategy=object.__new__(SingleDeviceStrategy)), None, "fit")


@pytest.mark.slow
def test_two_processes(tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    torch.multiprocessing.spawn(train, (str(tmp_path), port), nprocs=2)
    assert indices(tmp_path / "run") == [0, 1]
    assert indices(tmp_path / "steps", "step") == [1, 4, 6]
    logged = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert logged[0] == logged[1]
    lines = Run.open(tmp_path / "run").metrics()
    last = next(line for line in lines if (line["epoch"], line["layer"], line["stage"]) == (1, "net.2", "input"))
    assert logged[1]["nc1_trace_ratio/net.2/input"] == pytest.approx(last["nc1_trace_ratio"], rel=1e-6)
    assert last["step"] == 6  # each process has half of the batches
    model = Normalized()
    model.load_state_dict(torch.load(tmp_path / "weights.pt"))
    expected = agop.measure(model, samples())
    found = NetworkRecord.load(tmp_path / "run" / "network.safetensors")
    assert found.samples == expected.samples
    assert found.scalars() == pytest.approx(expected.scalars(), rel=1e-4)
