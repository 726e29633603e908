"""What the tests of this folder share."""

from __future__ import annotations

import pytest
import torch

from agop.runs import Run


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Matrices this small are not worth a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def line(seed, layer, stage, nc1, control=False, **measures):
    """A line of metrics.jsonl."""
    return {
        "seed": seed,
        "control": control,
        "layer": layer,
        "stage": stage,
        "nc1_trace_ratio": nc1,
        "nc2_gram_mse": 0.1 / layer,
        "train_accuracy": 1.0,
        "test_accuracy": 0.75 + 0.01 * layer,
        **measures,
    }


@pytest.fixture(scope="module")
def make_run(tmp_path_factory):
    """A run folder with made-up numbers: NC1 falls fourfold a layer, that of the control rises."""

    def make(depth=3, seeds=(0, 1), control=True, gram_size=12, notes=(), **changes):
        run = Run.create(
            tmp_path_factory.mktemp("runs") / "run", {"data": "digits", "permute_labels": False, **changes}
        )
        generator = torch.Generator().manual_seed(0)
        tensors = {}
        for is_control in (False, True) if control else (False,):
            for seed in seeds:
                for layer in range(1, depth + 1):
                    start = 8.0 * (1 + seed) * (1.5**layer / 1.5 if is_control else 4.0 ** (1 - layer))
                    factors = {"input": 1, "agop": 1 if is_control else 0.25, "features": 2}
                    run.append(line(seed, layer, stage, start * f, is_control) for stage, f in factors.items())
                    name = f"{'control' if is_control else 'agop'}/seed{seed}/layer{layer:02d}"
                    if not is_control:
                        tensors[f"{name}/spectrum"] = torch.tensor([4.0, 2.0, 1.0]) / layer
                    if seed == seeds[0]:
                        for stage in factors:
                            gram = torch.rand(gram_size, gram_size, generator=generator) * 2 - 1
                            tensors[f"{name}/gram/{stage}"] = gram.half()
        run.save_tensors(tensors)
        third = gram_size // 3
        run.record(notes=list(notes), n_classes=3, gram_counts=[third, third, gram_size - 2 * third])
        run.finish(1.5)
        return run

    return make


@pytest.fixture(scope="module")
def run(make_run):
    return make_run()
