"""Class means and within-class scatter of features, as a value that merges."""

from agop.moments.class_moments import ClassMoments, GlobalMean
from agop.moments.gram import features_from_gram
from agop.moments.grouping import Grouping
from agop.moments.labeled import LabeledMoments

__all__ = ["ClassMoments", "GlobalMean", "Grouping", "LabeledMoments", "features_from_gram"]
