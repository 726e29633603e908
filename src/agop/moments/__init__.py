"""Means and scatter of features, by class or beside the targets of a regression, as values that merge."""

from agop.moments.class_means import ClassMeans, GlobalMean
from agop.moments.class_moments import ClassMoments
from agop.moments.gram import features_from_gram
from agop.moments.grouping import Grouping
from agop.moments.labeled import LabeledMoments
from agop.moments.target_moments import TargetMoments

__all__ = [
    "ClassMeans",
    "ClassMoments",
    "GlobalMean",
    "Grouping",
    "LabeledMoments",
    "TargetMoments",
    "features_from_gram",
]
