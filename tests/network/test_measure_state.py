"""A model is after a measurement what it was before, also if the measurement fails or is stopped."""

from __future__ import annotations

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as global_hooks
from torch.overrides import _get_current_function_mode_stack

import agop
from network.models import N_CLASSES, ResNet, batches, data, seeded

GLOBAL_HOOKS = [name for name in vars(global_hooks) if name.startswith("_global_") and "hooks" in name]


def snapshot(model):
    """All that a measurement could disturb, in a form that compares."""
    modules = list(model.modules())
    return {
        "modes": [module.training for module in modules],
        "forwards": ["forward" in vars(module) for module in modules],
        "types": [type(module) for module in modules],
        "hooks": [
            [len(getattr(module, name)) for name in vars(module) if name.endswith("_hooks")] for module in modules
        ],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "identities": [id(p) for p in model.parameters()],
        "storages": [p.data_ptr() for p in model.parameters()],
        "versions": [p._version for p in model.parameters()],
        "grads": [None if p.grad is None else (id(p.grad), p.grad.sum().item()) for p in model.parameters()],
        "parameter hooks": [p._backward_hooks and len(p._backward_hooks) for p in model.parameters()],
        "values": [t.sum().item() for t in model.state_dict().values()],
        "devices": [t.device for t in model.state_dict().values()],
        "buffers": [(id(b), b.requires_grad) for b in model.buffers()],
        "attributes": [sorted(vars(module)) for module in modules],
        "global hooks": [
            len(getattr(global_hooks, name)) for name in GLOBAL_HOOKS if hasattr(getattr(global_hooks, name), "__len__")
        ],
        "torch": torch.random.get_rng_state().sum().item(),
        "numpy": np.random.get_state()[1].sum(),  # noqa: NPY002
        "python": random.getstate(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "function modes": len(_get_current_function_mode_stack()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "default dtype": torch.get_default_dtype(),
        "anomaly": torch.is_anomaly_enabled(),
        "trace": sys.gettrace(),
        "threads": torch.get_num_threads(),
    }


def used_model():
    """A model in the middle of somebody's training: mixed modes, grads, frozen parts, hooks."""
    model = seeded(ResNet)
    model.train()
    model.block.bn1.eval()
    model.block.relu.eval()
    model.stem.weight.requires_grad_(False)
    x, y = data(6, (2, 6, 6))
    nn.functional.cross_entropy(model(x), y).backward()
    model.fc.bias.grad = None
    model.fc.register_forward_hook(lambda *args: None)
    model.block.register_full_backward_hook(lambda *args: None)
    model.fc.weight.register_hook(lambda gradient: gradient)
    return model


def assert_unchanged(before, after):
    for name, value in before.items():
        assert after[name] == value, name


@pytest.mark.parametrize("grad_mode", [True, False])
@pytest.mark.parametrize("fast_path", [True, False])
def test_after_success(grad_mode, fast_path):
    x, y = data(9, (2, 6, 6))
    model = used_model()
    fast_before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(fast_path)
    try:
        with torch.set_grad_enabled(grad_mode):
            before = snapshot(model)
            agop.measure(model, batches(x, y), ood_loader=[(x, y)], outputs=agop.Rademacher(2, 0))
            assert_unchanged(before, snapshot(model))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_before)
    assert not x.requires_grad


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("where", ["loader", "module", "forward", "user's hook"])
@pytest.mark.parametrize("at", [0, 2, 4])  # the second pass begins at 3
def test_after_an_error(error, where, at):
    x, y = data(13, (2, 6, 6))
    model = used_model()
    count = 0

    def maybe_raise(place):
        nonlocal count
        if place == where:
            count += 1
            if count > at:
                raise error("stop")

    class Loader(list):
        def __iter__(self):
            for batch in super().__iter__():
                maybe_raise("loader")
                yield batch

    def forward(model, batch):
        maybe_raise("forward")
        np.random.rand()  # noqa: NPY002 - randomness inside somebody's forward
        torch.rand(1)
        random.random()  # noqa: S311
        return model(batch[0]), batch[1]

    model.block.conv2.register_forward_hook(lambda *args: maybe_raise("user's hook"))
    model.block.bn2.register_forward_pre_hook(lambda *args: maybe_raise("module"))
    before = snapshot(model)
    with pytest.raises(error, match="stop"):
        agop.measure(model, Loader(batches(x, y)), forward=forward)
    assert count == at + 1
    assert_unchanged(before, snapshot(model))


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("labels", "got label -9"),
        ("one class", "two or more classes"),
        ("other data", "same data in both passes"),
        ("layers", "got 'nothing'"),
        ("nan", "finite outputs"),
    ],
)
def test_after_a_refusal(problem, said):
    x, y = data(13, (2, 6, 6))
    model = used_model()
    options = {}
    if problem == "labels":
        y[12] = -9
    if problem == "one class":
        y[:] = 1
    if problem == "layers":
        options["layers"] = "nothing"
    if problem == "nan":
        x[12] = float("nan")
    loader = batches(x, y)
    if problem == "other data":

        class Changing(list):
            def __iter__(self):
                for a, b in super().__iter__():
                    a += 0.5
                    yield a, b

        loader = Changing(loader)
    before = snapshot(model)
    with pytest.raises(agop.errors.InputError, match=said):
        agop.measure(model, loader, **options)
    assert_unchanged(before, snapshot(model))


def test_training_goes_on_as_if_nothing_had_been():
    """Same parameters after ten steps, with dropout, momentum and a shuffled loader."""

    def train(measured):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, N_CLASSES)
        )
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        x, y = data(30, dtype=torch.float32)
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=10, shuffle=True)
        for step in range(3):
            for a, b in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(a), b).backward()
                if measured and step:
                    agop.measure(model, loader)  # between backward and step: the grads are still needed
                optimizer.step()
        return [p.detach().clone() for p in model.parameters()]

    for with_measurements, without in zip(train(True), train(False), strict=True):
        assert torch.equal(with_measurements, without)


def test_record_does_not_hold_on_to_the_model():
    """Neither the graph nor the parameters: training on leaves a record as it is."""
    x, y = data()
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, N_CLASSES)).double()
    record = agop.measure(model, [(x, y)])
    weight, matrix = record["0"].weight.clone(), record["0"].agop.clone()
    with torch.no_grad():
        model[0].weight.add_(1.0)
    torch.testing.assert_close(record["0"].weight, weight, rtol=0, atol=0)
    torch.testing.assert_close(record["0"].agop, matrix, rtol=0, atol=0)
    assert not record["0"].weight.requires_grad
    assert record["0"].weight.grad_fn is None


def test_hooks_of_the_user_still_run():
    x, y = data()
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, N_CLASSES)).double()
    seen = []
    model[0].register_forward_hook(lambda module, args, output: output * 0 + 1 + output)
    model[2].register_forward_hook(lambda *args: seen.append(1))
    record = agop.measure(model, [(x, y)])
    assert len(seen) == 2
    expected = torch.relu(model[0](x))
    squares = expected.detach().square().sum(1).mean()
    assert record["2"].feature_norm == pytest.approx(float(squares.sqrt()))


def test_two_measurements_at_once():
    """A forward that measures another model."""
    x, y = data()
    inner = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, N_CLASSES)).double()
    outer = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, N_CLASSES)).double()
    alone = agop.measure(outer, [(x, y)])
    inside = []

    def forward(model, batch):
        with torch.enable_grad():
            inside.append(agop.measure(inner, [(x, y)]))
        return model(batch[0]), batch[1]

    record = agop.measure(outer, [(x, y)], forward=forward)
    assert list(record) == ["0", "2"]
    assert torch.equal(record["0"].agop, alone["0"].agop)
    assert torch.equal(inside[0]["0"].agop, agop.measure(inner, [(x, y)])["0"].agop)


def test_a_measurement_within_its_own():
    """A forward that measures the model, or another one with its weights, would count calls twice."""
    model = used_model()
    around = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, N_CLASSES))
    around[0].weight = model.fc.weight  # shared, in a module of its own

    for inner in (model, model.block, around):

        def forward(outer, batch, inner=inner):
            agop.measure(inner, [batch])
            raise AssertionError("it was measured")

        before = snapshot(model), snapshot(around)
        with pytest.raises(agop.errors.InputError, match="a model that is not being measured"):
            agop.measure(model, [data(13, (2, 6, 6))], forward=forward)
        assert_unchanged(before[0], snapshot(model))
        assert_unchanged(before[1], snapshot(around))
    agop.measure(model, [data(13, (2, 6, 6))])  # the refusal leaves nothing behind


@pytest.mark.parametrize("same", ["model", "part", "nothing"])
def test_a_second_thread_waits_for_the_first(same):
    x, y = data()
    first = nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.5), nn.Linear(6, N_CLASSES)).double()
    other = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, N_CLASSES)).double()
    second = {"model": first, "part": nn.Sequential(first[0], other[2].double()), "nothing": other}[same]
    if same == "part":
        second[1] = nn.Linear(6, N_CLASSES).double()
    inside, go_on, events = threading.Event(), threading.Event(), []

    def forward(name):
        def run(model, batch):
            events.append(name)
            if name == "first":
                inside.set()
                assert go_on.wait(30)
            return model(batch[0]), batch[1]

        return run

    before = snapshot(first), snapshot(second)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(agop.measure, first, [(x, y)], forward=forward("first"))
        assert inside.wait(30)
        waiting = pool.submit(agop.measure, second, [(x, y)], forward=forward("second"))
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        go_on.set()
        slow, waiting = slow.result(30), waiting.result(30)
    n_first = events.count("first")
    assert events == ["first"] * n_first + ["second"] * (len(events) - n_first)
    for model, found, state in ((first, slow, before[0]), (second, waiting, before[1])):
        assert_unchanged(state, snapshot(model))
        assert torch.equal(found["0"].agop, agop.measure(model, [(x, y)])["0"].agop)


def test_many_threads():
    """Attention, whose fast path is a flag of the whole process, and convolutions, again and again."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.5)
    models = [used_model(), nn.Sequential(layer, nn.Flatten(), nn.Linear(24, N_CLASSES)).double().train()]
    models.append(nn.Sequential(models[1][0], nn.Flatten(), nn.Linear(24, N_CLASSES)).double().train())
    batches = [data(9, (2, 6, 6)), data(9, (3, 8)), data(9, (3, 8))]
    alone = [agop.measure(model, [batch]) for model, batch in zip(models, batches, strict=True)]
    before = [snapshot(model) for model in models]
    with ThreadPoolExecutor(6) as pool:
        jobs = [(i, pool.submit(agop.measure, models[i], [batches[i]])) for i in (0, 1, 2) * 6]
        for i, job in jobs:
            found = job.result(60)
            assert list(found) == list(alone[i])
            assert all(torch.equal(found[name].agop, layer.agop) for name, layer in alone[i].items())
    for model, state in zip(models, before, strict=True):
        assert_unchanged(state, snapshot(model))


def test_a_thread_that_fails_lets_the_next_one_in():
    x, y = data()
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, N_CLASSES)).double()
    before = snapshot(model)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(agop.measure, model, [(x, y)], layers=layers) for layers in ("none", "0", "none", "2") * 3]
        errors = [job.exception(30) for job in jobs]
    assert [error is None for error in errors] == [False, True] * 6
    assert_unchanged(before, snapshot(model))
