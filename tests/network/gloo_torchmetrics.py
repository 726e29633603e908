"""One rank of a gloo group with a metric of its own rows; in a module of its own so that a new process can load it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from agop.network.torchmetrics import NeuralCollapse


def compute_cases(rank: int, world_size: int, folder: str) -> None:
    """Update with the rank's rows of every ``*.case.npz`` in two batches, and save what all ranks have together."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    for case in sorted(Path(folder).glob("*.case.npz")):
        data = dict(np.load(case))
        n_classes, d = data["weight"].shape
        classifier = torch.nn.Linear(d, n_classes, dtype=torch.float64).requires_grad_(False)
        classifier.weight.copy_(torch.from_numpy(data["weight"]))
        metric = NeuralCollapse(n_classes, d, scatter=True, classifier=classifier)
        rows = np.flatnonzero(data["ranks"] == rank)
        metric.update(data["features"][rows[:9]], data["labels"][rows[:9]])
        metric.compute()  # what is gathered must not stay
        metric.update(data["features"][rows[9:]], data["labels"][rows[9:]])
        found = {name: value.item() for name, value in metric.compute().items()}
        own = {"own_samples": metric.moments.n_samples}
        metric_on_step = NeuralCollapse(n_classes, d, "nc1_trace_ratio", dist_sync_on_step=True)
        step = {"step": metric_on_step(data["features"][rows], data["labels"][rows]).item()}
        np.savez(case.with_suffix(f".rank{rank}.npz"), **found, **own, **step)
    dist.destroy_process_group()
