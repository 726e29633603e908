"""scikit-learn estimators over the recursions, and what belongs to them: tables, explanation, files."""

from agop.estimators.deep_rfm import DeepRFMClassifier
from agop.estimators.explanation import explain
from agop.estimators.persistence import load, save
from agop.estimators.rfm import RFMClassifier, RFMRegressor
from agop.estimators.table import TableEncoder, table_pipeline
from agop.estimators.tree import TreeRFMClassifier, TreeRFMRegressor

__all__ = [
    "DeepRFMClassifier",
    "RFMClassifier",
    "RFMRegressor",
    "TableEncoder",
    "TreeRFMClassifier",
    "TreeRFMRegressor",
    "explain",
    "load",
    "save",
    "table_pipeline",
]
