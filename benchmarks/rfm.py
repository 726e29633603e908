"""How long does a recursive feature machine take to fit, and how much memory, beside xrfm?

The plain recursion in both, where nothing is chosen: same settings (Laplace L = 10, ridge 1e-3, 5 AGOP updates,
float32, +-1 targets), same process, fits alone, interleaved; accuracy on the same held-out samples. Processor time
stands beside the time, for machines with other work. MNIST comes from ``AGOP_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from benchmarks.measuring import interleaved, matmul_rate, peak_extra_memory, write
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, r2_score
from xrfm.rfm_src import RFM

from agop import Laplace, RFMClassifier, RFMRegressor
from agop.datasets import load, standardize, subset

ITERATIONS, RIDGE, BANDWIDTH = 5, 1e-3, 10.0

REPEATS, SECONDS = 7, 10
"""Turns of both at least, and seconds for more where fits are short."""

Predict = Callable[[NDArray[Any]], NDArray[Any]]
Problem = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def mnist(n: int) -> Problem:
    folder = os.environ.get("AGOP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    data = subset(load("mnist", folder), n, 2000)
    train, test = standardize(data.train_inputs, data.test_inputs)
    scale = np.float32(BANDWIDTH / 28)  # typical distances near the bandwidth
    return (train * scale).astype("f4"), data.train_labels, (test * scale).astype("f4"), data.test_labels


def table(n: int, d: int = 50) -> Problem:
    """y = x_0 x_1 + sin(x_2) + noise, x standard normal in d dimensions."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n + 2000, d)).astype("f4")
    y = (X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * generator.standard_normal(len(X))).astype("f4")
    return X[:n], y[:n], X[n:], y[n:]


def fit_agop(problem: Problem, classify: bool) -> Predict:
    estimator = RFMClassifier if classify else RFMRegressor
    model = estimator(Laplace(BANDWIDTH), ridge=RIDGE, n_iterations=ITERATIONS, selection=None)
    predict: Predict = model.fit(*problem[:2]).predict
    return predict


def fit_xrfm(problem: Problem, classify: bool) -> Predict:
    X, y, X_test, _ = (torch.from_numpy(np.asarray(part)) for part in problem)
    targets = 2 * torch.nn.functional.one_hot(y).float() - 1 if classify else y[:, None]
    model = RFM("laplace", bandwidth=BANDWIDTH, device="cpu", verbose=False)
    model.fit(
        (X, targets),
        (X_test[:10], targets[:10]),
        iters=ITERATIONS,
        reg=RIDGE,
        total_points_to_sample=len(X),
        early_stop_rfm=False,
        return_best_params=False,
        verbose=False,
    )

    def predict(points: NDArray[Any]) -> NDArray[Any]:
        values: NDArray[Any] = model.predict(torch.from_numpy(points)).numpy()
        return np.asarray(values.argmax(1) if classify else values[:, 0])

    return predict


def score(predict: Predict, problem: Problem, classify: bool) -> float:
    """Accuracy, or R^2."""
    y, predictions = problem[3], predict(problem[2])
    return float(accuracy_score(y, predictions) if classify else r2_score(y, predictions))


def processor_seconds(call: Callable[[], object]) -> float:
    """Processor time of a call, over all threads."""
    start = time.process_time()
    call()
    return time.process_time() - start


def operations(n: int, d: int, outputs: int) -> float:
    """Floating-point operations of our fit, 2 a multiply-add: products over pairs, the cheaper form of the AGOP."""
    distances = n * n * d / 2
    elementwise = n**3 / 2 + n * n * d / 2 + n * d * d + 3 * n * n * outputs
    agop = min(elementwise, outputs * (n * n * d + n * d * d))
    return 2 * ((ITERATIONS + 1) * (distances + n**3 / 6) + ITERATIONS * agop)


def compare(name: str, problem: Problem, classify: bool, rate: float) -> dict[str, Any]:
    calls: dict[str, Callable[[], Predict]] = {
        "agop": lambda: fit_agop(problem, classify),
        "xrfm": lambda: fit_xrfm(problem, classify),
    }
    scores = {key: score(call(), problem, classify) for key, call in calls.items()}
    memory = {key: peak_extra_memory(call) for key, call in calls.items()}
    once = sum(processor_seconds(call) for call in calls.values())
    seconds = interleaved(calls, max(REPEATS, int(SECONDS / once)), warm_up=False)
    processor = {key: [processor_seconds(call) for _ in range(3)] for key, call in calls.items()}
    n, d = problem[0].shape
    medians, busy = ({key: median(values) for key, values in times.items()} for times in (seconds, processor))
    result = {
        "problem": name,
        "n": n,
        "d": d,
        "seconds": seconds,
        "processor_seconds": processor,
        "score": scores,
        "extra_bytes": memory,
        "speed_ratio": medians["xrfm"] / medians["agop"],
        "processor_ratio": busy["xrfm"] / busy["agop"],
        "memory_ratio": memory["agop"] / memory["xrfm"],
        "share_of_matmul_rate": operations(n, d, 10 if classify else 1) / medians["agop"] / rate,
    }
    print({key: value for key, value in result.items() if "seconds" not in key}, medians)
    return result


def main() -> None:
    rate = matmul_rate(torch.float32)
    results = [compare("MNIST", mnist(n), True, rate) for n in (1000, 2000, 4000)]
    results += [compare("table", table(n), False, rate) for n in (1000, 2000, 5000)]
    exponents = {
        name: float(
            np.polyfit(np.log([r["n"] for r in part]), np.log([median(r["seconds"]["agop"]) for r in part]), 1)[0]
        )
        for name, part in (("MNIST", results[:3]), ("table", results[3:]))
    }
    write("rfm", {"matmul_flops": rate, "growth_exponent": exponents, "results": results})


if __name__ == "__main__":
    main()
