"""Public names, and the module of each, which is imported when the name is first used."""

from .ansatz import Ansatz as Ansatz
from .ansatz import neural_feature_matrix as neural_feature_matrix
from .ansatz import nfa_correlation as nfa_correlation
from .attribution import Attribution as Attribution
from .fact import Fact as Fact
from .fact import features_at_convergence as features_at_convergence
from .features import FeatureSummary as FeatureSummary
from .layer import LayerRecord as LayerRecord
from .network import NetworkRecord as NetworkRecord
from .stage import STAGES as STAGES
from .stage import Stage as Stage
