"""AGOP and features of the layers of a network: torch.func.jacrev by the rows that a layer reads, sample by sample.

Every call of a layer is computed here from its input rows (for convolutions patches, found by loops) and a dense
matrix; the rows are then the independent variables. The numbers of collapse come from ``oracles_collapse``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.func import jacrev
from torch.nn import functional

from oracles import collapse as oracles_collapse

MEASURES = (
    "within_total_ratio",
    "between_total_ratio",
    "nc1_trace_ratio",
    "nc1_pinv",
    "nc1_cdnv",
    "nc2_gram_mse",
    "nc2_etf_error",
    "nc2_equinorm",
)


@dataclass
class Observed:
    """What one layer should show: AGOP (in, in), and for every use the rows of each sample before and after W."""

    agop: torch.Tensor
    inputs: list[list[torch.Tensor]] = field(default_factory=list)  # [sample][use], (S, in)
    linear: list[list[torch.Tensor]] = field(default_factory=list)


def dense_weight(module):
    """W (out, in), block diagonal for groups, channels before kernel positions."""
    weight = module.weight.detach()
    if isinstance(module, nn.Linear):
        return weight
    if not hasattr(module, "groups"):
        return weight.T  # Hugging Face Conv1D
    n_out, per_group = weight.shape[0], weight[0].numel()
    dense = weight.new_zeros(n_out, module.groups * per_group)
    for o in range(n_out):
        group = o // (n_out // module.groups)
        dense[o, group * per_group : (group + 1) * per_group] = weight[o].flatten()
    return dense


def patches(module, image):
    """Rows (positions, channels x kernel) of one image (1, channels, ...), and the numbers of positions."""
    kernel, steps, gaps = module.kernel_size, module.stride, module.dilation
    if module.padding == "same":
        totals = [gap * (size - 1) for size, gap in zip(kernel, gaps, strict=True)]
        sides = [(total // 2, total - total // 2) for total in totals]
    elif module.padding == "valid":
        sides = [(0, 0)] * len(kernel)
    else:
        sides = [(width, width) for width in module.padding]
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    if any(map(any, sides)):
        image = functional.pad(image, [width for side in reversed(sides) for width in side], mode=mode)
    sizes = image.shape[2:]
    counts = [(n - g * (k - 1) - 1) // s + 1 for n, k, s, g in zip(sizes, kernel, steps, gaps, strict=True)]
    columns = []
    for offset in product(*(range(size) for size in kernel)):
        starts = [o * gap for o, gap in zip(offset, gaps, strict=True)]
        window = [slice(a, a + (m - 1) * s + 1, s) for a, m, s in zip(starts, counts, steps, strict=True)]
        columns.append(image[(0, slice(None), *window)].flatten(1))  # (channels, positions)
    return torch.stack(columns, 1).flatten(0, 1).T, counts


def rows_of(module, x):
    return patches(module, x)[0] if hasattr(module, "groups") else x.reshape(-1, x.shape[-1])


def layer_from_rows(module, x, rows):
    """Output of the layer for input rows that replace those of x."""
    bias = 0 if module.bias is None else module.bias.detach()
    z = rows @ dense_weight(module).T + bias
    if hasattr(module, "groups"):
        return z.T.reshape(1, -1, *patches(module, x)[1])
    return z.reshape(*x.shape[:-1], -1)


@contextmanager
def calls_replaced(layers, replace):
    """Context in which ``replace(name, module, x)`` stands for every call of the layers."""
    handles = [
        module.register_forward_hook(lambda module, args, output, name=name: replace(name, module, args[0]))
        for name, module in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def observe(run, layers, samples):
    """Oracle for all layers of a network.

    run: one sample -> outputs (r, C) that count, r = 1 but for language models. layers: {name: module}.
    """
    found, total_rows = {}, 0
    for sample in samples:
        inputs, linear = {}, {}

        def watch(name, module, x, inputs=inputs, linear=linear):
            rows = rows_of(module, x)
            z = layer_from_rows(module, x, rows)
            inputs.setdefault(name, []).append(rows.detach().clone())
            linear.setdefault(name, []).append(rows_after(module, z).detach().clone())
            return z

        with torch.no_grad():
            plain = run(sample).clone()
            with calls_replaced(layers, watch):
                torch.testing.assert_close(run(sample), plain, rtol=1e-9, atol=1e-11)
        total_rows += len(plain)
        jacobian = jacobian_by_rows(run, layers, sample, inputs)
        for name, uses in inputs.items():
            size = uses[0].shape[1]
            part = sum(torch.einsum("rcsd,rcse->de", use, use) for use in jacobian[name])
            layer = found.setdefault(name, Observed(torch.zeros(size, size, dtype=torch.float64)))
            layer.agop = layer.agop + part
            layer.inputs.append(uses)
            layer.linear.append(linear[name])
    for layer in found.values():
        layer.agop = layer.agop / total_rows
    return found


def rows_after(module, z):
    return z.flatten(2)[0].T if hasattr(module, "groups") else z.reshape(-1, z.shape[-1])


def jacobian_by_rows(run, layers, sample, inputs):
    """{name: [use: (r, C, S, in)]}: derivative of the outputs by shifts of the rows that each use of a layer reads."""

    def outputs_of(shifts):
        use = dict.fromkeys(shifts, 0)

        def shifted(name, module, x):
            use[name] += 1
            return layer_from_rows(module, x, rows_of(module, x) + shifts[name][use[name] - 1])

        with calls_replaced(layers, shifted):
            return run(sample).clone()

    zeros = {name: [torch.zeros_like(rows) for rows in uses] for name, uses in inputs.items()}
    jacobian = jacrev(outputs_of, chunk_size=1)(zeros)
    return {name: [use.detach() for use in uses] for name, uses in jacobian.items()}


def features(rows, labels, how):
    """Features and labels, from rows[sample][use] (S, d): each row, the mean of a use, or one vector a use."""
    x, y = [], []
    for uses, label in zip(rows, labels, strict=True):
        for use in uses:
            taken = {"each": use, "mean": use.mean(0, keepdim=True), "flatten": use.reshape(1, -1)}[how]
            x.append(taken)
            y += [int(label)] * len(taken)
    return torch.cat(x).double().numpy(), np.array(y)


def root(agop, power):
    """Power of a positive semi-definite matrix, eigenvalues of rounding size left out."""
    values, vectors = torch.linalg.eigh(agop)
    kept = values > 1e-12 * values[-1]
    return (vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T


def apply_to_rows(rows, function):
    return [[function(use) for use in uses] for uses in rows]


def assert_collapse(found, rows, labels, n_classes, how="each", rel=1e-8):
    """Numbers of one stage against their definitions."""
    assert found is not None
    x, y = features(rows, labels, how)
    for name in MEASURES:
        expected = getattr(oracles_collapse, name)(x, y, n_classes)
        assert abs(getattr(found, name) - expected) <= rel * abs(expected) + 1e-11, name


def assert_agop(found, expected, rel=1e-10):
    assert found is not None
    assert found.shape == expected.shape
    assert found.dtype == torch.float64
    scale = float(expected.abs().max())
    assert scale > 0
    assert float((found - expected).abs().max()) <= rel * scale


def assert_layer(record, expected, labels, n_classes, how="each", activation=None, rel=1e-8):
    """AGOP, and the stages input, W phi + b, sigma(W phi + b), AGOP^p phi, of one layer."""
    assert_agop(record.agop, expected.agop)
    assert_collapse(record.input, expected.inputs, labels, n_classes, how, rel)
    assert_collapse(record.linear, expected.linear, labels, n_classes, how, rel)
    after_agop = apply_to_rows(expected.inputs, lambda rows: rows @ root(expected.agop, 0.5))
    assert_collapse(record.agop_stage, after_agop, labels, n_classes, how, max(rel, 1e-6))
    if activation is None:
        assert record.output is None
        assert record.activation is None
    else:
        after = apply_to_rows(expected.linear, activation)
        assert_collapse(record.output, after, labels, n_classes, how, rel)
