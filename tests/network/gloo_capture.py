"""One rank of a gloo group that captures a model spread over ranks; in a module that a new process can load."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

import agop
from agop.network.capture.calls import Capture
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import Weights
from network.gloo_measure import joined

PATIENCE = 120.0
"""Seconds after which a rank that waits for another gives up."""


class Block(nn.Module):
    """Bare parameters: x @ kernel, and a gate of the two halves of one weight's rows."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(6, 6))
        self.fused = nn.Linear(6, 8, bias=False)

    def forward(self, x):
        a, b = self.fused.weight.chunk(2)
        h = torch.tanh(x @ self.kernel)
        return functional.silu(functional.linear(h, a)) * functional.linear(h, b)


class Model(nn.Module):
    """More ranks than rows in one weight, bare parameters, fused rows, two layers that read x, layers of the root."""

    def __init__(self):
        super().__init__()
        self.narrow = nn.Linear(5, 1)
        self.first = nn.Linear(5, 6)
        self.norm = nn.LayerNorm(6)
        self.block = nn.Sequential(Block())
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.block(self.norm(torch.relu(self.first(x)) + self.narrow(x))))


def model():
    """The same model on every rank."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Model().double()


def compiled(network):
    """In the compiler's wrapper; nothing is compiled before a call."""
    return torch.compile(network, backend="eager")


def inputs():
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(1)).double()


def sharded(mesh):
    """Groups of parameters: the narrow layer, the block, and the rest."""
    whole = model()
    for part in (whole.narrow, whole.block[0], whole):
        fully_shard(part, mesh=mesh)
    assert isinstance(whole, FSDPModule)
    return whole


def captured(network):
    """Names, stages, gradients at the outputs of the calls for each of three outputs, and whole weights."""
    weights = Weights(network)
    with undisturbed(network), torch.enable_grad():
        with Capture(weights) as capture:
            outputs = network(inputs())
        capture.join()
        calls = []
        for call in capture.calls:
            found = {"name": call.name, "activation": call.activation, "gradients": []}
            found["outputs"] = capture.values(call.outputs).clone()
            call.on_gradient = found["gradients"].append
            calls.append(found)
        for output in range(3):
            capture.backward(outputs, torch.eye(3).double()[output].expand_as(outputs))
        for call, found in zip(capture.calls, calls, strict=True):
            found["matrix"] = (weights.gathered(call.sharded) if call.sharded else call.matrix()).clone()
    return {"names": weights.names, "calls": calls, "outputs": outputs.detach()}


def measured(network, group=None):
    """AGOPs, weights and numbers of the layers."""
    batches = [(inputs(), torch.arange(7) % 3), (inputs() + 1, torch.arange(7) % 3)]
    record = agop.measure(network, batches, group=group)
    return {name: (layer.agop, layer.weight, layer.linear.nc1_trace_ratio) for name, layer in record.items()}


def measured_by_one(rank):
    """Measured by rank 0 alone, between two steps of a training, while the other has buffers of its own."""
    network = nn.Sequential(model(), nn.BatchNorm1d(3).double())
    wrapped = DistributedDataParallel(network)
    gradients = [parameter_gradients(wrapped)]
    network[1].running_mean += rank
    found = measured(wrapped) if rank == 0 else None
    gradients.append(parameter_gradients(wrapped))
    return {"measured": found, "gradients": gradients}


def parameter_gradients(network):
    """Gradients of a training step, whole, by position."""
    network.zero_grad()
    network(inputs()).square().sum().backward()
    parts = [parameter.grad for parameter in network.parameters()]
    return [part.full_tensor() if hasattr(part, "full_tensor") else part.clone() for part in parts]


def run(rank: int, world_size: int, folder: str) -> None:
    """Capture in every way, and save what was found."""
    joined(rank, world_size, folder, PATIENCE)
    mesh = init_device_mesh("cpu", (world_size,))
    found = {}
    for name, network in {
        "fully_shard": sharded(mesh),
        "DDP": DistributedDataParallel(model()),
        "compiled DDP": compiled(DistributedDataParallel(model())),
        "DDP of compiled": DistributedDataParallel(compiled(model())),
    }.items():
        group = dist.group.WORLD if name == "fully_shard" else None
        found[name] = captured(network) | {"measured": measured(network, group)}
        if name in ("fully_shard", "DDP"):
            found[f"{name} after a step"] = captured(network) | {"gradients": parameter_gradients(network)}
            with torch.no_grad():
                network(inputs())  # leaves the root of fully_shard gathered
            found[f"{name} after evaluation"] = captured(network) | {"gradients": parameter_gradients(network)}
    found["one rank"] = measured_by_one(rank)
    torch.save(found, Path(folder, f"rank{rank}.pt"))
    dist.destroy_process_group()
