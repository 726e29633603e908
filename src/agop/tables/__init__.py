"""Tables: files, columns as features, what a model depends on, and how well it predicts."""

from __future__ import annotations

from agop.tables.encoder import TableEncoder, table_pipeline
from agop.tables.explain import explain
from agop.tables.explanation import Explanation
from agop.tables.kind import TABLE
from agop.tables.parquet import ParquetTable
from agop.tables.run import ExplainSettings, run_explain
from agop.tables.steepness import explain_agop

__all__ = [
    "TABLE",
    "ExplainSettings",
    "Explanation",
    "ParquetTable",
    "TableEncoder",
    "explain",
    "explain_agop",
    "run_explain",
    "table_pipeline",
]
