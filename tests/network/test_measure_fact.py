"""The gradient of the loss and FACT, against the gradients of PyTorch with respect to the parameters."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import agop
from agop.errors import InputError, MemoryBudgetError
from agop.network import Fact, NetworkRecord, features_at_convergence
from agop.network.losses import LOSSES
from network.models import N_CLASSES, Convolutional, ResNet, Shared, batches, data, mlp, seeded
from oracles.network import dense_weight

CROSS_ENTROPY = functional.cross_entropy


def parameter_gradients(model, x, y, loss=CROSS_ENTROPY):
    """{layer: gradient (out, in) of the mean loss}, by a backward pass to the parameters, dense as the weight."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.requires_grad_()
    loss(model(x), y).backward()
    found = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "weight", None), nn.Parameter) and module.weight.ndim > 1:
            module.weight.data = module.weight.grad
            found[name] = dense_weight(module)
    return found


def slow_fact(weight, gradient):
    """Correlation and cosine over all entries, and the two numbers of W and G themselves."""
    w, g = weight.double().numpy(), gradient.double().numpy()
    a, b = w.T @ w, -(w.T @ g + g.T @ w) / 2
    a, b = a.ravel(), b.ravel()
    return {
        "pearson": np.corrcoef(a, b)[0, 1],
        "cosine": a @ b / np.sqrt((a @ a) * (b @ b)),
        "stationarity": -(w * g).sum() / np.sqrt((w * w).sum() * (g * g).sum()),
        "decay": -(w * g).sum() / (w * w).sum(),
    }


def assert_fact(layer, weight, gradient):
    torch.testing.assert_close(layer.loss_gradient, gradient, rtol=1e-9, atol=1e-12)
    for name, value in slow_fact(weight, gradient).items():
        assert getattr(layer.fact, name) == pytest.approx(value, rel=1e-8, abs=1e-10), name


MODELS = {
    "mlp": (mlp, (5,)),
    "wide": (lambda: mlp(widths=(5, 40, N_CLASSES)), (5,)),
    "shared": (Shared, (5,)),
    "convolution": (lambda: Convolutional(nn.Conv2d(2, 4, 3, stride=2, padding=1), (5, 5), nn.ReLU()), (2, 5, 5)),
    "groups": (lambda: Convolutional(nn.Conv2d(2, 4, 2, groups=2), (4, 4)), (2, 4, 4)),
    "resnet": (ResNet, (2, 6, 6)),
}


@pytest.mark.parametrize("name", MODELS)
def test_gradient_of_the_loss_of_every_layer(name):
    build, shape = MODELS[name]
    model = seeded(build)
    x, y = data(13, shape)
    record = agop.measure(model, batches(x, y), loss=CROSS_ENTROPY, rows="mean")
    modules, expected = dict(model.named_modules()), parameter_gradients(model, x, y)
    assert set(record) == set(expected)
    for layer, gradient in expected.items():
        assert_fact(record[layer], dense_weight(modules[layer]), gradient)


def test_samples_that_do_not_count_have_no_loss():
    model, (x, y) = seeded(mlp), data(13)
    ignored = y.clone()
    ignored[[0, 5, 12]] = -100
    record = agop.measure(model, batches(x, ignored), loss=CROSS_ENTROPY)
    for layer, gradient in parameter_gradients(model, x, ignored).items():
        torch.testing.assert_close(record[layer].loss_gradient, gradient, rtol=1e-9, atol=1e-12)


def test_first_samples_alone():
    model, (x, y) = seeded(mlp), data(13)
    record = agop.measure(model, batches(x, y), loss=CROSS_ENTROPY, max_samples=7)
    for layer, gradient in parameter_gradients(model, x[:7], y[:7]).items():
        torch.testing.assert_close(record[layer].loss_gradient, gradient, rtol=1e-9, atol=1e-12)


def test_regression():
    model, (x, _) = seeded(mlp), data(13)
    targets = x[:, :N_CLASSES].sin()
    record = agop.measure(model, batches(x, targets), loss=functional.mse_loss)
    for layer, gradient in parameter_gradients(model, x, targets, functional.mse_loss).items():
        torch.testing.assert_close(record[layer].loss_gradient, gradient, rtol=1e-9, atol=1e-12)


def test_float32_model():
    model, (x, y) = seeded(mlp).float(), data(40, dtype=torch.float32)
    record = agop.measure(model, batches(x, y), loss=CROSS_ENTROPY)
    exact = agop.measure(copy.deepcopy(model).double(), batches(x.double(), y), loss=CROSS_ENTROPY)
    for layer, found in record.items():
        assert found.fact.pearson == pytest.approx(exact[layer].fact.pearson, abs=1e-4)


def test_parts_merge_into_the_whole(tmp_path):
    model, (x, y) = seeded(mlp), data(30)
    whole = agop.measure(model, [(x, y)], loss=CROSS_ENTROPY)
    parts = [agop.measure(model, [(x[rows], y[rows])], loss=CROSS_ENTROPY) for rows in (slice(0, 11), slice(11, 30))]
    for k, part in enumerate(parts):
        part.save(tmp_path / f"{k}.safetensors")
    merged = NetworkRecord.of_parts(NetworkRecord.load(tmp_path / f"{k}.safetensors") for k in range(2))
    for layer, found in merged.items():
        assert_fact(found, whole[layer].weight, whole[layer].loss_gradient)
    with pytest.raises(InputError, match="loss="):
        parts[0].merge(agop.measure(model, [(x, y)]))


def test_memory_of_its_gradient_counts_from_the_first_batch_on():
    """300 x 200 numbers and more: 1.1 MB of statistics without a loss, 2.5 MB with one."""
    model, (x, y), seen = seeded(lambda: mlp(widths=(200, 300, N_CLASSES))), data(13, (200,)), []

    def forward(model, batch):
        seen.append(batch)
        return model(batch[0]), batch[1]

    options = {"max_memory": 18 * 10**5, "forward": forward}
    agop.measure(model, batches(x, y), **options)
    seen.clear()
    with pytest.raises(MemoryBudgetError):
        agop.measure(model, batches(x, y), loss=CROSS_ENTROPY, **options)
    assert len(seen) == 1


def test_a_compact_record_keeps_the_numbers():
    model, (x, y) = seeded(mlp), data(30)
    layer = agop.measure(model, [(x, y)], loss=CROSS_ENTROPY)["2"]
    small = layer.compact()
    assert (small.loss_gradient, small.fact) == (None, layer.fact)
    (line, *_) = small.lines()
    assert line["fact_pearson"] == layer.fact.pearson


def test_without_a_loss_there_is_none():
    model, (x, y) = seeded(mlp), data(30)
    record = agop.measure(model, [(x, y)])
    assert record["2"].fact is None
    assert "fact_pearson" not in next(record.lines())
    assert "FACT" not in [column.title for column in record.table().columns]
    with_loss = agop.measure(model, [(x, y)], loss=CROSS_ENTROPY)
    assert "FACT" in [column.title for column in with_loss.table().columns]
    assert with_loss.scalars()["fact/2"] == with_loss["2"].fact.pearson


def test_training_with_weight_decay_ends_where_fact_holds():
    """To convergence, by Newton-like steps in float64; before, it does not."""
    model, (x, y), decay = seeded(lambda: mlp(activation=nn.Tanh)), data(60), 0.02
    before = agop.measure(model, [(x, y)], loss=CROSS_ENTROPY)
    for parameter in model.parameters():
        parameter.requires_grad_()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=2000, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def penalized():
        optimizer.zero_grad()
        loss = CROSS_ENTROPY(model(x), y) + decay / 2 * sum(p.square().sum() for p in model.parameters())
        loss.backward()
        return loss

    optimizer.step(penalized)
    after = agop.measure(model, [(x, y)], loss=CROSS_ENTROPY)
    for name in after:
        assert after[name].fact.pearson > 0.9999
        assert after[name].fact.stationarity > 0.9999
        assert after[name].fact.decay == pytest.approx(decay, rel=1e-3)
        torch.testing.assert_close(
            features_at_convergence(after[name].weight, after[name].loss_gradient) / decay,
            after[name].weight.mT @ after[name].weight,
            rtol=1e-2,
            atol=1e-3,
        )
    assert min(before[name].fact.pearson for name in before) < 0.5


@pytest.mark.parametrize(
    ("loss", "match"),
    [
        (lambda outputs, labels: CROSS_ENTROPY(outputs, labels, reduction="sum"), "a mean over samples"),
        (lambda outputs, labels: CROSS_ENTROPY(outputs, labels, reduction="none"), r"finite scalar, got a tensor"),
        (lambda outputs, labels: outputs.sum() / 0, "finite scalar, got"),
        (lambda outputs, labels: outputs.new_ones(()), "depend on the outputs"),
        (lambda outputs, labels: 1.0, "finite scalar, got float"),
        ("cross-entropy", "loss to be a function"),
    ],
)
def test_losses_that_are_none(loss, match):
    model, (x, y) = seeded(mlp), data(13)
    with pytest.raises(InputError, match=match):
        agop.measure(model, batches(x, y), loss=loss)


def test_a_loss_that_is_finite_at_first_only():
    model, (x, y), divisors = seeded(mlp), data(13), iter([1.0, 1.0])  # of the first batch, once and twice

    def loss(outputs, labels):
        return outputs.square().mean() / next(divisors, 0.0)

    with pytest.raises(InputError, match="a loss with finite gradients, got NaN or infinity in 0"):
        agop.measure(model, batches(x, y), loss=loss)


def test_a_label_without_an_output_in_a_later_batch():
    model, (x, y) = seeded(mlp), data(13)
    y[-1] = N_CLASSES
    for loss in LOSSES.values():
        with pytest.raises(InputError, match=f"an output for each class, .* got label {N_CLASSES}"):
            agop.measure(model, batches(x, y), loss=loss)


def test_the_cross_entropy_takes_shares_of_classes_and_no_other_numbers():
    model, (x, _) = seeded(mlp), data(13)
    shares = x[:, :N_CLASSES].softmax(1)
    record = agop.measure(model, batches(x, shares), loss=CROSS_ENTROPY)
    for layer, gradient in parameter_gradients(model, x, shares).items():
        torch.testing.assert_close(record[layer].loss_gradient, gradient, rtol=1e-9, atol=1e-12)
    for targets in (x[:, :N_CLASSES], shares[:, :1], 2 * shares):
        with pytest.raises(InputError, match="shares of them, for the cross-entropy, got targets of a regression"):
            agop.measure(model, batches(x, targets), loss=CROSS_ENTROPY)


def test_no_gradient_has_no_fact():
    model, (x, y) = seeded(mlp), data(13)
    record = agop.measure(model, [(x, y)], loss=lambda outputs, labels: 0 * outputs.sum())
    assert {layer.fact for layer in record.values()} == {None}


def test_a_common_mean_of_the_entries_costs_no_digits():
    generator = torch.Generator().manual_seed(0)
    weight = 1e4 + torch.randn(6, 9, generator=generator, dtype=torch.float64)
    gradient = -weight.roll(1, 0)
    found = Fact.of(weight, gradient)
    w, g = weight.numpy(), gradient.numpy()
    w, g = w.astype(np.longdouble), g.astype(np.longdouble)
    a, b = (w.T @ w).ravel(), (-(w.T @ g + g.T @ w) / 2).ravel()
    a, b = a - a.mean(), b - b.mean()
    assert found.pearson == pytest.approx(float(a @ b / np.sqrt((a @ a) * (b @ b))), abs=1e-6)


def test_unusable_matrices():
    with pytest.raises(InputError, match=r"shape of the weight, got \(3, 2\) for a weight \(2, 3\)"):
        Fact.of(torch.ones(2, 3), torch.ones(3, 2))
    with pytest.raises(InputError, match="finite loss_gradient"):
        features_at_convergence(torch.ones(2, 2), torch.full((2, 2), torch.nan))
