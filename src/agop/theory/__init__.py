"""Theory: the linearized recursion and its fixed points, kernel learning, unconstrained features."""

from agop.theory.coding import class_targets
from agop.theory.fixed_point import CollapsedFixedPoint, collapsed_fixed_point
from agop.theory.gram import centered_gram, normalize_gram
from agop.theory.kernel_learning import KernelStep, collapsed_kernel, descend_kernel, kernel_learning_objective
from agop.theory.linearized import LinearizedLayer, linearized_recursion
from agop.theory.shifts import Linearization, features_shift, kernel_shift, linearize
from agop.theory.unconstrained_descent import UnconstrainedFeaturesStep, descend_unconstrained_features
from agop.theory.unconstrained_features import UnconstrainedFeatures, unconstrained_features_minimizer

__all__ = [
    "CollapsedFixedPoint",
    "KernelStep",
    "Linearization",
    "LinearizedLayer",
    "UnconstrainedFeatures",
    "UnconstrainedFeaturesStep",
    "centered_gram",
    "class_targets",
    "collapsed_fixed_point",
    "collapsed_kernel",
    "descend_kernel",
    "descend_unconstrained_features",
    "features_shift",
    "kernel_learning_objective",
    "kernel_shift",
    "linearize",
    "linearized_recursion",
    "normalize_gram",
    "unconstrained_features_minimizer",
]
