"""Class means and within-class scatter of features, as a value that merges."""

from agop.moments.class_moments import ClassMoments, GlobalMean
from agop.moments.gram import features_from_gram

__all__ = ["ClassMoments", "GlobalMean", "features_from_gram"]
