"""Gradients of the loss with respect to the weights of the layers, from one backward pass a batch."""

from __future__ import annotations

from functools import partial
from math import isfinite

import torch
from torch import Tensor

from agop.errors import InputError
from agop.network.losses import check_scores, check_shares
from agop.network.passes.batches import Batch
from agop.network.passes.features import CallFeatures
from agop.network.passes.forward import Loss
from agop.network.passes.merging import add_tensor
from agop.network.passes.rows import Owners
from agop.network.passes.sweep import SeenBatch

__all__ = ["check_loss", "loss_gradients"]

_ADVICE = "It takes outputs (m, K) and targets, and returns a mean."

_TOLERANCE = 1e-3
"""Relative difference up to which a mean of losses in float32 is the same for samples that are given twice."""


def loss_gradients(seen: SeenBatch, calls: list[CallFeatures], loss: Loss) -> dict[str, Tensor]:
    r"""Sum over the samples of a batch of :math:`\partial \ell_i / \partial W`, (out, in) float64, by layer.

    Layers that no gradient reaches are left out.

    Parameters
    ----------
    seen
        The batch.
    calls
        Calls that are measured.
    loss
        Mean loss of outputs and targets.

    Raises
    ------
    InputError
        If the loss is not a scalar that depends on the outputs, or one of scores lacks an output for a label.
    """
    sums: dict[str, Tensor] = {}
    for features in calls:
        features.listen(partial(_add, sums, features))
    seen.backward(_output_gradient(seen.batch, loss))
    return sums


def check_loss(batch: Batch, loss: Loss) -> None:
    """Raise unless the loss is a mean over samples, the same when each is given twice; waits for the device.

    Raises
    ------
    InputError
        If the loss is not a finite scalar, not a mean over samples, or not one of such targets.
    """
    outputs, targets = _outputs(batch), _targets(batch)
    check_shares(loss, outputs, batch.values)
    once = float(_value(loss, batch, outputs, targets))
    if not isfinite(once):
        raise InputError("loss to give a finite scalar", f"{once:g}", _ADVICE)
    twice = float(_value(loss, batch, torch.cat([outputs, outputs]), torch.cat([targets, targets])))
    if abs(once - twice) > _TOLERANCE * abs(once):
        got = f"{once:.4g}, and {twice:.4g} for the same samples twice"
        raise InputError("loss to be a mean over samples", got, 'Use reduction="mean".')


def _add(sums: dict[str, Tensor], features: CallFeatures, gradients: Tensor) -> None:
    """Add what a call contributes: outer products of gradients (n, S, out) and what it read, sample by sample."""
    linear = features.call.linear
    for rows, chunk in features.input_rows():
        part = gradients[chunk].flatten(0, 1).mT @ rows.flatten(0, 1).to(gradients)
        if part.numel() > linear.weight.numel():  # groups, between which there are no weights
            part = part * linear.matrix(torch.ones_like(linear.weight)).to(part)
        add_tensor(sums, features.name, part.double())


def _output_gradient(batch: Batch, loss: Loss) -> Tensor:
    """Gradient (B, K) of the sum of the losses of the samples that count; 0 for others."""
    whole = torch.zeros_like(batch.outputs)
    if not batch.n_samples:
        return whole
    with torch.enable_grad():
        outputs = _outputs(batch).requires_grad_()
        value = _value(loss, batch, outputs, _targets(batch))
        if not value.requires_grad:
            raise InputError("loss to depend on the outputs", "a constant", "It is differentiated by them.")
        (gradient,) = torch.autograd.grad(value * batch.n_samples, outputs)
    gradient = gradient.to(whole)
    return gradient if batch.samples is None else whole.index_copy_(0, batch.samples, gradient)


def _outputs(batch: Batch) -> Tensor:
    outputs = batch.of_samples(batch.outputs.detach())
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32)).clone()


def _targets(batch: Batch) -> Tensor:
    if batch.values is None:
        return batch.labels_of(Owners(0, batch.n_samples))
    return batch.values.to(torch.promote_types(batch.outputs.dtype, torch.float32))


def _value(loss: Loss, batch: Batch, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of outputs and targets of a batch, unread."""
    check_scores(loss, outputs.shape[1], batch.labels)
    value: object = loss(outputs, targets)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError("loss to give a finite scalar", got, _ADVICE)
    return value.reshape(())
