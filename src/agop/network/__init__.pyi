"""Public names, and the module of each, which is imported when the name is first used."""

from .kind import NETWORK as NETWORK
from .measure import measure as measure
from .onset import Onset as Onset
from .onset import onset_of_collapse as onset_of_collapse
from .options import MeasureOptions as MeasureOptions
from .passes.directions import Exact as Exact
from .passes.directions import Rademacher as Rademacher
from .passes.forward import default_forward as default_forward
from .passes.forward import next_token_forward as next_token_forward
from .record import Ansatz as Ansatz
from .record import Attribution as Attribution
from .record import Fact as Fact
from .record import FeatureSummary as FeatureSummary
from .record import LayerRecord as LayerRecord
from .record import NetworkRecord as NetworkRecord
from .record import Stage as Stage
from .record import features_at_convergence as features_at_convergence
from .record import neural_feature_matrix as neural_feature_matrix
from .record import nfa_correlation as nfa_correlation
from .run.measure import run_measure as run_measure
from .run.merge import merge_runs as merge_runs
from .run.settings import MeasureSettings as MeasureSettings
from .tracker import Tracker as Tracker
