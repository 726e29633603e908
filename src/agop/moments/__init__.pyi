"""Public names, and the module of each, which is imported when the name is first used."""

from .class_means import ClassMeans as ClassMeans
from .class_means import GlobalMean as GlobalMean
from .class_moments import ClassMoments as ClassMoments
from .gram import features_from_gram as features_from_gram
from .grouping import Grouping as Grouping
from .labeled import LabeledMoments as LabeledMoments
from .target_moments import TargetMoments as TargetMoments
