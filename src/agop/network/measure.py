"""One call measures a network: AGOP, neural feature ansatz, collapse and its cause at every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch.distributed as dist
from rich.progress import Progress
from torch import Tensor, nn

from agop.linalg import Spectrum
from agop.network.capture.checks import check_loader
from agop.network.capture.copies import same_copies
from agop.network.capture.state import undisturbed
from agop.network.capture.weights import stable_weights
from agop.network.capture.wrappers import unwrapped
from agop.network.options import MeasureOptions
from agop.network.passes.first import first_pass
from agop.network.passes.gradients import LayerGradients, LayerWeight
from agop.network.passes.omissions import omissions
from agop.network.passes.regression import regression_stages
from agop.network.passes.second import second_pass
from agop.network.passes.statistics import FirstPass
from agop.network.passes.steps import check_alone
from agop.network.passes.sweep import Sweep
from agop.network.record import LayerRecord, NetworkRecord, Stage
from agop.network.record.ansatz import ansatz_of
from agop.network.record.fact import Fact, fact_of
from agop.network.record.samples import SeenSamples
from agop.ranks import Ranks

__all__ = ["measure"]


def measure(
    model: nn.Module,
    loader: Iterable[Any],
    options: MeasureOptions | None = None,
    *,
    group: dist.ProcessGroup | None = None,
    **changes: Any,
) -> NetworkRecord:
    r"""Measure what every linear layer of a trained network learned and how far its features have collapsed.

    For a layer with input features :math:`\phi`, weight W, bias b and nonlinearity sigma: NC1 to NC5 of
    :math:`\phi`, :math:`W\phi + b`, :math:`\sigma(W\phi + b)`, :math:`\mathrm{AGOP}^{1/2}\phi` and
    :math:`\mathrm{AGOP}^{1/4}\phi`; the AGOP of the network's outputs with respect to :math:`\phi`,
    :math:`W^T (\frac1n \sum \delta \delta^T) W` with :math:`\delta` the gradients with respect to
    :math:`W\phi + b`, a mean over samples and a sum over outputs and rows; its agreement with :math:`W^T W`; and the
    share of W in the fall of NC1. Of a regression: NRC1 to NRC4 of the same stages.

    Two passes over the data: one forward and as many backward passes as there are directions serve all layers at once,
    then one forward pass more, which a regression does not need. Nothing of the size of the data is kept.

    The model is in evaluation mode meanwhile and afterwards as before; no hooks are put on it.

    Parameters
    ----------
    model
        Any module. Its layers are found where the calls of linear maps, convolutions, attention projections and matrix
        products use its parameters. Wrappers (``torch.compile``, data parallel) are taken off.
    loader
        Batches, the same ones each time it is iterated, in any order.
    options
        Options of the measurement; the defaults of :class:`MeasureOptions` if None.
    group
        Process group of ``torch.distributed``, all of whose ranks call this with their parts of the data and the same
        model, such as ``torch.distributed.group.WORLD``; a part may be empty. Each gets the record of all data, as one
        process would make it. Buffers are those of the first rank meanwhile. None is this process alone, which a model
        that ``fully_shard`` has spread over several refuses; there each rank needs a batch, and repeats its last while
        others have more, which counts once.
    **changes
        Options by name, such as ``rows="mean"``, ``outputs=Rademacher(20)`` or ``layers="blocks.*"``.

    Returns
    -------
    NetworkRecord

    Raises
    ------
    InputError
        If the model, the loader, an option, a batch, an output or a label is unusable, the model is being measured by
        the same thread, fewer than two classes have samples (one may do with ``second_pass=False``), no layer is found,
        outputs depend on other samples while ``outputs="exact"``, or the second pass shows other data than the first.
    MemoryBudgetError
        If the statistics do not fit ``max_memory``.
    RankError
        If there is an error on another rank, or one is gone or slower than the timeout of the group.

    References
    ----------
    Beaglehole, Súkeník, Mondelli, Belkin 2024 (arXiv 2402.13728), section 5; Radhakrishnan et al. 2024
    (arXiv 2212.13881) for the ansatz; Boix-Adserà, Mallinar, Simon, Belkin 2025 (arXiv 2507.05644) for ``loss``.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> record = measure(model, [(x, torch.tensor([0, 0, 1, 1]))])
    >>> record["0"].agop.shape, round(record["0"].input.nc1_trace_ratio, 4)
    (torch.Size([2, 2]), 0.0055)
    """
    ranks = Ranks(group)
    with ranks.together():
        return _measure(unwrapped(model), loader, replace(options or MeasureOptions(), **changes), ranks)


def _measure(model: nn.Module, loader: Iterable[Any], options: MeasureOptions, ranks: Ranks) -> NetworkRecord:
    check_loader(loader, twice=options.looks_twice, max_samples=options.max_samples)
    if options.ood_loader is not None:
        check_loader(options.ood_loader, twice=False)
    options.check_same(ranks)
    with (
        undisturbed(model, options.device) as device,
        stable_weights(),
        same_copies(model, ranks),
        Progress(disable=not options.progress or ranks.rank > 0, transient=True) as bar,
    ):
        check_alone(model, ranks)
        n_passes = 1 + options.looks_twice
        task = bar.add_task("measuring", total=_n_batches(loader, n_passes))
        sweep = Sweep(model, options, device, partial(bar.advance, task), ranks)
        first = first_pass(sweep, loader)
        samples = first.samples(options)
        groupings = options.groupings(samples.classes)
        bar.update(task, total=n_passes * bar.tasks[0].completed)
        gradients = first.gradients(options.directions.n_averaged)
        of_loss = first.loss_gradients()
        costs = {name: cost for name, cost in first.costs.items() if name in gradients}
        found = ranks.spread(partial(_spectrum, gradients), costs, device, fetch=partial(_weight, sweep, first))
        spectra = {name: spectrum for name, (spectrum, _) in found.items()}
        errors = {name: error for name, (_, error) in found.items()}
        del found
        first = first.without("gradients").only(samples.classes)
        full = _recorded_in_full(first, options)
        gradients = {name: part.to("cpu") for name, part in gradients.items() if name in full}
        if samples.counts is not None and options.looks_twice:
            stages = second_pass(sweep, loader, first, spectra, samples)
        else:
            stages = _stages_of_one_pass(sweep, first, spectra, samples)
        if groupings:
            stages = _with_superclasses(stages, groupings)
        stages = {name: part if name in full else _compact(part) for name, part in stages.items()}
        first = first.without("moments")
        ansatz = ranks.spread(
            lambda name, weight: ansatz_of(weight.matrix, spectra[name]), costs, fetch=partial(_weight, sweep, first)
        )
        facts = {} if options.loss is None else _facts(sweep, first, of_loss)
        records = {}
        for name, layer in first.layers.items():
            spectrum = spectra.pop(name, None)
            record = LayerRecord(
                name,
                _weight(sweep, first, name).matrix.to("cpu", copy=True) if name in full else None,
                stages[name],
                layer.activation,
                gradients.get(name),
                spectrum and spectrum.to("cpu"),
                errors.get(name),
                layer.rows / first.n_samples if options.rows == "each" else 1.0,
                layer.patch,
                layer.makes_outputs,
                nfa=ansatz.get(name),
                fact=facts.get(name),
                loss_gradient=of_loss[name].cpu() if name in full and name in of_loss else None,
            )
            records[name] = record if name in full else record.compact()
        seen = {name.split("[")[0] for name in (*first.layers, *first.skipped)}
        unseen = [name for name in sweep.weights.names if name not in seen]
    return NetworkRecord(
        records,
        samples,
        options.way(),
        tuple(omissions(first, unseen, options)),
    )


def _facts(sweep: Sweep, first: FirstPass, of_loss: Mapping[str, Tensor]) -> dict[str, Fact | None]:
    """Agreement of weights with the gradients of the loss with respect to them."""
    return sweep.ranks.spread(
        lambda name, weight: fact_of(weight.matrix, of_loss[name]),
        {name: cost for name, cost in first.costs.items() if name in of_loss},
        fetch=partial(_weight, sweep, first),
    )


def _weight(sweep: Sweep, first: FirstPass, name: str) -> LayerWeight:
    """Weight of a layer with its numbers, for which ranks with shards of it ask together."""
    return first.layers[name].weight.whole(sweep.weights)


def _spectrum(gradients: Mapping[str, LayerGradients], name: str, weight: LayerWeight) -> tuple[Spectrum, float | None]:
    """Spectrum of the AGOP of a layer, and the error of its trace."""
    return gradients[name].spectrum(weight), gradients[name].trace_error(weight)


def _recorded_in_full(first: FirstPass, options: MeasureOptions) -> set[str]:
    """Layers whose matrices are recorded, as the options and the size of all of them say."""
    numbers = sum(layer.numbers(with_loss=options.loss is not None) for layer in first.layers.values())
    widest = options.widest(8 * numbers)
    widths = {name: layer.weight.matrix.shape[1] for name, layer in first.layers.items()}
    return {name for name, width in widths.items() if widest is None or width <= widest}


def _with_superclasses(
    stages: Mapping[str, Mapping[str, Stage]], groupings: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, Stage]]:
    return {
        layer: {name: stage.with_superclasses(groupings) for name, stage in parts.items()}
        for layer, parts in stages.items()
    }


def _compact(stages: Mapping[str, Stage]) -> dict[str, Stage]:
    return {name: stage.compact() for name, stage in stages.items()}


def _stages_of_one_pass(
    sweep: Sweep, first: FirstPass, spectra: Mapping[str, Spectrum], samples: SeenSamples
) -> dict[str, dict[str, Stage]]:
    """Stages of every layer, of a regression or of classes."""
    if samples.counts is None:
        return sweep.ranks.spread(
            lambda name, weight: regression_stages(first.layers[name], weight, spectra.get(name)),
            first.costs,
            fetch=partial(_weight, sweep, first),
        )
    return sweep.ranks.spread(
        lambda name, classifier: first.stages(name, samples, classifier),
        first.costs,
        fetch=lambda name: first.classifier(name, samples, sweep.weights),
    )


def _n_batches(loader: Iterable[Any], passes: int) -> int | None:
    """Number of batches of all passes, None for a loader of unknown length."""
    try:
        return passes * len(loader)  # type: ignore[arg-type]
    except TypeError:  # also of a DataLoader over a stream
        return None
