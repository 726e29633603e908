"""scikit-learn estimators over the recursions."""

from agop.estimators.deep_rfm import DeepRFMClassifier
from agop.estimators.rfm import RFMClassifier, RFMRegressor

__all__ = ["DeepRFMClassifier", "RFMClassifier", "RFMRegressor"]
