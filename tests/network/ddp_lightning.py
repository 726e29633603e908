"""Training in two processes with the callback; in a module of its own so that a new process can load it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.strategies import DDPStrategy

from agop.network.lightning import CollapseCallback


class Classifier(pl.LightningModule):
    """Two layers on four inputs and three classes."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

    def forward(self, inputs):
        return self.net(inputs)

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Normalized(Classifier):
    """The same with batch statistics behind it, which are others in each process."""

    def __init__(self):
        super().__init__()
        self.net.append(torch.nn.BatchNorm1d(3))


def samples():
    """Loader of 48 samples of three classes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 3
    inputs = torch.eye(3, 4)[labels] + 0.3 * torch.randn(48, 4, generator=generator)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), batch_size=8)


def train(rank: int, folder: str, port: int) -> None:
    """Train as one of two ranks, and write what the rank has logged, and rank 0 the weights."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    os.environ |= {"WORLD_SIZE": "2", "NODE_RANK": "0"}
    torch.set_num_threads(1)
    torch.manual_seed(0)
    callbacks = [CollapseCallback(samples(), Path(folder, "run"), time_share=None, keep_record=True)]
    callbacks += [CollapseCallback(samples(), Path(folder, "steps"), unit="step", every=4, time_share=None)]
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy=DDPStrategy(process_group_backend="gloo"),
        max_epochs=2,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Normalized()
    trainer.fit(module, samples())
    if rank == 0:
        torch.save(module.state_dict(), Path(folder, "weights.pt"))
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    Path(folder, f"rank{rank}.json").write_text(json.dumps(logged))
