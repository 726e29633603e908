"""Lines as the folders of reproduced figures have them, with numbers that are easy to know again."""

from __future__ import annotations

from agop.paper.deep_rfm_parts import MAPS


def deep_rfm_lines():
    return [
        {"part": f"deep-rfm-digits-{features}", "data": "digits", "features": features, "seed": seed}
        | {"control": control, "layer": layer, "stage": stage, "shuffled": False}
        | {"nc1_trace_ratio": (1 + seed) * (2.0 if control else 0.5) ** layer, "nc2_gram_mse": 0.1 / layer}
        for features in ("relu", "cosine")
        for control in (False, True)
        for seed in (0, 1)
        for layer in (1, 2, 3)
        for stage in ("input", "agop", "features")
    ]


def maps_lines():
    """Every map that is drawn; that of ReLU features has no scaled distance."""
    return [
        {"part": features, "data": data, "features": features, "seed": seed, "control": control, "layer": layer}
        | {"stage": "input", "nc1_trace_ratio": (2.0 if control else 0.5) ** layer}
        | {"scaled_distance": None if features == "relu" else 2.0}
        for data in ("digits", "mnist")
        for features in MAPS
        for control in (False, True)
        for seed in (0, 1)
        for layer in (1, 2, 3)
    ]


def network_lines(parts, layers=("fc.1", "fc.2")):
    lines = []
    for part, columns in parts.items():
        for epoch in (0, 5, 10):
            for index, layer in enumerate((*layers, "fc.output")):
                for stage in ("input", "linear", "output", "agop_1/2")[: 4 if layer in layers else 2]:
                    line = {"part": part, "data": "digits", "model": "mlp", "seed": 0, "epoch": epoch, "layer": layer}
                    line |= {"stage": stage, "loss": 1 / (1 + epoch), "nc1_trace_ratio": 2.0**-index / (1 + epoch)}
                    line |= {"within_total_ratio": 0.3, "between_total_ratio": 0.7}
                    if stage == "input":
                        line |= {
                            "share": 0.75 if epoch else None,
                            "nfa_pearson": 0.4,
                            "nfa_pearson_root": 0.6 + epoch / 100,
                        }
                        line |= {"weight_change": 0.2} if epoch == 10 else {}
                    lines.append(line | columns)
    return lines


def recursion_lines():
    return [
        {"part": "recursion-digits-relu", "data": "digits", "features": "relu", "curve": curve, "layer": layer}
        | {"stage": stage, "nc1_trace_ratio": 1 / layer, "kernel_shift": 0.5, "features_shift": -0.1}
        | {"explaining_shift": None}
        for curve in ("measured", "one step", "first", "refitted", "explained")
        for layer in (1, 2)
        for stage in ("input", "agop", "features")
    ]


def kernel_lines():
    lines = [
        {"panel": panel, "curve": curve, "step": step, "objective": 5.0 - step, "minimum": 2.0, "shuffled": shuffled}
        for panel, curve in (("descent", "signed"), ("rfm", "RFM"), ("layers", "Deep RFM"), ("unconstrained", "linear"))
        for step in (0, 1)
        for shuffled in ((False, True) if panel == "unconstrained" else (False,))
    ]
    lines += [
        {"panel": "labels", "shuffled": shuffled, "control": False, "layer": layer, "stage": "input"}
        for shuffled in (False, True)
        for layer in (1, 2)
    ]
    return [line | {"part": "kernel-learning-digits", "data": "digits", "nc1_trace_ratio": 0.1} for line in lines]


def kernel_addition():
    rows = [
        {"iteration": i, "train_accuracy": 1.0, "test_accuracy": i / 4, "circulant": 0.5, "alignment": 0.9}
        for i in range(4)
    ]
    rows.append({"iteration": None, "train_accuracy": 1.0, "test_accuracy": 1.0, "circulant": 1.0})
    whole = {"part": "m", "learner": "gaussian kernel", "seed": 1, "test_error": 1.0, "train_error": 0.0}
    return [whole | row for row in rows]


def network_addition():
    return [
        {"part": "n", "learner": "network", "seed": 1, "epoch": 2 * i, "test_error": 1.0, "train_error": 0.0}
        | {"train_accuracy": 1.0, "test_accuracy": i / 4, "circulant_agop": 0.5, "circulant_nfm": 0.4}
        | {"nfa_pearson_root": 0.9, "nfa_pearson": 0.8}
        for i in range(4)
    ]


def directions_lines():
    rows = [(n, i, False) for n in (100, 200) for i in range(3)] + [(n, 0, True) for n in (100, 200)]
    return [
        {
            "part": "m",
            "seed": 1,
            "rows": n,
            "iteration": i,
            "shuffled": s,
            "angle": 80.0 - 10 * i,
            "test_error": n / 1000,
        }
        for n, i, s in rows
    ]


def recovery_lines():
    return [
        {"part": task, "task": task, "observed": n, "seed": seed, "method": method, "error": 1 / n}
        | {"norm": 3.0 if method == "deep linear network" else 2.0}
        for task in ("sparse", "low-rank")
        for n in (10, 20)
        for seed in (1, 2)
        for method in ("linear RFM, power 1", "linear RFM, power 1/2", "least norm", "deep linear network")
    ]


def laboratory_lines():
    """Two trainings with the columns of the figures on FACT, chance and superclasses."""
    return [
        {"part": part, "data": "digits", "network": "digits, 2 hidden layers", "depth": 2, "decay": decay, "seed": 1}
        | {"condition": part, "epoch": epoch, "layer": layer, "stage": stage, "feature_norm": 4.0}
        | {"fact_pearson": epoch / 10, "nfa_pearson_root": 0.5, "nfa_pearson": 0.4, "fact_stationarity": 0.3}
        | {"nc1_trace_ratio": 1 / (1 + epoch), "nc1_trace_ratio_chance_least": 30.0}
        | {"nc1_trace_ratio_chance_largest": 60.0, "nc2_gram_mse": 0.1, "nc2_gram_mse_chance_least": 0.01}
        | {"nc2_gram_mse_chance_largest": 0.02, "superclass_structure/loops": 0.2, "superclass_chance/loops": 0.1}
        for part, decay in (("one", 0.0), ("two", 1e-3))
        for epoch in (0, 5, 10)
        for layer in ("fc.1", "fc.2")
        for stage in ("input", "output")
    ]


LINES = {
    "fact": laboratory_lines,
    "chance": laboratory_lines,
    "structure-before-collapse": laboratory_lines,
    "grokking": lambda: [*kernel_addition(), *network_addition()],
    "central-subspace": directions_lines,
    "linear-rfm": recovery_lines,
    "deep-rfm-metrics": deep_rfm_lines,
    "deep-rfm-maps": maps_lines,
    "deep-rfm-gram": list,
    "network-attribution": lambda: network_lines({"mlp-digits": {}}),
    "network-nfa": lambda: network_lines({"mlp-digits": {}}),
    "initialization": lambda: network_lines({"mlp-0.3": {"gain": 0.3}, "mlp-1": {"gain": 1.0}}),
    "theory-recursion": recursion_lines,
    "theory-kernel-learning": kernel_lines,
}
