"""What does a layer of Deep RFM take when its matrices over pairs may have 256 MiB, far less than they are?

Rows of ten overlapping classes in 1,024 features of unit norm, float64, Laplace kernel of bandwidth 2, ridge 0: the
fit, by panels on disk where there is no room for half of the kernel matrix, and the AGOP, per output without gradient
weights that are kept. Where the machine has room, beside the fit and the AGOP without a limit, and NC1 of the rows
times the root of either AGOP. What 50,000 rows will take is the time of the largest fit and AGOP, times the ratio of
their operations.

    python -m benchmarks.deep_rfm_memory [rows ...]
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from benchmarks.measuring import peak_extra_memory, with_other_sizes, write
from torch import Tensor

from agop.collapse import Collapse
from agop.deep_rfm import normalize_rows
from agop.kernel_machine import fit_kernel_machine
from agop.kernels import KernelMatrix, Laplace
from agop.linalg import psd_power
from agop.outer_product import kernel_agop, normalized_agop
from agop.solvers import Cholesky, PanelCholesky

CLASSES, WIDTH, BUDGET = 10, 1024, 2**28
SIZES = (5000, 10_000)
ROOM = 20_000
PAPER = 50_000


def rows(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % CLASSES
    centers = torch.randn(CLASSES, WIDTH, generator=generator, dtype=torch.float64)
    inputs = 0.25 * centers[labels] + torch.randn(n, WIDTH, generator=generator, dtype=torch.float64)
    return normalize_rows(inputs), 2 * torch.nn.functional.one_hot(labels).double() - 1


def layer(n: int, budget: int | None) -> dict[str, Any]:
    """Seconds, processor seconds and extra bytes of a fit and an AGOP, and what they found."""
    inputs, targets = rows(n)
    solver = Cholesky() if budget is None else PanelCholesky.within(n, budget)
    found: dict[str, Any] = {"on_disk": isinstance(solver, PanelCholesky) and solver.on_disk}

    def both() -> None:
        start, used = time.perf_counter(), time.process_time()
        matrix = KernelMatrix(Laplace(2.0), inputs, max_memory=budget, keep_gradient_weights=budget is None)
        fit = fit_kernel_machine(matrix, targets, solver)
        found["fit"] = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - used}
        start, used = time.perf_counter(), time.process_time()
        agop = kernel_agop(fit.machine, gradient_weights=matrix.gradient_weights, max_memory=budget)
        found["agop"] = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - used}
        found["form"] = None if agop.plan is None else agop.plan.form
        found["coefficients"], found["matrix"] = fit.machine.coefficients, agop.matrix

    found["extra_bytes"] = peak_extra_memory(both)
    mapped = inputs @ psd_power(normalized_agop(found["matrix"]), 0.5)
    found["nc1"] = Collapse.of(mapped, torch.arange(n) % CLASSES, CLASSES).nc1_trace_ratio
    return found


def operations(n: int) -> dict[str, float]:
    """Multiply-adds of the fit, and of the AGOP per output."""
    return {"fit": n**3 / 6 + n**2 * WIDTH / 2, "agop": (CLASSES + 1) * n**2 * WIDTH + CLASSES * n * WIDTH**2}


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def compare(n: int) -> dict[str, Any]:
    limited = layer(n, BUDGET)
    result = {"n": n, "kernel_matrix_bytes": 8 * n**2, "limited": limited}
    if n <= ROOM:
        whole = layer(n, None)
        result["differences"] = {name: difference(limited[name], whole[name]) for name in ("coefficients", "matrix")}
        result["unlimited"] = _numbers(whole)
    result["limited"] = _numbers(limited)
    print(result, flush=True)
    return result


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not isinstance(value, Tensor)}


def main() -> None:
    sizes = [int(n) for n in sys.argv[1:]] or list(SIZES)
    layer(500, BUDGET)  # loads libraries
    results = with_other_sizes("deep_rfm_memory", [compare(n) for n in sizes])
    largest = results[-1]
    predicted = {
        part: {
            unit: seconds * operations(PAPER)[part] / operations(largest["n"])[part]
            for unit, seconds in largest["limited"][part].items()
        }
        for part in ("fit", "agop")
    }
    print({"predicted": predicted})
    write("deep_rfm_memory", {"budget": BUDGET, "width": WIDTH, "results": results, f"predicted_{PAPER}": predicted})


if __name__ == "__main__":
    main()
