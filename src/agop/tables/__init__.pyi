"""Public names, and the module of each, which is imported when the name is first used."""

from .encoder import TableEncoder as TableEncoder
from .encoder import table_pipeline as table_pipeline
from .explain import explain as explain
from .explanation import Explanation as Explanation
from .kind import TABLE as TABLE
from .parquet import ParquetTable as ParquetTable
from .run import run_explain as run_explain
from .settings import ExplainSettings as ExplainSettings
from .settings import FitSettings as FitSettings
from .steepness import explain_agop as explain_agop
