"""The tables of the measures of collapse: what each is, what it needs, and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias

from agop.collapse import nc1, nc2, nc3, nc4, nc5, nrc
from agop.errors import UndefinedMeasureError

__all__ = ["MEASURES", "REGRESSION_MEASURES", "Evaluation", "Measure", "Needs", "evaluated"]

Needs: TypeAlias = Literal["moments", "scatter", "weight", "decisions", "ood"]
"""Moments alone; with the within-class scatter in the span of the class means; with the weight of a linear
classifier; with its decisions on the samples; or with out-of-distribution features."""

_BEAGLEHOLE = "Beaglehole, Súkeník, Mondelli & Belkin 2024, NeurIPS, arXiv 2402.13728"
_GALANTI = "Galanti, György & Hutter 2022, ICLR, arXiv 2112.15121"
_KOTHAPALLI = "Kothapalli 2023, TMLR, arXiv 2206.04041"
_LIU = "Liu, Yu, Weller & Schölkopf 2023, ICLR, arXiv 2303.06484"
_PAPYAN = "Papyan, Han & Donoho 2020, PNAS 117"
_RANGAMANI = "Rangamani & Unal 2026, CPAL, arXiv 2603.23805"
_WU = "Wu & Papyan 2024, NeurIPS, arXiv 2405.17767"


@dataclass(frozen=True)
class Measure:
    """A measure of collapse.

    Attributes
    ----------
    name
        Name in records: that of the function, or of a variant of it.
    label
        Short name for tables and charts.
    function
        Function from moments, and what else it needs, to the number.
    source
        Publication that it is from.
    needs
        Everything that the function needs.
    by_class
        Whether it is a number for each class, a tuple, and not one number.

    Examples
    --------
    >>> measure = MEASURES["nc1_trace_ratio"]
    >>> measure.label, measure.needs, measure.source
    ('NC1', 'moments', 'Tirer & Bruna 2022, ICML, arXiv 2202.08087')
    >>> [name for name, each in MEASURES.items() if each.needs == "weight"]
    ['nc3_self_duality', 'nc3_self_duality_by_class', 'nc3_etf_error', 'unc3', 'unc3_cosine']
    """

    name: str
    label: str
    function: Callable[..., Any]
    source: str
    needs: Needs = "moments"
    by_class: bool = False

    @classmethod
    def of(cls, label: str, function: Callable[..., Any], *more: Any) -> Measure:
        """Measure of the name of its function; the other attributes follow."""
        return cls(function.__name__, label, function, *more)

    @property
    def definition(self) -> str:
        """First line of the function's documentation, with the options of a variant."""
        if not isinstance(self.function, partial):
            return (self.function.__doc__ or "").splitlines()[0]
        options = ", ".join(f"{name}={value!r}" for name, value in self.function.keywords.items())
        return f"{(self.function.func.__doc__ or '').splitlines()[0][:-1]}; ``{options}``."


_TABLE = (
    Measure.of("within/total", nc1.within_total_ratio, _BEAGLEHOLE),
    Measure.of("between/total", nc1.between_total_ratio, _BEAGLEHOLE),
    Measure.of("C between/total", nc1.between_total_ratio_beaglehole2024, _BEAGLEHOLE),
    Measure.of("NC1", nc1.nc1_trace_ratio, "Tirer & Bruna 2022, ICML, arXiv 2202.08087"),
    Measure.of("NC1 / C", nc1.nc1_trace_ratio_beaglehole2024, _BEAGLEHOLE),
    Measure.of("NC1 pinv", nc1.nc1_pinv, _PAPYAN, "scatter"),
    Measure.of("CDNV", nc1.nc1_cdnv, _GALANTI),
    Measure.of("NC2", nc2.nc2_gram_mse, _BEAGLEHOLE),
    Measure.of("NC2 ETF error", nc2.nc2_etf_error, _KOTHAPALLI),
    Measure.of("NC2 equinorm", nc2.nc2_equinorm, _PAPYAN),
    Measure.of("NC2 equiangularity", nc2.nc2_equiangularity, _PAPYAN),
    Measure.of("NC2 angle spread", nc2.nc2_angle_spread, _PAPYAN),
    Measure("gnc2_variance", "GNC2", nc2.gnc2, _LIU),
    Measure("gnc2_mean", "GNC2 mean", partial(nc2.gnc2, statistic="mean"), _LIU),
    Measure.of("NC3", nc3.nc3_self_duality, _PAPYAN, "weight"),
    Measure.of("NC3 by class", nc3.nc3_self_duality_by_class, _PAPYAN, "weight", True),
    Measure.of("NC3 ETF error", nc3.nc3_etf_error, _KOTHAPALLI, "weight"),
    Measure.of("UNC3", nc3.unc3, _WU, "weight"),
    Measure("unc3_cosine", "UNC3 cosine", partial(nc3.unc3, cosine=True), _WU, "weight"),
    Measure.of("NC4", nc4.nc4_agreement, _PAPYAN, "decisions"),
    Measure.of("NC5", nc5.nc5_orthogonality, "Ben Ammar et al. 2024, ICLR, arXiv 2310.06823", "ood"),
)

MEASURES: Mapping[str, Measure] = MappingProxyType({measure.name: measure for measure in _TABLE})
"""Every measure of the collapse of classes by name, in the order of records and tables.

Records have what is listed here, the metric of torchmetrics computes it, the documentation tabulates it, and
``tests/contracts`` holds it to its oracle.
"""

_REGRESSION = (
    Measure.of("NRC1", nrc.nrc1_unexplained_variance, _RANGAMANI),
    Measure.of("NRC2", nrc.nrc2_linear_cka, _RANGAMANI),
    Measure.of("NRC3", nrc.nrc3_subspace_alignment, _RANGAMANI, "weight"),
    Measure.of("NRC4", nrc.nrc4_prediction_error, _RANGAMANI),
)

REGRESSION_MEASURES: Mapping[str, Measure] = MappingProxyType({measure.name: measure for measure in _REGRESSION})
"""Every measure of the collapse of a regression by name, from the moments of features and targets."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Numbers of the measures of a table, each an attribute, None where it has no value.

    Attributes
    ----------
    values
        Number by name of the measure, those that have one.
    undefined
        Reason by name of the measure, where the data give it no value.
    """

    values: Mapping[str, Any]
    undefined: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    measures: ClassVar[Mapping[str, Measure]] = {}

    def __getattr__(self, name: str) -> Any:
        """Value of the measure of this name, None if it has none."""
        if name not in self.measures:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.values.get(name)

    def __dir__(self) -> Iterable[str]:
        """Names of the measures, among others."""
        return [*object.__dir__(self), *self.measures]

    def as_dict(self) -> dict[str, Any]:
        """Number or None for each measure by name, in the order of the table; ready for JSON."""
        return {name: self.values.get(name) for name in self.measures}


def evaluated(
    given: Mapping[Needs, tuple[Any, ...]],
    names: Iterable[str] | None = None,
    measures: Mapping[str, Measure] = MEASURES,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of measures by name, and for those that the data give no value the reason.

    Parameters
    ----------
    given
        Arguments of the measures by what they need; measures that need something else are left out. Geometry in the
        place of moments is shared by all of them.
    names
        Measures to evaluate, all of the table if None.
    measures
        Table that they stand in.
    """
    values: dict[str, Any] = {}
    undefined: dict[str, str] = {}
    for name in measures if names is None else names:
        measure = measures[name]
        if measure.needs in given:
            try:
                values[name] = measure.function(*given[measure.needs])
            except UndefinedMeasureError as error:
                undefined[name] = str(error)
    return values, undefined
