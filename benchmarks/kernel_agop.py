"""How much faster is the AGOP of a kernel machine than one gradient matrix per output?

The peer forms G_l = diag(S_l) X - V diag(a_l) X for every output l and sums G_l^T G_l, with the same weights V
and in the same dtype. Same process, interleaved.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import interleaved, matmul_rate, write
from torch import Tensor

from agop.kernel_machine import KernelMachine, fit_kernel_machine
from agop.kernels import KernelMatrix, Laplace
from agop.outer_product import kernel_agop

REPEATS = 3


def problem(n: int, d: int, outputs: int, dtype: torch.dtype) -> tuple[Laplace, Tensor, Tensor]:
    """Standard normal inputs, labels from a random linear map, coefficients of kernel ridge regression."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64)
    labels = (inputs @ torch.randn(d, outputs, generator=generator, dtype=torch.float64)).argmax(1)
    targets = 2 * torch.nn.functional.one_hot(labels, outputs) - 1
    kernel = Laplace(bandwidth=d**0.5)
    fit = fit_kernel_machine(KernelMatrix(kernel, inputs.to(dtype), 1e-3), targets.to(dtype))
    return kernel, inputs.to(dtype), fit.machine.coefficients.to(dtype)


def per_output(kernel: Laplace, inputs: Tensor, coefficients: Tensor) -> Tensor:
    """The textbook form."""
    weights = kernel.gradient_weights(inputs)
    sums = weights @ coefficients
    total = inputs.new_zeros(inputs.shape[1], inputs.shape[1])
    for output in range(coefficients.shape[1]):
        gradient = sums[:, [output]] * inputs - weights @ (coefficients[:, [output]] * inputs)
        total += gradient.mT @ gradient
    return total / len(inputs)


def compare(n: int, d: int, outputs: int, dtype: torch.dtype, rate: float) -> dict[str, Any]:
    kernel, inputs, coefficients = problem(n, d, outputs, dtype)
    ours = kernel_agop(KernelMachine(kernel, inputs, coefficients)).matrix
    theirs = per_output(kernel, inputs, coefficients)
    difference = ((ours - theirs).norm() / theirs.norm()).item()
    seconds = interleaved(
        {
            "agop": lambda: kernel_agop(KernelMachine(kernel, inputs, coefficients)).matrix,
            "per_output": lambda: per_output(kernel, inputs, coefficients),
        },
        REPEATS,
    )
    medians = {name: median(values) for name, values in seconds.items()}
    operations = 2 * (n * n * d / 2 + n**3 / 2 + n * n * d + n * d * d + 3 * n * n * outputs)
    result = {
        "n": n,
        "d": d,
        "outputs": outputs,
        "dtype": str(dtype),
        "seconds": seconds,
        "relative_difference": difference,
        "speed_ratio": medians["per_output"] / medians["agop"],
        "share_of_matmul_rate": operations / medians["agop"] / rate,
    }
    print({key: value for key, value in result.items() if key != "seconds"}, medians)
    return result


def main() -> None:
    rates = {dtype: matmul_rate(dtype) for dtype in (torch.float32, torch.float64)}
    sizes = [(n, 784, 10) for n in (1000, 2000, 4000)] + [(1000, 784, 100), (2000, 784, 100)]
    results = [compare(*size, dtype, rate) for dtype, rate in rates.items() for size in sizes]
    exponents = {
        str(dtype): float(
            np.polyfit(
                [np.log(r["n"]) for r in results if r["dtype"] == str(dtype) and r["outputs"] == 10],
                [
                    np.log(median(r["seconds"]["agop"]))
                    for r in results
                    if r["dtype"] == str(dtype) and r["outputs"] == 10
                ],
                1,
            )[0]
        )
        for dtype in rates
    }
    write(
        "kernel_agop",
        {
            "matmul_flops": {str(dtype): rate for dtype, rate in rates.items()},
            "growth_exponent": exponents,
            "results": results,
        },
    )


if __name__ == "__main__":
    main()
