"""The tracker: when it measures, what it writes, how it resumes, and that training does not notice."""

from __future__ import annotations

import json
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from agop.errors import DataFileError, InputError
from agop.network import NetworkRecord, Rademacher, Tracker, tracker
from agop.network.result import NetworkResult
from agop.network.tracked_run import whole_lines
from agop.runs import Run


class Layer(nn.Linear):
    pass


MODEL = nn.Sequential(OrderedDict(fc=Layer(2, 3)))
LOADER = [(torch.zeros(3, 2), torch.arange(3))]


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self):
        return self.now


class World:
    """A clock, and a measurement that takes ``cost`` seconds and finds two lines."""

    def __init__(self, cost=0.0):
        self.clock, self.cost, self.error, self.calls = Clock(), cost, None, []

    def measure(self, model, loader, options, *, group):
        self.calls.append((model, loader, options.layers, options.outputs))
        self.clock.now += self.cost
        if self.error is not None:
            raise self.error
        lines = [{"layer": "fc", "stage": stage, "nc1": float(len(self.calls))} for stage in ("input", "linear")]
        scalars = {"nc1/fc/input": float(len(self.calls))}
        notes = (f"note {len(self.calls)}",)
        samples = SimpleNamespace(majority=0.5)
        return SimpleNamespace(
            notes=notes, lines=lambda: iter(lines), scalars=lambda: scalars, accuracy=0.75, samples=samples
        )

    def tracker(self, out, **options):
        return Tracker(MODEL, LOADER, out, **options)

    def install(self, patch):
        """In the place of the measurement and of the time."""
        patch.setattr(tracker, "measure", self.measure)
        patch.setattr(tracker.time, "monotonic", self.clock)


@pytest.fixture
def world(monkeypatch):
    world = World()
    world.install(monkeypatch)
    return world


def indices(folder, unit="epoch"):
    return [line[unit] for line in Run.open(folder).metrics()][::2]


@pytest.mark.parametrize(("every", "expected"), [(1, list(range(8))), (3, [0, 3, 6]), (8, [0])])
def test_every(world, tmp_path, every, expected):
    found = world.tracker(tmp_path / "run", every=every)
    returned = [index for index in range(8) if found.step(index) is not None]
    assert returned == indices(tmp_path / "run") == expected
    assert world.calls == [(MODEL, LOADER, None, "exact")] * len(expected)


def test_only_the_indices_that_come(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=10, unit="step")
    assert [index for index in range(7, 60, 5) if found.step(index)] == [7]
    assert [index for index in range(0, 60, 4) if found.step(index)] == [0, 20, 40]


@pytest.mark.parametrize(
    ("every", "steps", "expected"),
    [(3, range(8), [0, 3, 6, 7]), (3, range(7), [0, 3, 6]), (100, range(5, 9), [5, 8]), (100, [5], [5]), (1, [], [])],
)
@pytest.mark.parametrize("share", [None, 0.5, 1e-9])
def test_the_first_and_the_last(world, tmp_path, every, steps, expected, share):
    world.cost = 1e-6 if share == 0.5 else 1.0
    found = world.tracker(tmp_path / "run", every=every, time_share=share)
    returned = []
    for index in steps:
        world.clock.now += 1.0
        returned += [index] * (found.step(index, loss=index / 10) is not None)
    is_measured = steps[-1] in returned if steps else True
    assert (found.finish() is None) == is_measured
    assert found.finish() is None  # once
    expected = [steps[0], steps[-1]] if share == 1e-9 and len(steps) > 1 else expected
    assert indices(tmp_path / "run") == expected
    assert [line["loss"] for line in found.run.metrics()][::2] == [index / 10 for index in expected]
    assert found.run.info()["finished"] is not None


def test_the_last_step_measured_in_an_earlier_session(world, tmp_path):
    first = world.tracker(tmp_path / "run", every=10)
    assert [first.step(index) is not None for index in range(4)] == [True, False, False, False]
    first.finish()
    second = world.tracker(tmp_path / "run", every=10)
    assert [second.step(index) for index in (2, 3)] == [None, None]
    assert second.finish() is None
    third = world.tracker(tmp_path / "run", every=10)  # trained on
    assert [third.step(index) for index in (3, 4)] == [None, None]
    assert third.finish() is not None
    assert indices(tmp_path / "run") == [0, 3, 4]


def test_without_an_end_the_last_step_is_like_any_other(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=10)
    for index in range(5):
        found.step(index)
    assert indices(tmp_path / "run") == [0]
    assert found.run.info()["finished"] is None


def test_an_end_that_cannot_be_measured_is_an_end(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=10)
    for index in range(3):
        found.step(index)
    world.error = InputError("finite outputs", "NaN", "Look.")
    with pytest.raises(InputError, match="finite outputs"):
        found.finish()
    assert found.run.info()["finished"] is not None
    assert indices(tmp_path / "run") == [0]
    assert found.finish() is None


@settings(max_examples=15)
@given(
    share=st.sampled_from([0.01, 0.1, 0.5, 1.0]),
    costs=st.lists(st.floats(0.01, 5), min_size=30, max_size=30),
    pauses=st.lists(st.floats(0, 20), min_size=30, max_size=30),
    every=st.integers(1, 4),
)
def test_the_share_of_the_time(tmp_path_factory, share, costs, pauses, every):
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        world.install(patch)
        found = world.tracker(tmp_path_factory.mktemp("runs") / "run", every=every, time_share=share)
        begin, spent, last, due = None, 0.0, None, False
        for index, (cost, pause) in enumerate(zip(costs, pauses, strict=True)):
            world.clock.now += pause
            world.cost = cost
            due = due or index % every == 0
            fits = last is None or spent + last <= share * (world.clock.now - begin + last)
            before = world.clock.now
            assert (found.step(index) is not None) == (due and fits)
            if due and fits:
                seconds, due = world.clock.now - before, False
                begin, spent = (world.clock.now, 0.0) if last is None else (begin, spent + seconds)
                last = seconds


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_the_cap_holds_where_measurements_are_alike(world, tmp_path, share):
    world.cost = 3.0
    found, measured = world.tracker(tmp_path / "run", time_share=share), 0
    assert found.step(0) is not None
    begin = world.clock.now
    for index in range(1, 200):
        world.clock.now += 1.0
        if found.step(index):
            measured += 1
            assert 3.0 * measured <= share * (world.clock.now - begin) + 1e-9
    assert measured >= 0.8 * share * (world.clock.now - begin) / 3.0  # and it is used


def test_postponed_to_the_next_step_that_fits(world, tmp_path):
    world.cost = 2.0
    found = world.tracker(tmp_path / "run", every=10, time_share=0.1)
    measured = []
    for index in range(40):
        world.clock.now += 1.0
        if found.step(index):
            measured.append(index)
    # 0 + 2 <= 0.1 (t + 2) from t = 18 on, index 18, where that of index 10 takes place;
    # 2 + 2 <= 0.1 (t + 2) from t = 38 on, of which the second measurement took 2: index 36 has that of index 20.
    assert measured == [0, 18, 36]


def test_what_is_postponed_is_said_once(world, tmp_path):
    world.cost = 2.0
    found, said = world.tracker(tmp_path / "run", every=10, time_share=0.1), []
    for index in range(60):
        world.clock.now += 1.0
        found.step(index)
        said.append(found.postponed)
        assert found.run.info().get("postponed") == found.postponed
        assert (found.run.info().get("notes", []).count(found.postponed) == 1) == (index >= 10)
    assert said[9] is None
    assert "the first at epoch 10" in said[10]
    assert set(said[10:]) == {said[10]}
    again = world.tracker(tmp_path / "run", every=10, time_share=0.1)
    assert again.postponed == said[10]
    world.clock.now += 1e3
    assert again.step(60) is not None
    assert again.run.info()["notes"] == ["note 5", said[10]]


@pytest.mark.parametrize(("every", "share", "pause"), [(10, None, 0.0), (1, 0.5, 10.0), (100, 1e-9, 0.0)])
def test_nothing_is_said_where_nothing_waits(world, tmp_path, every, share, pause):
    world.cost = 1.0
    found = world.tracker(tmp_path / "run", every=every, time_share=share)
    for index in range(12):
        world.clock.now += pause
        found.step(index)
    found.finish()
    assert found.postponed is None
    assert "postponed" not in found.run.info()
    assert found.run.info()["notes"] == [f"note {len(world.calls)}"]


def test_no_cap(world, tmp_path):
    world.cost = 1e6
    found = world.tracker(tmp_path / "run", time_share=None)
    assert all(found.step(index) for index in range(5))


def test_lines(world, tmp_path):
    found = world.tracker(tmp_path / "run", unit="step")
    found.step(torch.tensor(4), loss=torch.tensor(0.5), rate=0.25, broken=float("nan"), nothing=None)
    columns = {"step": 4, "loss": 0.5, "rate": 0.25, "broken": None, "nothing": None, "layer": "fc", "nc1": 1.0}
    columns["accuracy"] = 0.75  # of the record, unless a scalar of this name is given
    assert found.run.metrics() == [{**columns, "stage": stage} for stage in ("input", "linear")]
    assert list(found.run.metrics()[0])[:2] == ["step", "loss"]
    assert [line["stage"] for line in found.lines] == ["input", "linear"]


def test_scalars_are_read_only_where_needed(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=2)
    unreadable = torch.zeros((), device="meta")
    with pytest.raises(RuntimeError, match="meta"):
        found.step(0, loss=unreadable)
    assert not world.calls  # before the long work
    found.step(0, loss=0.5)
    assert found.step(1, loss=unreadable) is None
    with pytest.raises(RuntimeError, match="meta"):
        found.finish()


def test_scalars_of_the_last_step_are_those_of_then_and_hold_no_graph(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=100)
    found.step(0, loss=1.0, total=0.0)
    weight, losses = torch.ones(3, requires_grad=True), torch.zeros(1000)
    total = torch.ones(())
    loss = (2 * weight).sum() + losses[7]
    tensor = weakref.ref(loss)
    found.step(1, loss=loss, total=total)
    total += 5.0  # as a running sum does
    del loss
    assert tensor() is None
    kept = found._unmeasured[1]["loss"]
    assert kept.grad_fn is None
    assert kept.untyped_storage().nbytes() == 4
    found.finish()
    assert [(line["loss"], line["total"]) for line in found.run.metrics()[2:]] == [(6.0, 1.0)] * 2


def test_functions_of_the_record_are_called_with_what_was_measured(world, tmp_path):
    """Not where nothing is measured; at the end with the record of the end."""
    found, seen = world.tracker(tmp_path / "run", every=4), []

    def doubled(record):
        seen.append(record)
        return 2 * record.accuracy

    records = [found.step(epoch, doubled=doubled) for epoch in range(3)]
    last = found.finish()
    assert seen == [records[0], last]
    assert [line["doubled"] for line in Run.open(tmp_path / "run").metrics()] == [1.5] * 4


def test_scalars_of_several_elements(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=100)
    for index in (0, 1):
        with pytest.raises(InputError, match=r"expected scalars of one element, got loss of shape \(2,\)"):
            found.step(index, loss=torch.zeros(2))
    assert not world.calls


def test_log(world, tmp_path):
    logged = []
    found = world.tracker(tmp_path / "run", every=3, log=lambda scalars, index: logged.append((index, scalars)))
    for index in range(5):
        found.step(index)
    found.finish()
    assert logged == [(0, {"nc1/fc/input": 1.0}), (3, {"nc1/fc/input": 2.0}), (4, {"nc1/fc/input": 3.0})]
    assert "log" not in found.run.info()["settings"]


def test_a_log_that_fails_loses_nothing(world, tmp_path):
    def fails(scalars, index):
        raise ConnectionError("offline")

    found = world.tracker(tmp_path / "run", every=2, log=fails)
    for index in range(3):
        if index != 1:
            with pytest.raises(ConnectionError):
                found.step(index)
        else:
            assert found.step(index) is None
    assert found.step(2) is None  # it was measured
    assert found.step(3) is None
    with pytest.raises(ConnectionError):
        found.finish()
    assert found.run.info()["finished"] is not None
    again = world.tracker(tmp_path / "run", every=2)
    assert indices(tmp_path / "run") == [0, 2, 3]
    assert [again.step(index) for index in (0, 2, 3)] == [None, None, None]  # they were measured


@pytest.mark.parametrize("name", ["layer", "nc1", "epoch"])
def test_scalars_with_the_name_of_a_column(world, tmp_path, name):
    found = world.tracker(tmp_path / "run")
    with pytest.raises(InputError, match=f"expected scalars with names of their own, got {name}"):
        found.step(0, **{name: 1.0})
    assert found.run.metrics() == []


def test_seconds_and_finish(world, tmp_path):
    world.cost = 2.0
    found = world.tracker(tmp_path / "run", time_share=None)
    for index in range(3):
        world.clock.now += 5.0
        found.step(index)
    info = found.run.info()
    assert info["measured"] == {"lines": len(found.run.metrics()), "seconds": 2.0}
    assert (info["seconds"], info["finished"]) == (6.0, None)
    found.finish()
    assert found.run.info()["seconds"] == 6.0
    assert found.run.info()["finished"] is not None


@pytest.mark.parametrize("again", [0, 2, 3, 5])
def test_resumed_from_any_earlier_epoch(world, tmp_path, again):
    first = world.tracker(tmp_path / "run")
    assert all(first.step(index) for index in range(3))
    second = world.tracker(tmp_path / "run")
    assert [index for index in range(again, 7) if second.step(index)] == list(range(max(3, again), 7))
    assert indices(tmp_path / "run") == [0, 1, 2, *range(max(3, again), 7)]
    assert len(second.run.metrics()) == 2 * len(indices(tmp_path / "run"))
    assert len(second.run.info()["resumed"]) == 1


def test_no_double_lines_within_a_session(world, tmp_path):
    found = world.tracker(tmp_path / "run")
    assert [found.step(index) is not None for index in (0, 0, 1, 0, 1)] == [True, False, True, False, False]
    assert indices(tmp_path / "run") == [0, 1]


@pytest.mark.parametrize("cut", [0, 1, 40, 75, 10**9])
def test_a_half_written_group_is_dropped(world, tmp_path, monkeypatch, cut):
    first = world.tracker(tmp_path / "run")
    first.step(0)
    file = tmp_path / "run" / "metrics.jsonl"
    whole = file.read_bytes()

    def crash(self, **sections):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "record", crash)
        with pytest.raises(KeyboardInterrupt):
            first.step(1)
    file.write_bytes(file.read_bytes()[: len(whole) + cut])
    second = world.tracker(tmp_path / "run")
    assert file.read_bytes() == whole
    assert second.step(0) is None
    assert second.step(1) is not None
    assert [line["epoch"] for line in second.run.metrics()] == [0, 0, 1, 1]


@pytest.mark.parametrize("measured", [[0, 1], {"lines": "two"}])
def test_a_run_that_does_not_say_what_is_whole(tmp_path, measured):
    run = Run.create(tmp_path / "run", {"unit": "epoch"}, kind="network")
    run.record(measured=measured)
    with pytest.raises(DataFileError, match="count the lines"):
        whole_lines(run)


@pytest.mark.parametrize("index", [0.5, 1.0, "1", None, True, 2**63, [0]])
def test_a_folder_with_an_index_that_no_training_has(world, tmp_path, index):
    world.tracker(tmp_path / "run").step(0)
    run = Run.open(tmp_path / "run")
    first, second = run.metrics()
    run.rewrite([first, second | {"epoch": index}])
    with pytest.raises(DataFileError, match="integer epoch in each line"):
        world.tracker(tmp_path / "run")
    run.rewrite([first, {name: value for name, value in second.items() if name != "epoch"}])
    with pytest.raises(DataFileError, match="integer epoch in each line"):
        world.tracker(tmp_path / "run")


def test_a_failed_measurement_stays_due(world, tmp_path):
    found = world.tracker(tmp_path / "run", every=10)
    world.error = InputError("finite outputs", "NaN", "Look.")
    with pytest.raises(InputError, match="finite outputs"):
        found.step(0)
    assert found.run.metrics() == []
    world.error = None
    assert found.step(1) is not None
    assert found.step(2) is None


def forward(model, batch):
    raise NotImplementedError


def test_settings(world, tmp_path):
    options = {"layers": ["fc", Layer], "outputs": Rademacher(3, seed=1), "forward": forward}
    found = world.tracker(tmp_path / "run", every=2, device=torch.device("cpu"), **options)
    info = found.run.info()
    assert info["settings"] == {
        "unit": "epoch",
        "every": 2,
        "layers": ["fc", f"{__name__}.Layer"],
        "outputs": "Rademacher(k=3, seed=1)",
        "forward": f"{__name__}.forward",
        "max_samples": None,
        "ood_loader": None,
        "rows": "each",
        "min_count": 1,
        "classifier": None,
        "common_inputs": False,
        "loss": None,
        "collapse": True,
        "chance": 0,
        "superclasses": {},
        "second_pass": True,
    }
    assert info["execution"] == {
        "time_share": 0.1,
        "device": "cpu",
        "max_memory": None,
        "max_width": "auto",
        "progress": False,
    }
    world.tracker(tmp_path / "run", every=2, device=None, time_share=None, **options)  # these may change
    for changed in ({"every": 3}, {"outputs": Rademacher(4, seed=1)}, {"layers": None}, {"max_samples": 5}):
        with pytest.raises(InputError, match="settings of the run"):
            world.tracker(tmp_path / "run", **{"every": 2, **options, **changed})


def test_objects_are_known_by_their_type(world, tmp_path):
    found = world.tracker(tmp_path / "run", forward=nn.ReLU())
    assert found.run.info()["settings"]["forward"] == "torch.nn.modules.activation.ReLU"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "batch"}, 'expected unit to be "epoch" or "step", got \'batch\''),
        ({"every": 0}, "expected every >= 1, got 0"),
        ({"rows": "all"}, "expected rows 'each', 'mean' or 'flatten', got 'all'"),
        ({"max_samples": 0}, "expected max_samples >= 1, got 0"),
        ({"outputs": 3}, "expected outputs 'exact' or Rademacher(k, seed), got 3"),
        ({"ood_loader": [], "second_pass": False}, "expected a second pass for NC5, got second_pass=False"),
        ({"log": "wandb"}, "expected log to be a function of scalars and index, got 'wandb'"),
        ({"layers": "fc2"}, "expected layers among fc, got 'fc2'"),
        ({"device": "cudaa"}, "expected a device that torch can use here, got 'cudaa'"),
        ({"time_share": 0.0}, "expected 0 < time_share <= 1, or None, got 0.0"),
        ({"time_share": 1.5}, "expected 0 < time_share <= 1, or None, got 1.5"),
        ({"time_share": float("nan")}, "expected 0 < time_share <= 1, or None, got nan"),
    ],
)
def test_arguments_out_of_range(world, tmp_path, options, message):
    with pytest.raises(InputError) as caught:
        world.tracker(tmp_path / "run", **options)
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "run").exists()


def test_models_and_loaders_are_checked_before_the_training(world, tmp_path):
    for model, loader, message in (
        (lambda inputs: inputs, LOADER, "a torch.nn.Module, got function"),
        (nn.Flatten(), LOADER, "weights in floating point, got none"),
        (MODEL, "mnist", "a loader of batches, got 'mnist'"),
        (MODEL, iter(LOADER), "a loader that can be iterated twice"),
    ):
        with pytest.raises(InputError, match=message):
            Tracker(model, loader, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    Tracker(MODEL, iter(LOADER), tmp_path / "run", second_pass=False)


def test_making_a_tracker_changes_no_model(tmp_path):
    model = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)).train()  # counts its uses in training
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Tracker(model, LOADER, tmp_path / "run")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_wrong_kinds_of_arguments(world, tmp_path):
    with pytest.raises(TypeError, match="layer"):
        world.tracker(tmp_path / "run", layer="fc")
    with pytest.raises(TypeError):
        world.tracker(tmp_path / "run", every=1.5)
    assert not (tmp_path / "run").exists()
    tracker = world.tracker(tmp_path / "run")
    with pytest.raises(TypeError):
        tracker.step(0.5)
    with pytest.raises(InputError, match="64 bits"):
        tracker.step(2**63)


def test_other_files_in_the_folder(world, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="a new or empty folder"):
        world.tracker(tmp_path)


def trained(out=None, **options):
    """Weights after training with dropout and batch normalization, tracked if ``out`` is given."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    labels = torch.arange(48) % 3
    inputs = torch.eye(3, 4)[labels] + 0.3 * torch.randn(48, 4)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), batch_size=20)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    found = None if out is None else Tracker(model, loader, out, time_share=None, **options)
    records = []
    for epoch in range(4):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        records.append(None if found is None else found.step(epoch, loss=loss))
    return model, records


def test_training_does_not_notice(tmp_path):
    (plain, _), (tracked, records) = trained(), trained(tmp_path / "run", every=2)
    assert [record is None for record in records] == [False, True, False, True]
    assert all(
        torch.equal(a, b) for a, b in zip(plain.state_dict().values(), tracked.state_dict().values(), strict=True)
    )
    assert all(module.training for module in tracked.modules())
    assert all(parameter.requires_grad and parameter.grad is not None for parameter in tracked.parameters())


def test_what_is_written_is_what_was_found(tmp_path):
    _, records = trained(tmp_path / "run", layers="0", outputs=Rademacher(2))
    lines = Run.open(tmp_path / "run").metrics()
    assert list(dict.fromkeys(line["epoch"] for line in lines)) == [0, 1, 2, 3]
    for epoch, record in enumerate(records):
        found = [line for line in lines if line["epoch"] == epoch]
        assert {line["layer"] for line in found} == set(record) == {"0"}
        by_stage = {line["stage"]: line for line in found}
        assert by_stage["input"]["nc1_trace_ratio"] == record["0"].input.nc1_trace_ratio
        assert by_stage["linear"]["nc1_trace_ratio"] == record["0"].linear.nc1_trace_ratio
        assert all(isinstance(line["loss"], float) for line in found)
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert (settings["outputs"], settings["rows"]) == ("Rademacher(k=2, seed=0)", "each")


@pytest.mark.parametrize("keep", [False, True])
def test_the_record_of_the_last_measurement_is_kept_if_wanted(tmp_path, keep):
    _, records = trained(tmp_path / "run", every=2, keep_record=keep)
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files - {".lock", "run.json", "metrics.jsonl"} == ({"network.safetensors"} if keep else set())
    if keep:
        loaded = NetworkRecord.load(tmp_path / "run" / "network.safetensors")
        assert json.dumps(list(loaded.lines())) == json.dumps(list(records[2].lines()))
        assert json.dumps(list(loaded.lines())) != json.dumps(list(records[0].lines()))


@pytest.mark.parametrize("keep_record", [False, True])
def test_one_class_for_all_has_not_fitted_whether_a_record_is_kept_or_not(tmp_path, keep_record):
    """It is right in 99 of 100 samples; the run knows how many are of one class."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        model[2].bias.copy_(torch.tensor([100.0, 0.0]))
    inputs = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    found = Tracker(model, [(inputs, (torch.arange(100) < 2).long())], tmp_path / "run", keep_record=keep_record)
    found.step(0)
    found.finish()
    fit = NetworkResult.read(Run.open(tmp_path / "run")).fit()
    assert fit.value == 0.98
    assert fit.fitted is False
