"""Public names, and the module of each, which is imported when the name is first used."""

from .coding import class_targets as class_targets
from .fixed_point import CollapsedFixedPoint as CollapsedFixedPoint
from .fixed_point import collapsed_fixed_point as collapsed_fixed_point
from .gram import centered_gram as centered_gram
from .gram import normalize_gram as normalize_gram
from .kernel_learning import KernelStep as KernelStep
from .kernel_learning import collapsed_kernel as collapsed_kernel
from .kernel_learning import descend_kernel as descend_kernel
from .kernel_learning import kernel_learning_objective as kernel_learning_objective
from .linearized import LinearizedLayer as LinearizedLayer
from .linearized import linearized_recursion as linearized_recursion
from .shifts import Linearization as Linearization
from .shifts import features_shift as features_shift
from .shifts import kernel_shift as kernel_shift
from .shifts import linearize as linearize
from .unconstrained_descent import UnconstrainedFeaturesStep as UnconstrainedFeaturesStep
from .unconstrained_descent import descend_unconstrained_features as descend_unconstrained_features
from .unconstrained_features import UnconstrainedFeatures as UnconstrainedFeatures
from .unconstrained_features import unconstrained_features_minimizer as unconstrained_features_minimizer
