"""Networks as people write them: skips, tied and repeated layers, functional code, precision, compilation."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

import agop
from network.models import N_CLASSES, Function, ResNet, Shared, batches, data, mlp, seeded
from oracles_network import assert_agop, assert_collapse, assert_layer, observe


def observed(model, layers, x):
    return observe(lambda sample: model(sample), layers, [x[i : i + 1] for i in range(len(x))])


def two_layers(function, n_hidden=6, **layers):
    return seeded(
        lambda: Function(function, first=nn.Linear(5, n_hidden), last=nn.Linear(n_hidden, N_CLASSES), **layers)
    )


def test_residual_network_with_batch_norm():
    x, y = data(9, (2, 6, 6))
    model = seeded(ResNet)
    record = agop.measure(model, batches(x, y))
    layers = {name: model.get_submodule(name) for name in ("stem", "block.conv1", "block.conv2", "fc")}
    expected = observed(model, layers, x)
    assert set(record) == set(layers)
    for name, layer in expected.items():
        assert_agop(record[name].agop, layer.agop)
        assert_collapse(record[name].input, layer.inputs, y, N_CLASSES)
        assert_collapse(record[name].linear, layer.linear, y, N_CLASSES)

    def normalised(z):
        norm = model.block.bn1
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return torch.relu((z - norm.running_mean) * scale + norm.bias).detach()

    after = [[normalised(use) for use in uses] for uses in expected["block.conv1"].linear]
    assert_collapse(record["block.conv1"].output, after, y, N_CLASSES)


def test_batch_norm_in_training_mode_is_measured_in_evaluation_mode():
    """And keeps its running statistics."""
    x, y = data(9, (2, 6, 6))
    model = seeded(ResNet)
    expected = agop.measure(model, batches(x, y))
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    record = agop.measure(model, batches(x, y, (2, 7)))
    assert_agop(record["stem"].agop, expected["stem"].agop)
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


def test_dropout_is_off():
    x, y = data()
    model = nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.5), nn.ReLU(), nn.Linear(6, N_CLASSES)).double().train()
    record = agop.measure(model, batches(x, y))
    bare = nn.Sequential(model[0], model[2], model[3])
    expected = observed(bare.eval(), {"0": model[0]}, x)["0"]
    assert_layer(record["0"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.parametrize("uses", [2, 3])
def test_layer_used_several_times(uses):
    x, y = data()
    model = seeded(Shared, uses)
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first, "again": model.again, "last": model.last}, x)
    assert list(record) == ["first", "again", "last"]
    for name in expected:
        activation = None if name == "last" else torch.tanh
        assert_layer(record[name], expected[name], y, N_CLASSES, activation=activation)
    assert record["again"].rows == uses


def test_one_linear_under_two_names():
    x, y = data()
    shared = nn.Linear(5, 5)
    model = seeded(lambda: nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(5, N_CLASSES)))
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "4"]
    assert_layer(record["0"], observed(model, {"0": model[0]}, x)["0"], y, N_CLASSES, activation=torch.tanh)


def test_tied_weights_of_two_modules():
    x, y = data()

    def build():
        model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, N_CLASSES))
        model[2].weight = model[0].weight  # the biases stay apart
        return model

    model = seeded(build)
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "4"]
    parts = observed(model, {"0": model[0], "2": model[2]}, x)
    assert_agop(record["0"].agop, parts["0"].agop + parts["2"].agop)
    both = [a + b for a, b in zip(parts["0"].inputs, parts["2"].inputs, strict=True)]
    assert_collapse(record["0"].input, both, y, N_CLASSES)


def test_weight_tied_to_its_own_transpose():
    """Autoencoder: linear(h, W) and linear(h, W.T) share a storage, but are not the same layer."""
    x, y = data()

    def forward(self, x):
        h = torch.tanh(self.first(x))
        return self.last(torch.tanh(functional.linear(h, self.first.weight.T)))

    def build():
        return Function(forward, first=nn.Linear(5, 4), last=nn.Linear(5, N_CLASSES))

    model = seeded(build)
    try:
        record = agop.measure(model, batches(x, y))
    except agop.errors.InputError:
        return  # said clearly
    separate = nn.Linear(4, 5, bias=False)
    separate.weight = nn.Parameter(model.first.weight.detach().T.clone())

    def reference(sample):
        return model.last(torch.tanh(separate(torch.tanh(model.first(sample)))))

    layers = {"first": model.first, "decoder": separate, "last": model.last}
    expected = observe(reference, layers, [x[i : i + 1] for i in range(len(x))])
    assert_agop(record["first"].agop, expected["first"].agop)
    assert_collapse(record["first"].input, expected["first"].inputs, y, N_CLASSES)


@pytest.mark.parametrize(
    "way", ["matmul", "torch.matmul", "mm", "addmm", "functional.linear", "keywords", "T of a view"]
)
def test_functional_layers(way):
    x, y = data()

    def forward(self, x):
        w = self.first.weight
        z = {
            "matmul": lambda: x @ w.T,
            "torch.matmul": lambda: torch.matmul(x, w.t()),
            "mm": lambda: torch.mm(x, w.transpose(0, 1)),
            "addmm": lambda: torch.addmm(self.first.bias, x, w.T) - self.first.bias,
            "functional.linear": lambda: functional.linear(x, w),
            "keywords": lambda: functional.linear(input=x, weight=w, bias=None),
            "T of a view": lambda: x @ w.view(6, 5).mT,
        }[way]()
        return self.last(functional.relu(z))

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["first", "last"]
    bare = nn.Linear(5, 6, bias=False).double()
    bare.weight = nn.Parameter(model.first.weight.detach().clone())
    expected = observed(nn.Sequential(bare, nn.ReLU(), model.last), {"first": bare}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].input, expected.inputs, y, N_CLASSES)
    torch.testing.assert_close(record["first"].weight.double(), model.first.weight.detach())
    if way != "addmm":
        assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.parametrize("way", ["x @ w", "parameter list"])
def test_parameters_without_a_module(way):
    """W of shape (in, out) as a bare parameter."""
    x, y = data()

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(5, 6))
            self.head = nn.Linear(6, N_CLASSES)

        def forward(self, x):
            return self.head(torch.tanh(x @ self.kernel))

    model = seeded(Bare)
    record = agop.measure(model, batches(x, y))
    linear = nn.Linear(5, 6, bias=False).double()
    linear.weight = nn.Parameter(model.kernel.detach().T.clone())
    expected = observed(nn.Sequential(linear, nn.Tanh(), model.head), {"kernel": linear}, x)["kernel"]
    assert list(record) == ["kernel", "head"]
    assert_layer(record["kernel"], expected, y, N_CLASSES, activation=torch.tanh)
    assert tuple(record["kernel"].weight.shape) == (6, 5)


@pytest.mark.parametrize(
    "way",
    [
        lambda z: z.relu_(),
        torch.relu_,
        lambda z: functional.relu(z, True),
        lambda z: functional.relu(z, inplace=True),
        lambda z: z.clamp_(min=0),
        lambda z: torch.clamp(z, min=0),
        lambda z: z.relu(),
    ],
)
def test_relu_written_in_many_ways(way):
    x, y = data()
    model = two_layers(lambda self, x: self.last(way(self.first(x))))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.relu)


@pytest.mark.parametrize(
    "overwrite",
    [
        lambda z, x: z.__iadd__(1.0),
        lambda z, x: z.__imul__(2.0),
        lambda z, x: z.add_(1.0),
        lambda z, x: z.zero_() + 1.0,
        lambda z, x: torch.add(z.detach(), 1.0, out=z.detach()) * 0 + z,
        lambda z, x: z.view(-1).mul_(2.0).view_as(z),
        lambda z, x: z.data.fill_(1.0) * 0 + z * 1.0,
    ],
)
def test_output_overwritten_before_anyone_looks(overwrite):
    """The stage is W phi + b as the layer gave it, whatever becomes of its memory."""
    x, y = data()
    model = two_layers(lambda self, x: self.last(torch.tanh(overwrite(self.first(x), x))))
    record = agop.measure(model, batches(x, y))
    expected = [[model.first(row[None]).detach()] for row in x]
    assert_collapse(record["first"].linear, expected, y, N_CLASSES)
    assert_collapse(record["first"].input, [[row[None]] for row in x], y, N_CLASSES)


def test_inplace_residual_on_the_output_itself():
    x, y = data()

    def forward(self, x):
        h = self.first(x)
        h += x @ self.mix
        return self.last(functional.relu(h, inplace=True))

    model = two_layers(forward)
    model.register_buffer("mix", torch.ones(5, 6, dtype=torch.float64))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].linear, expected.linear, y, N_CLASSES)


def test_input_overwritten_after_the_call():
    x, y = data()

    def forward(self, x):
        h = x.clone()
        z = torch.tanh(self.first(h))
        h *= 0
        h[:] = 5.0
        return self.last(z)

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert_collapse(record["first"].input, [[row[None]] for row in x], y, N_CLASSES)


def test_output_stage_is_what_consumes_this_output():
    """None where the output is only added, reshaped or averaged."""
    x, y = data()
    model = two_layers(lambda self, x: self.last((self.first(x) + 1.0).relu()))
    record = agop.measure(model, batches(x, y))
    assert record["first"].activation is None
    assert record["first"].output is None
    assert record["first"].attribution.share is None
    assert record["first"].attribution.linear_log_fall is not None


def test_normalisation_between_layer_and_nonlinearity():
    x, y = data()
    model = two_layers(lambda self, x: self.last(torch.relu(self.norm(self.first(x)))), norm=nn.LayerNorm(6))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"first": model.first}, x)["first"]
    after = [[torch.relu(model.norm(use)).detach() for use in uses] for uses in expected.linear]
    assert_agop(record["first"].agop, expected.agop)
    assert_collapse(record["first"].output, after, y, N_CLASSES)


def test_gradient_that_does_not_arrive():
    """A detached branch, an unused head, a frozen part under no_grad: no AGOP, but all that a forward pass gives."""
    x, y = data()

    def forward(self, x):
        with torch.no_grad():
            frozen = torch.relu(self.frozen(x))
        detached = torch.relu(self.detached(x)).detach()
        self.unused(x)
        return self.last(self.first(x) + frozen + detached)

    extra = {name: nn.Linear(5, 6) for name in ("frozen", "detached", "unused")}
    model = two_layers(forward, **extra)
    record = agop.measure(model, batches(x, y))
    assert set(record) == {"frozen", "detached", "unused", "first", "last"}
    for name in extra:
        assert record[name].agop is None
        assert record[name].agop_stage is None
        assert record[name].nfa is None
        expected = [[getattr(model, name)(row[None]).detach()] for row in x]
        assert_collapse(record[name].linear, expected, y, N_CLASSES)
    expected = observed(model, {"first": model.first}, x)["first"]
    assert_agop(record["first"].agop, expected.agop)
    assert list(record.table().columns[0].cells) == list(record)


def test_other_weights_are_left_alone():
    """Embedding, bilinear and recurrent layers have no normal form here, and stand in nobody's way."""
    x, y = data(9, (4, 5))

    def forward(self, x):
        tokens = self.embedding((x[..., 0] > 0.3).long()) + self.norm(x)
        _, h = self.recurrent(tokens)
        return self.last(torch.tanh(self.bilinear(h[0], h[0])))

    model = seeded(
        lambda: Function(
            forward,
            embedding=nn.Embedding(2, 5),
            norm=nn.LayerNorm(5),
            recurrent=nn.GRU(5, 4, batch_first=True),
            bilinear=nn.Bilinear(4, 4, 6),
            last=nn.Linear(6, N_CLASSES),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert "last" in record
    expected = observed(model, {"last": model.last}, x)["last"]
    assert_layer(record["last"], expected, y, N_CLASSES)


def test_weight_norm():
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            parametrizations.weight_norm(nn.Linear(5, 6)),
            nn.ReLU(),
            parametrizations.weight_norm(nn.Linear(6, N_CLASSES)),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "2"]
    expected = observed(model, {"0": model[0], "2": model[2]}, x)
    assert_layer(record["0"], expected["0"], y, N_CLASSES, activation=torch.relu)
    assert_layer(record["2"], expected["2"], y, N_CLASSES)
    torch.testing.assert_close(record["0"].weight.double(), model[0].weight.detach())


def test_spectral_norm_and_orthogonal():
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            parametrizations.spectral_norm(nn.Linear(5, 5)),
            nn.Tanh(),
            parametrizations.orthogonal(nn.Linear(5, 5)),
            nn.Tanh(),
            nn.Linear(5, N_CLASSES),
        )
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["0", "2", "4"]
    expected = observed(model, {"0": model[0], "2": model[2]}, x)
    for name in expected:
        assert_layer(record[name], expected[name], y, N_CLASSES, activation=torch.tanh)


def test_compiled_model():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    compiled = torch.compile(model, backend="eager")
    compiled(x)  # a model that has been in use
    record = agop.measure(compiled, batches(x, y))
    assert list(record) == list(expected)
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop)
        assert record[name].activation == expected[name].activation
        assert record[name].input.nc1_trace_ratio == pytest.approx(expected[name].input.nc1_trace_ratio, rel=1e-12)
    torch.testing.assert_close(compiled(x), model(x))


def test_submodule_compiled_in_place():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    model[2].compile(backend="eager")
    model[0] = torch.compile(model[0], backend="eager")
    record = agop.measure(model, batches(x, y))
    assert list(record) == list(expected)
    assert_agop(record["0"].agop, expected["0"].agop)
    torch.compiler.reset()


def test_bfloat16_model():
    x, y = data(40)
    model = seeded(mlp)
    rounded = model.to(torch.bfloat16)
    exact = seeded(mlp)
    exact.load_state_dict(rounded.state_dict())
    record = agop.measure(rounded, batches(x.to(torch.bfloat16), y))
    expected = agop.measure(exact, batches(x.to(torch.bfloat16).double(), y))
    for name in expected:
        assert record[name].agop.dtype == torch.float64
        assert_agop(record[name].agop, expected[name].agop, rel=0.05)
        assert record[name].input.nc1_trace_ratio == pytest.approx(expected[name].input.nc1_trace_ratio, rel=0.05)
    # the first layer's input is exact, so its numbers have no rounding of theirs
    assert record["0"].input.nc1_trace_ratio == pytest.approx(expected["0"].input.nc1_trace_ratio, rel=1e-12)


def test_autocast():
    x, y = data(40, dtype=torch.float32)
    model = seeded(mlp).float()

    def forward(model, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(batch[0]), batch[1]

    record = agop.measure(model, batches(x, y), forward=forward)
    expected = agop.measure(model, batches(x, y))
    assert list(record) == list(expected)
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop, rel=0.05)
        assert record[name].linear.nc1_trace_ratio == pytest.approx(expected[name].linear.nc1_trace_ratio, rel=0.05)
        assert record[name].activation == expected[name].activation
    assert model[0].weight.dtype == torch.float32


def test_called_where_gradients_are_off():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    with torch.no_grad():
        record = agop.measure(model, batches(x, y))
        assert not torch.is_grad_enabled()
    assert_agop(record["2"].agop, expected["2"].agop)


def test_called_in_inference_mode():
    """Right, or refused with a reason: never an empty record."""
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    with torch.inference_mode():
        record = agop.measure(model, batches(x, y))
    assert_agop(record["2"].agop, expected["2"].agop)


def test_frozen_parameters():
    x, y = data()
    model = seeded(mlp)
    expected = agop.measure(model, batches(x, y))
    model.requires_grad_(False)
    record = agop.measure(model, batches(x, y))
    for name in expected:
        assert_agop(record[name].agop, expected[name].agop)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_activation_checkpointing():
    """The backward pass calls the layers again; that is no second use."""
    x, y = data()

    def forward(self, x):
        def part(h):
            return torch.tanh(self.middle(h))

        return self.last(checkpoint(part, torch.tanh(self.first(x)), use_reentrant=False))

    model = two_layers(forward, middle=nn.Linear(6, 6))
    record = agop.measure(model, batches(x, y))
    plain = two_layers(
        lambda self, x: self.last(torch.tanh(self.middle(torch.tanh(self.first(x))))), middle=nn.Linear(6, 6)
    )
    plain.load_state_dict(model.state_dict())
    expected = agop.measure(plain, batches(x, y))
    assert list(record) == ["first", "middle", "last"]
    for name in expected:
        assert record[name].rows == 1
        assert_agop(record[name].agop, expected[name].agop)


def test_samples_that_mix_in_the_batch_are_not_silently_wrong():
    """Exact directions take one backward pass for all samples, which is wrong where outputs depend on other samples."""
    x, y = data()
    model = two_layers(lambda self, x: (h := self.last(torch.tanh(self.first(x)))) + h.mean(0))
    with pytest.raises(agop.errors.InputError):
        agop.measure(model, batches(x, y))


def test_module_that_is_a_single_layer():
    x, y = data()
    model = nn.Linear(5, N_CLASSES).double()
    record = agop.measure(model, batches(x, y))
    assert len(record) == 1
    assert_agop(next(iter(record.values())).agop, (model.weight.T @ model.weight).detach())


def test_layer_called_with_different_nonlinearities():
    """No crash, and never numbers of half of the uses as if they were all."""
    x, y = data()

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = self.again(h)
        return self.last(torch.tanh(self.again(h)))

    model = two_layers(forward, again=nn.Linear(6, 6))
    record = agop.measure(model, batches(x, y))
    expected = observed(model, {"again": model.again}, x)["again"]
    assert_agop(record["again"].agop, expected.agop)
    assert_collapse(record["again"].linear, expected.linear, y, N_CLASSES)
    assert record["again"].output is None


def test_uses_with_other_numbers_of_rows():
    """A layer that sees one vector, and a sequence."""
    x, y = data(9, (4, 5))

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)).mean(1) + torch.tanh(self.first(x.mean(1))))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    for rows in ("each", "mean"):
        record = agop.measure(model, batches(x, y), rows=rows)
        if rows == "each":
            assert record["first"].rows == 5
        assert_layer(record["first"], expected, y, N_CLASSES, rows, activation=torch.tanh)


def test_tensor_subclass_of_parameters_and_views():
    """Rows of one weight used as two layers."""
    x, y = data()

    def forward(self, x):
        return self.last(
            torch.cat([torch.tanh(functional.linear(x, self.first.weight[:2])), x @ self.first.weight[2:].T], 1)
        )

    model = two_layers(forward)
    record = agop.measure(model, batches(x, y))
    assert "first[0:2]" in record
    top = nn.Linear(5, 2, bias=False).double()
    top.weight = nn.Parameter(model.first.weight.detach()[:2].clone())
    rest = model.first.weight.detach()[2:].T

    def reference(sample):
        return model.last(torch.cat([torch.tanh(top(sample)), sample @ rest], 1))

    expected = observe(reference, {"top": top}, [x[i : i + 1] for i in range(len(x))])["top"]
    assert_layer(record["first[0:2]"], expected, y, N_CLASSES, activation=torch.tanh)


def test_batch_norm_without_running_statistics():
    """Mixes samples in evaluation mode too."""
    x, y = data()
    model = seeded(
        lambda: nn.Sequential(
            nn.Linear(5, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.ReLU(), nn.Linear(6, N_CLASSES)
        )
    )
    with pytest.raises(agop.errors.InputError, match="other samples"):
        agop.measure(model, [(x, y)])


def test_model_that_draws_random_numbers_in_evaluation_mode():
    """Dropout that is always on: the second pass shows other features than the first."""
    x, y = data(30)
    model = two_layers(lambda self, x: self.last(functional.dropout(torch.relu(self.first(x)), 0.5, training=True)))
    with pytest.raises(agop.errors.InputError, match="same data"):
        agop.measure(model, batches(x, y))


@pytest.mark.parametrize("sizes", [(4,), (5, 4), (4, 9)])
def test_time_first_without_attention(sizes):
    """Rows (T, B, d), in batches as large as there are steps: right, or refused."""
    x, y = data(13, (4, 5))

    def forward(self, x):
        return self.last(torch.tanh(self.first(x.transpose(0, 1))).sum(0))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    try:
        record = agop.measure(model, batches(x, y, sizes))
    except agop.errors.InputError:
        return
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)


@pytest.mark.parametrize("sizes", [(4,), (5, 4), (4, 9), (13,)])
def test_windows_folded_into_the_batch(sizes):
    """Rows (B windows, tokens, d) as in windowed attention, in batches as large as a window too."""
    x, y = data(13, (2, 4, 5))

    def forward(self, x):
        h = torch.tanh(self.first(x.flatten(0, 1)))
        return self.last(h.unflatten(0, (len(x), 2)).sum((1, 2)))

    model = two_layers(forward)
    expected = observed(model, {"first": model.first}, x)["first"]
    record = agop.measure(model, batches(x, y, sizes))
    assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.*:FutureWarning")
@pytest.mark.parametrize("wrap", [nn.utils.spectral_norm, nn.utils.weight_norm])
def test_normalised_weights_of_the_older_kind(wrap):
    """A hook computes the weight from another parameter: measured, or named in the notes."""
    x, y = data()
    model = seeded(lambda: nn.Sequential(wrap(nn.Linear(5, 6)), nn.ReLU(), nn.Linear(6, N_CLASSES)))
    record = agop.measure(model, batches(x, y))
    if "0" in record:
        assert_layer(record["0"], observed(model, {"0": model[0]}, x)["0"], y, N_CLASSES, activation=torch.relu)
    else:
        assert any(note.startswith("0") for note in record.notes)


def test_weights_that_were_not_measured_are_named():
    """A transposed convolution has a weight and no normal form here."""
    x, y = data(9, (2, 3, 3))
    model = seeded(
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(48, N_CLASSES))
    )
    record = agop.measure(model, batches(x, y))
    assert list(record) == ["3"]
    assert any(note.startswith("0") for note in record.notes)


def test_prototypes_are_no_samples():
    """A layer applied to class prototypes, as many as samples in a batch: left out with a note, or refused."""
    x, y = data(9)

    def forward(self, x):
        return torch.tanh(self.first(x)) @ self.encode(self.prototypes).T

    def build():
        model = Function(forward, first=nn.Linear(5, 6), encode=nn.Linear(4, 6))
        model.prototypes = nn.Parameter(torch.randn(N_CLASSES, 4))
        return model

    model = seeded(build)
    expected = observed(model, {"first": model.first}, x)["first"]
    for sizes in ((9,), (3,), (4, 3)):
        try:
            record = agop.measure(model, batches(x, y, sizes))
        except agop.errors.InputError:
            continue
        assert_layer(record["first"], expected, y, N_CLASSES, activation=torch.tanh)
        assert "encode" not in record, sizes
        assert any(note.startswith("encode") for note in record.notes)
