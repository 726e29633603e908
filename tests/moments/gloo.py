"""One rank of a gloo group that merges class moments; in a module of its own so that a new process can load it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from agop.errors import InputError
from agop.moments import ClassMoments, TargetMoments


def reduce_cases(rank: int, world_size: int, folder: str) -> None:
    """Merge the rank's rows of every ``*.case.npz`` with those of all others, and save what came out."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    for case in sorted(Path(folder).glob("*.case.npz")):
        try:
            merged = _own_moments(dict(np.load(case)), rank).all_reduce()
        except InputError:
            continue  # the test finds no file
        parts = {"counts": merged.counts, "means": merged.means}
        parts |= {} if merged.scatter_traces is None else {"scatter_traces": merged.scatter_traces}
        parts |= {} if merged.scatter is None else {"scatter": merged.scatter}
        np.savez(case.with_suffix(f".rank{rank}.npz"), **{name: part.numpy() for name, part in parts.items()})
    dist.destroy_process_group()


def _own_moments(data: dict[str, np.ndarray], rank: int) -> ClassMoments:
    rows, n_classes, n_features = data["ranks"] == rank, int(data["n_classes"]), data["features"].shape[1]
    if not rows.any():
        return ClassMoments.empty(n_classes, n_features)
    mapped = bool(data["mapped"]) and rank == 0
    scatter = bool(data["scatter"]) or mapped
    own = ClassMoments.of(data["features"][rows], data["labels"][rows], n_classes, scatter=scatter)
    return own.apply(np.eye(n_features)) if mapped else own


def reduce_targets(rank: int, world_size: int, folder: str) -> None:
    """Merge the rank's rows of features and targets of every ``*.case.npz`` with those of all others, and save it."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    for case in sorted(Path(folder).glob("*.case.npz")):
        data = dict(np.load(case))
        rows, shape = data["ranks"] == rank, (data["features"].shape[1], data["targets"].shape[1])
        own = (
            TargetMoments.of(data["features"][rows], data["targets"][rows])
            if rows.any()
            else TargetMoments.empty(*shape)
        )
        merged = own.all_reduce()
        parts = {"count": merged.count, "mean": merged.mean.numpy(), "joint_scatter": merged.joint_scatter.numpy()}
        np.savez(case.with_suffix(f".rank{rank}.npz"), n_targets=merged.n_targets, **parts)
    dist.destroy_process_group()
