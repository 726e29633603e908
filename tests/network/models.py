"""Small networks, data and loaders to measure."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

N_CLASSES = 3


def seeded(build, *args, **kwargs):
    """A float64 model in evaluation mode, the same each time; the global random state is left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(*args, **kwargs).double().eval()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
                nn.init.uniform_(module.weight, 0.5, 2.0)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return model


def data(n=13, shape=(5,), n_classes=N_CLASSES, seed=0, dtype=torch.float64):
    """Samples about random class means, with an offset, and unequal numbers a class, two at least where there are."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n_classes).repeat(min(2, n // n_classes))
    y = torch.cat([y, torch.randint(n_classes, (n - len(y),), generator=generator)])
    y = y[torch.randperm(n, generator=generator)]
    means = torch.randn(n_classes, *shape, generator=generator, dtype=dtype)
    return means[y] + 0.5 * torch.randn(n, *shape, generator=generator, dtype=dtype) + 0.3, y


def batches(x, y, sizes=(5, 4)):
    """List of (inputs, labels), the last with what remains."""
    edges = [0]
    while edges[-1] < len(y):
        edges.append(min(len(y), edges[-1] + sizes[min(len(edges) - 1, len(sizes) - 1)]))
    return [(x[a:b], y[a:b]) for a, b in pairwise(edges)]


def mlp(bias=True, activation=nn.ReLU, widths=(5, 7, 6, N_CLASSES)):
    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers += [nn.Linear(n_in, n_out, bias=bias)] + ([activation()] if i < len(widths) - 2 else [])
    return nn.Sequential(*layers)


class Convolutional(nn.Module):
    """One convolution under test, a nonlinearity, and a linear head."""

    def __init__(self, convolution, size, activation=None):
        super().__init__()
        self.conv = convolution
        self.act = activation or nn.Tanh()
        with torch.no_grad():
            n_features = convolution(torch.zeros(1, convolution.in_channels, *size)).numel()
        self.head = nn.Linear(n_features, N_CLASSES)

    def forward(self, x):
        return self.head(self.act(self.conv(x)).flatten(1))


class ResidualBlock(nn.Module):
    """conv-bn-relu-conv-bn, added in place to its input, as in torchvision."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, stride=2, padding=1)
        self.block = ResidualBlock(3)
        self.fc = nn.Linear(3, N_CLASSES)

    def forward(self, x):
        return self.fc(functional.adaptive_avg_pool2d(self.block(self.stem(x)), 1).flatten(1))


class Shared(nn.Module):
    """One hidden layer used several times, each with its own nonlinearity and an in-place skip."""

    def __init__(self, uses=3):
        super().__init__()
        self.first = nn.Linear(5, 6)
        self.again = nn.Linear(6, 6)
        self.last = nn.Linear(6, N_CLASSES)
        self.uses = uses

    def forward(self, x):
        h = torch.tanh(self.first(x))
        for _ in range(self.uses):
            h = torch.tanh(self.again(h))
        return self.last(h)


class Function(nn.Module):
    """A model whose forward is a function of the module and x, with layers given by name."""

    def __init__(self, function, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


class PlainAttention(nn.MultiheadAttention):
    """The same attention written out, with a Linear for each projection."""

    @classmethod
    def like(cls, attention):
        new = copy.deepcopy(attention)
        new.__class__ = cls
        new.projections = nn.ModuleDict()
        return new

    def _project(self, x, rows):
        """Rows of the packed weight applied by a Linear that hooks can watch."""
        name = f"{rows.start}_{rows.stop}"
        if name not in self.projections:
            linear = nn.Linear(self.embed_dim, rows.stop - rows.start, bias=self.in_proj_bias is not None)
            linear.weight = nn.Parameter(self.in_proj_weight.detach()[rows].clone(), requires_grad=False)
            if self.in_proj_bias is not None:
                linear.bias = nn.Parameter(self.in_proj_bias.detach()[rows].clone(), requires_grad=False)
            self.projections[name] = linear
        return self.projections[name](x)

    def _separate(self, name, x, rows):
        if name not in self.projections:
            weight = getattr(self, f"{name}_weight")
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
            linear.bias = nn.Parameter(self.in_proj_bias.detach()[rows].clone(), requires_grad=False)
            self.projections[name] = linear
        return self.projections[name](x)

    def _queries_keys_values(self, query, key, value):
        e = self.embed_dim
        if not self._qkv_same_embed_dim:
            names = ("q_proj", "k_proj", "v_proj")
            rows = (slice(0, e), slice(e, 2 * e), slice(2 * e, 3 * e))
            return [self._separate(*each) for each in zip(names, (query, key, value), rows, strict=True)]
        if query is key and key is value:
            return self._project(query, slice(0, 3 * e)).split(e, -1)
        if key is value:
            return self._project(query, slice(0, e)), *self._project(key, slice(e, 3 * e)).split(e, -1)
        rows = (slice(0, e), slice(e, 2 * e), slice(2 * e, 3 * e))
        return [self._project(*each) for each in zip((query, key, value), rows, strict=True)]

    def forward(self, query, key, value, *args, **kwargs):
        q, k, v = self._queries_keys_values(query, key, value)
        if not self.batch_first:
            q, k, v = q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)
        heads = [t.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for t in (q, k, v)]
        scores = heads[0] @ heads[1].transpose(-1, -2) / heads[0].shape[-1] ** 0.5
        out = (scores.softmax(-1) @ heads[2]).transpose(1, 2).flatten(2)
        out = out if self.batch_first else out.transpose(0, 1)
        return self.out_proj(out), None


def plain(model):
    """A copy in which every nn.MultiheadAttention is written out."""
    model = copy.deepcopy(model)
    for name, module in list(model.named_modules()):
        if type(module) is nn.MultiheadAttention:
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], PlainAttention.like(module))
    return model


def projection_layers(model):
    """{name as measured: Linear} of the attention projections in a written-out model that has run once."""
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, PlainAttention):
            prefix = f"{path}." if path else ""
            found[f"{prefix}out_proj"] = module.out_proj
            for name, linear in module.projections.items():
                if name.endswith("proj"):
                    found[f"{prefix}{name}"] = linear
                else:
                    start, stop = name.split("_")
                    whole = (start, int(stop)) == ("0", 3 * module.embed_dim)
                    found[f"{prefix}in_proj" + ("" if whole else f"[{start}:{stop}]")] = linear
    return found
