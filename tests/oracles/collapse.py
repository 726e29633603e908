"""Measures of collapse straight from their definitions: loops in extended precision, numpy only."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np

L = np.longdouble


def class_means(x, y, n_classes):
    x = np.asarray(x).astype(L)
    means = []
    for c in range(n_classes):
        total, count = np.zeros(x.shape[1], L), 0
        for row, label in zip(x, y, strict=True):
            if label == c:
                total, count = total + row, count + 1
        means.append(total / L(max(count, 1)))
    return np.stack(means)


def scatter_traces(x, y, n_classes):
    x = np.asarray(x).astype(L)
    means, traces = class_means(x, y, n_classes), np.zeros(n_classes, L)
    for row, label in zip(x, y, strict=True):
        traces[label] += ((row - means[label]) ** 2).sum()
    return traces


def within_scatter(x, y, n_classes):
    x = np.asarray(x).astype(L)
    means, total = class_means(x, y, n_classes), np.zeros((x.shape[1], x.shape[1]), L)
    for row, label in zip(x, y, strict=True):
        total += np.outer(row - means[label], row - means[label])
    return total


def global_mean(x, y, n_classes, weighting="classes"):
    x = np.asarray(x).astype(L)
    return x.mean(0) if weighting == "samples" else class_means(x, y, n_classes).mean(0)


def centered_means(x, y, n_classes, weighting="classes"):
    return class_means(x, y, n_classes) - global_mean(x, y, n_classes, weighting)


def within_trace(x, y, n_classes):
    return scatter_traces(x, y, n_classes).sum() / L(len(y))


def between_trace(x, y, n_classes, weighting="classes"):
    return sum((m**2).sum() for m in centered_means(x, y, n_classes, weighting)) / L(n_classes)


def total_trace(x, y, n_classes, weighting="classes"):
    centre = global_mean(x, y, n_classes, weighting)
    return sum(((row - centre) ** 2).sum() for row in np.asarray(x).astype(L)) / L(len(y))


def nc1_trace_ratio(x, y, n_classes, weighting="classes"):
    return float(within_trace(x, y, n_classes) / between_trace(x, y, n_classes, weighting))


def nc1_trace_ratio_beaglehole2024(x, y, n_classes, weighting="classes"):
    divided = within_trace(x, y, n_classes) / n_classes
    return float(divided / between_trace(x, y, n_classes, weighting))


def within_total_ratio(x, y, n_classes, weighting="classes"):
    return float(within_trace(x, y, n_classes) / total_trace(x, y, n_classes, weighting))


def between_total_ratio(x, y, n_classes, weighting="classes"):
    return float(between_trace(x, y, n_classes, weighting) / total_trace(x, y, n_classes, weighting))


def between_total_ratio_beaglehole2024(x, y, n_classes, weighting="classes"):
    divided = total_trace(x, y, n_classes, weighting) / n_classes
    return float(between_trace(x, y, n_classes, weighting) / divided)


def nc1_pinv(x, y, n_classes, weighting="classes"):
    """Trace of Sigma_W Sigma_B^+ over C, by the pseudo-inverse of the means: their product would square its error."""
    inverse = np.linalg.pinv(centered_means(x, y, n_classes, weighting).astype(np.float64), rcond=1e-7)
    within = within_scatter(x, y, n_classes).astype(np.float64) / len(y)
    return float(np.trace(within @ inverse @ inverse.T))


def nc1_cdnv(x, y, n_classes):
    means, traces = class_means(x, y, n_classes), scatter_traces(x, y, n_classes)
    v = [traces[c] / L(sum(label == c for label in y)) for c in range(n_classes)]
    pairs = [(v[a] + v[b]) / (2 * ((means[a] - means[b]) ** 2).sum()) for a, b in combinations(range(n_classes), 2)]
    return float(sum(pairs) / len(pairs))


def cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def nc2_gram_mse(x, y, n_classes, weighting="classes"):
    m = centered_means(x, y, n_classes, weighting)
    total = L(0)
    for a in range(n_classes):
        for b in range(n_classes):
            total += (cosine(m[a], m[b]) - (1 if a == b else L(-1) / (n_classes - 1))) ** 2
    return float(total / n_classes**2)


def simplex(n_classes):
    return (np.eye(n_classes) - 1 / n_classes) / np.sqrt(n_classes - 1)


def frobenius(matrix):
    return np.sqrt((np.asarray(matrix) ** 2).sum())


def nc2_etf_error(x, y, n_classes, weighting="classes"):
    m = centered_means(x, y, n_classes, weighting)
    gram = np.array([[(a * b).sum() for b in m] for a in m])
    return float(frobenius(gram / frobenius(gram) - simplex(n_classes)))


def nc2_equinorm(x, y, n_classes, weighting="classes"):
    norms = [np.sqrt((m * m).sum()) for m in centered_means(x, y, n_classes, weighting)]
    mean = sum(norms) / n_classes
    return float(np.sqrt(sum((norm - mean) ** 2 for norm in norms) / n_classes) / mean)


def ordered_cosines(x, y, n_classes, weighting):
    m = centered_means(x, y, n_classes, weighting)
    return [cosine(m[a], m[b]) for a, b in permutations(range(n_classes), 2)]


def nc2_equiangularity(x, y, n_classes, weighting="classes"):
    cosines = ordered_cosines(x, y, n_classes, weighting)
    return float(sum(abs(c + L(1) / (n_classes - 1)) for c in cosines) / len(cosines))


def nc2_angle_spread(x, y, n_classes, weighting="classes"):
    cosines = ordered_cosines(x, y, n_classes, weighting)
    mean = sum(cosines) / len(cosines)
    return float(np.sqrt(sum((c - mean) ** 2 for c in cosines) / len(cosines)))


def gnc2_logs(x, y, n_classes, weighting="classes"):
    units = [m / np.sqrt((m * m).sum()) for m in centered_means(x, y, n_classes, weighting)]
    return [-np.log(np.sqrt(((a - b) ** 2).sum())) for a, b in combinations(units, 2)]


def gnc2_variance(x, y, n_classes, weighting="classes"):
    logs = gnc2_logs(x, y, n_classes, weighting)
    mean = sum(logs) / len(logs)
    return float(sum((log - mean) ** 2 for log in logs) / len(logs))


def gnc2_mean(x, y, n_classes, weighting="classes"):
    logs = gnc2_logs(x, y, n_classes, weighting)
    return float(sum(logs) / len(logs))


def nc3_self_duality(x, y, weight, weighting="classes"):
    m, weight = centered_means(x, y, len(weight), weighting), np.asarray(weight, L)
    return float(frobenius(weight / frobenius(weight) - m / frobenius(m)))


def nc3_self_duality_by_class(x, y, weight, weighting="classes"):
    m, weight = centered_means(x, y, len(weight), weighting), np.asarray(weight, L)
    return [float(frobenius(w / frobenius(w) - c / frobenius(c))) for w, c in zip(weight, m, strict=True)]


def nc3_etf_error(x, y, weight, weighting="classes"):
    m, weight = centered_means(x, y, len(weight), weighting), np.asarray(weight, L)
    products = np.array([[(w * c).sum() for c in m] for w in weight])
    return float(frobenius(products / frobenius(products) - simplex(len(weight))))


def _variance(values):
    mean = sum(values) / len(values)
    return float(sum((value - mean) ** 2 for value in values) / len(values))


def unc3(x, y, weight, weighting="classes"):
    m, weight = centered_means(x, y, len(weight), weighting), np.asarray(weight, L)
    return _variance([(w * c).sum() for w, c in zip(weight, m, strict=True)])


def unc3_cosine(x, y, weight, weighting="classes"):
    m, weight = centered_means(x, y, len(weight), weighting), np.asarray(weight, L)
    return _variance([cosine(w, c) for w, c in zip(weight, m, strict=True)])


def nc4_agreement(x, y, weight, bias):
    means, agreements = class_means(x, y, len(weight)), 0
    for row in np.asarray(x).astype(L):
        scores = [(row * w).sum() + b for w, b in zip(np.asarray(weight, L), np.asarray(bias, L), strict=True)]
        distances = [((row - mean) ** 2).sum() for mean in means]
        agreements += int(np.argmax(scores) == np.argmin(distances))
    return agreements / len(x)


def nc5_orthogonality(x, y, n_classes, ood):
    outside = np.asarray(ood).astype(L).mean(0)
    return float(sum(abs(cosine(mean, outside)) for mean in class_means(x, y, n_classes)) / n_classes)
