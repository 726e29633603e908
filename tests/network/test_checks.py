"""Arguments that cannot be measured: one sentence for each, before the first batch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

import agop
from agop.errors import InputError
from agop.network.capture.checks import as_tensor, check_layers, check_loader, check_model
from agop.network.capture.state import undisturbed
from network.models import Convolutional, data, mlp

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch", "ignore:.*torch.ao.quantization", "ignore:torch.quantize_per_tensor:UserWarning"
)


class Unread(list):
    """Batches that nobody may look at."""

    def __iter__(self):
        raise AssertionError("a batch was read")


def function(inputs):
    return inputs


def quantized():
    return torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear}, dtype=torch.qint8)


def partly_quantized():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), quantized())


def flattened():
    """What a whole model is to its checks: FSDP itself needs other processes."""
    model = FullyShardedDataParallel.__new__(FullyShardedDataParallel)
    nn.Module.__init__(model)
    return nn.Sequential(mlp(), model)


def on_meta():
    with torch.device("meta"):
        return mlp()


def half_on_meta():
    return nn.Sequential(mlp(), on_meta())


def of_inference():
    with torch.inference_mode():
        return mlp()


def with_statistics_of_inference():
    model = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3))
    with torch.inference_mode():
        model[1].running_mean = torch.zeros(3)
    return model


MODELS = {
    "function": (lambda: function, "a torch.nn.Module, got function", "forward="),
    "class": (lambda: nn.Linear, "a torch.nn.Module, got the class Linear", "Make one"),
    "weights": (lambda: mlp().state_dict(), "a torch.nn.Module, got OrderedDict", "the model itself"),
    "scripted": (lambda: torch.jit.script(mlp()), "a module of Python code, got TorchScript", "made from"),
    "quantized": (quantized, "floating point, got the quantized Linear '0'", "before the quantization"),
    "partly quantized": (partly_quantized, "floating point, got the quantized Linear '2.0'", "before the quantization"),
    "flattened": (flattened, "weights in matrices, got FullyShardedDataParallel", "fully_shard"),
    "meta": (on_meta, "with values, got '0.weight' on the meta device", "Load the weights"),
    "half on meta": (half_on_meta, "with values, got '1.0.weight' on the meta device", "Load the weights"),
    "inference": (of_inference, "'0.weight' made in torch.inference_mode", "copy.deepcopy"),
    "statistics": (with_statistics_of_inference, "'1.running_mean' made in torch.inference_mode", "copy.deepcopy"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(3)), "initialized parameters, got the lazy '0.weight'", "one batch"),
    "no weights": (nn.Flatten, "weights in floating point, got none", "linear layers"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_cannot_be_measured(name):
    make, got, advice = MODELS[name]
    model = make()
    with pytest.raises(InputError) as caught:
        agop.measure(model, Unread([data()]))
    assert got in str(caught.value)
    assert advice in caught.value.advice
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [mlp, lambda: Convolutional(nn.Conv2d(1, 2, 3), (6, 6)), lambda: mlp().bfloat16()])
def test_models_that_can(make):
    check_model(make())
    check_model(torch.compile(make()))
    frozen = make().requires_grad_(False)
    check_model(frozen)


def test_the_advice_for_a_model_of_inference_mode_is_right():
    x, y = data(dtype=torch.float32)
    model = of_inference()
    expected = copy.deepcopy(mlp())
    expected.load_state_dict(model.state_dict())
    found, right = (agop.measure(each, [(x, y)]) for each in (copy.deepcopy(model), expected))
    assert torch.equal(found["0"].agop, right["0"].agop)


@pytest.mark.parametrize(
    ("device", "got"),
    [
        ("cudaa", "got 'cudaa' ("),
        ("meta", "got 'meta', where tensors have no values"),
        (torch.device("meta"), "got 'meta', where tensors have no values"),
        ("ipu", "got 'ipu' ("),
        ("privateuseone", "got 'privateuseone' ("),
        (3.5, "got '3.5' ("),
        pytest.param("cuda", "got 'cuda' (", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")),
        ("cuda:99", "got 'cuda:99' ("),
    ],
)
def test_devices_that_are_not_there(device, got):
    model = mlp().train()
    with pytest.raises(InputError) as caught:
        agop.measure(model, Unread([data()]), device=device)
    assert str(caught.value).startswith(f"expected a device that torch can use here, {got}")
    assert str(caught.value).count(". ") == 1  # what is wrong, and what to do
    assert "\n" not in str(caught.value)
    assert model.training
    assert next(model.parameters()).device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_model_on_two_devices_stays_where_it_is():
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3).cuda())
    with pytest.raises(InputError, match="a model on one device"), undisturbed(model, "cuda"):
        pass
    assert [p.device.type for p in model.parameters()] == ["cpu", "cpu", "cuda", "cuda"]


class BySubscript:
    """A sequence of batches of the old protocol."""

    def __getitem__(self, index):
        raise IndexError


class Streamed(torch.utils.data.IterableDataset):
    """Batches of a data set."""

    def __iter__(self):
        raise AssertionError("a batch was read")


SAMPLES = torch.utils.data.TensorDataset(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(
    ("loader", "got"),
    [
        (3, "got int"),
        (None, "got NoneType"),
        ("mnist", "got 'mnist'"),
        (b"mnist", "got b'mnist'"),
        (torch.zeros(4, 3), "got Tensor"),
        (np.zeros((4, 3)), "got ndarray"),
        ({"input_ids": torch.zeros(2, 3)}, "got dict"),
        (nn.ModuleList([nn.Linear(3, 2)]), "got ModuleList"),
        (list, "got type"),
        (SAMPLES, "got a data set of single samples (TensorDataset)"),
    ],
)
def test_loaders_that_are_none(loader, got):
    with pytest.raises(InputError) as caught:
        check_loader(loader, twice=False)
    assert str(caught.value).startswith(f"expected a loader of batches, {got}. ")


@pytest.mark.parametrize(
    "loader", [Unread(), [], (), BySubscript(), Streamed(), torch.utils.data.DataLoader(SAMPLES, num_workers=2)]
)
def test_loaders_are_not_read(loader):
    check_loader(loader)


def test_a_loader_for_one_pass():
    batches = iter([data()])
    check_loader(batches, twice=False)
    with pytest.raises(InputError, match="a loader that can be iterated twice, got list_iterator"):
        check_loader(batches)
    assert len(list(batches)) == 1


def loader(n=10, batch_size=5, **options):
    data = torch.utils.data.TensorDataset(torch.arange(float(n)), torch.arange(n))
    sampler = options.pop("sampler", lambda data: None)(data)
    return torch.utils.data.DataLoader(data, batch_size, sampler=sampler, **options)


def random(**options):
    return lambda data: torch.utils.data.RandomSampler(data, **options)


def weighted(*arguments, **options):
    return lambda data: torch.utils.data.WeightedRandomSampler([1.0] * len(data), *arguments, **options)


@pytest.mark.parametrize(
    ("loader", "max_samples"),
    [
        (loader(), 3),
        (loader(11, drop_last=True), None),
        (loader(shuffle=True), None),
        (loader(shuffle=True), 10),
        (loader(shuffle=True), 99),
        (loader(11, shuffle=True), None),
        (loader(shuffle=True, drop_last=True), None),
        (loader(batch_size=None, shuffle=True), None),
        (loader(sampler=lambda data: torch.utils.data.SubsetRandomSampler([1, 2, 3])), None),
        (loader(sampler=weighted(10, replacement=False)), None),
        (loader(shuffle=True), 3),
        (loader(11, shuffle=True, drop_last=True), None),
        (loader(sampler=random(replacement=True)), None),
        (loader(sampler=random(num_samples=9)), None),
        (loader(sampler=weighted(10)), None),
        (loader(sampler=weighted(9, replacement=False)), None),
        (loader(sampler=lambda data: torch.utils.data.SubsetRandomSampler([1, 2, 3])), 2),
    ],
)
def test_loaders_that_draw_other_samples_in_every_pass(loader, max_samples):
    def drawn():
        return {i: None for _, labels in loader for i in labels.reshape(-1).tolist()}

    torch.manual_seed(0)
    passes = {frozenset(list(drawn())[:max_samples]) for _ in range(20)}
    check_loader(loader, twice=False, max_samples=max_samples)
    if len(passes) == 1:
        check_loader(loader, max_samples=max_samples)
    else:
        with pytest.raises(InputError, match="the same samples in every pass"):
            check_loader(loader, max_samples=max_samples)


def test_a_tracker_says_before_the_training_that_its_loader_draws_others(tmp_path):
    with pytest.raises(InputError, match="the same samples in every pass"):
        agop.Tracker(mlp(), loader(shuffle=True), tmp_path / "run", max_samples=3)
    agop.Tracker(mlp(), loader(shuffle=True), tmp_path / "run", max_samples=3, second_pass=False)


@pytest.mark.parametrize(
    ("layers", "got"),
    [
        (3, "got 3"),
        ([3], "got 3"),
        (["0", None], "got None"),
        ([], "got none"),
        (nn.Linear(2, 3), "got Linear("),
        (nn.Sequential(nn.Linear(2, 3)), "got Linear("),
        ([nn.Sequential(nn.Linear(2, 3))], "got Sequential("),
        (iter(["0"]), "got <list_iterator"),
        (b"0", "got 48"),
    ],
)
def test_selections_of_layers_that_are_none(layers, got):
    with pytest.raises(InputError) as caught:
        check_layers(layers)
    assert str(caught.value).startswith(f"expected layers by name, glob or type of module, {got}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layers", [None, "0", "blocks.*", nn.Linear, ["0", nn.Conv2d], ("0",), {"0", "2"}])
def test_selections_of_layers(layers):
    check_layers(layers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f8"])
def test_arrays_of_fractions_take_the_type_of_the_model(kind, dtype):
    values = np.random.default_rng(0).normal(size=(3, 4))
    found = as_tensor(values.astype(kind), dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found.double().numpy(), values, rtol=1e-2)


@pytest.mark.parametrize("kind", ["i8", "i4", ">i4", "u1", "?"])
def test_arrays_of_whole_numbers_keep_them(kind):
    values = np.array([0, 1, 1], kind)
    found = as_tensor(values, torch.float32)
    assert not found.is_floating_point()
    assert found.tolist() == [0, 1, 1]


def test_arrays_are_copied_and_may_be_views():
    values = np.arange(6.0).reshape(2, 3)
    turned = values[::-1, ::-1]
    turned.flags.writeable = False
    found = as_tensor(turned, torch.float64)
    assert found.tolist() == [[5, 4, 3], [2, 1, 0]]
    found.zero_()
    assert values.sum() == 15


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.zeros(2, complex)])
def test_arrays_of_something_else_are_left(array):
    assert as_tensor(array, torch.float32) is array
