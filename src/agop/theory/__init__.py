"""Theory: the linearised recursion and its fixed points, kernel learning, unconstrained features."""

from agop.theory.coding import Coding, class_targets
from agop.theory.fixed_point import CollapsedFixedPoint, collapsed_fixed_point
from agop.theory.kernel_learning import KernelStep, collapsed_kernel, descend_kernel, kernel_learning_objective
from agop.theory.linearised import LinearisedLayer, linearised_recursion, normalise_gram
from agop.theory.shifts import Linearisation, centred_gram, features_shift, kernel_shift, linearise
from agop.theory.unconstrained_descent import UnconstrainedFeaturesStep, descend_unconstrained_features
from agop.theory.unconstrained_features import UnconstrainedFeatures, unconstrained_features_minimiser

__all__ = [
    "Coding",
    "CollapsedFixedPoint",
    "KernelStep",
    "Linearisation",
    "LinearisedLayer",
    "UnconstrainedFeatures",
    "UnconstrainedFeaturesStep",
    "centred_gram",
    "class_targets",
    "collapsed_fixed_point",
    "collapsed_kernel",
    "descend_kernel",
    "descend_unconstrained_features",
    "features_shift",
    "kernel_learning_objective",
    "kernel_shift",
    "linearise",
    "linearised_recursion",
    "normalise_gram",
    "unconstrained_features_minimiser",
]
