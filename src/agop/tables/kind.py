"""Models of tables as a kind of run."""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from agop.charts.kind import Kind, register
from agop.outer_product.terms import RFM_PAPER
from agop.outer_product.terms import TERMS as AGOP
from agop.rfm import RFMClassifier, RFMRegressor
from agop.tables.explanation import Explanation
from agop.tables.findings import table_findings
from agop.tables.plots import TABLE_PLOTS, table_numbers
from agop.tables.result import TableResult
from agop.tables.summary import table_data, table_summary

__all__ = ["TABLE"]


def _heading(result: TableResult) -> str:
    if target := result.info.get("target"):
        return f"Model of {target}"
    return "Model of a table" if result.name in ("model", "table") else f"Model {result.name}"


TABLE = register(
    Kind(
        "table",
        "table",
        TableResult,
        TableResult.read,
        TABLE_PLOTS,
        table_findings,
        table_numbers,
        _heading,
        data=table_data,
        summary=table_summary,
        terms={
            **AGOP,
            "effect": (
                "Total effect: the share of the variance of the prediction that hangs on a column, which is open when "
                "all other columns are known. From swaps of its values between rows; columns are taken for "
                "independent.",
                "Homma, Saltelli 1996, RESS 52:1",
            ),
            "standard error": (
                "Of an effect or an interaction: how far it would spread over other random rows of this kind and other "
                "swaps, with the model as it is; on rows that it has not seen it can differ by more. Two columns are "
                "told apart where two standard errors about each do not overlap.",
                "Aronow, Samii, Assenova 2015, Political Analysis 23:564",
            ),
            "steepness": (
                "Diagonal of the AGOP in units of standard deviations, summed over the features of a column, over the "
                "trace: the squared slope of the prediction. It can be large between the data, where no row ever "
                "moves.",
                RFM_PAPER,
            ),
            "interaction": (
                "Total interaction index of a pair of columns over the variance of the prediction; 0 if the prediction "
                "is additive over the pair.",
                "Liu, Owen 2006, JASA 101:712",
            ),
            "coupling": (
                "Alignment of the gradients with respect to two columns: 1 if the prediction depends on both through "
                "one direction.",
                "Robert, Escoufier 1976, Applied Statistics 25:3",
            ),
            "direction": (
                "Eigenvector of the AGOP in units of standard deviations: a combination of features that the "
                "prediction depends on. Its eigenvalue over the trace is its share.",
                RFM_PAPER,
            ),
            "fold": (
                "Part of the rows that was predicted by a model fitted to the others, all its choices made anew.",
                "k-fold cross-validation",
            ),
        },
        accepts={
            Explanation: lambda explanation: TableResult("table", {"settings": {}}, explanation),
            **dict.fromkeys((RFMRegressor, RFMClassifier, Pipeline), TableResult.of),
        },
    )
)
"""Runs of ``agop explain``, explanations, and fitted models and pipelines."""
