"""Work that is told how many bytes it may take, and work that goes on for some time."""

from __future__ import annotations

import resource
import tempfile
import time
from itertools import count, pairwise
from pathlib import Path

import torch
from torch import nn

import agop
from agop.deep_rfm import ReLUFeatures
from agop.kernel_machine import fit_kernel_machine
from agop.kernels import KernelMatrix, Laplace
from agop.outer_product import kernel_agop
from agop.rfm import RFMRegressor
from agop.solvers import Cholesky, PanelCholesky

__all__ = ["WORKS", "measure_stream", "resident", "tell_end", "track"]


def resident(field="VmRSS"):
    """Bytes of memory of this process, or of another kind of them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def tell_end(pipe, name, size, max_memory, allowed):
    """Send how work ends, "done" or "refused", where the system gives no more than these bytes.

    Those of files, and of small work that was done before, are left out.
    """
    torch.set_num_threads(1)
    WORKS[name](100, max_memory)
    limit = resident("VmData") + allowed
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        WORKS[name](size, max_memory)
    except MemoryError:
        pipe.send("refused")
    except (OSError, RuntimeError) as error:  # as maps of files and PyTorch say it
        if "alloc" not in str(error):
            raise
        pipe.send("refused")
    else:
        pipe.send("done")


def rows(n, d=16):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def machine(n, max_memory):
    x, y = rows(n)
    matrix = KernelMatrix(Laplace(4.0), x, 1e-3, max_memory=max_memory, keep_gradient_weights=False)
    targets = 2 * nn.functional.one_hot(y).double() - 1
    solver = Cholesky() if max_memory is None else PanelCholesky.within(n, max_memory)
    fitted = fit_kernel_machine(matrix, targets, solver).machine
    kernel_agop(fitted, max_memory=max_memory)
    fitted(x, max_memory=max_memory)


def rfm(n, max_memory):
    x, y = rows(n)
    model = RFMRegressor(Laplace(4.0), ridge=1e-1, n_iterations=1, selection=None, max_memory=max_memory)
    model.fit(x.numpy(), y.double().numpy()).predict(x.numpy())


def deep_rfm(n, max_memory):
    x, y = rows(n)
    features = ReLUFeatures(64)
    model = agop.DeepRFMClassifier(depth=1, features=features, ridge=1e-3, max_memory=max_memory, random_state=0)
    model.fit(x.numpy(), y.numpy()).predict(x.numpy())


def measure(width, max_memory):
    """A network of three layers, whose statistics are matrices of this width."""
    torch.manual_seed(0)
    layers = [nn.Linear(a, b) for a, b in pairwise([16, width, width, 2])]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    x, y = rows(512)
    agop.measure(model, list(zip(x.float().split(64), y.split(64), strict=True)), max_memory=max_memory)


WORKS = {"machine": machine, "rfm": rfm, "deep-rfm": deep_rfm, "measure": measure}


def measure_stream(pipe, seconds):
    """Measure batches that come for some seconds; send what the process takes meanwhile."""
    taken = []
    generator = torch.Generator().manual_seed(0)

    def batches():
        for _ in watched(seconds, taken):
            y = torch.arange(64) % 3
            yield torch.randn(64, 512, generator=generator) + y[:, None], y

    model = nn.Sequential(nn.Linear(512, 8), nn.ReLU(), nn.Linear(8, 3))
    agop.measure(model, Stream(batches), second_pass=False)
    pipe.send(taken)


def watched(seconds, taken):
    """Count until some seconds have passed; add what the process takes then a hundred times on the way."""
    start = time.monotonic()
    for index in count():
        passed = time.monotonic() - start
        if passed >= seconds:
            return
        if passed >= len(taken) * seconds / 100:
            taken.append(resident())
        yield index


class Stream:
    """Batches that no one keeps."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return self.batches()


def track(pipe, seconds):
    """Train and track a network for some seconds; send what the process takes meanwhile."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    x, y = torch.randn(64, 16), torch.arange(64) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        tracker = agop.Tracker(model, [(x, y)], Path(folder, "run"), time_share=None)
        for index in watched(seconds, taken):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            tracker.step(index)
        tracker.finish()
    pipe.send(taken)
