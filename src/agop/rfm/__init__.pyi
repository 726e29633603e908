"""Public names, and the module of each, which is imported when the name is first used."""

from .classifier import RFMClassifier as RFMClassifier
from .clock import within_time as within_time
from .cost import FitCost as FitCost
from .cross_fit import cross_fit as cross_fit
from .distinct import distinct_rows as distinct_rows
from .learned_table import learned_settings as learned_settings
from .recursion import Limits as Limits
from .recursion import RFMStep as RFMStep
from .recursion import rfm as rfm
from .regressor import RFMRegressor as RFMRegressor
from .samples import Samples as Samples
from .sharing import require_same_samples as require_same_samples
from .skill import Skill as Skill
from .stated_score import StatedScore as StatedScore
from .tree import TreeRFMClassifier as TreeRFMClassifier
from .tree import TreeRFMRegressor as TreeRFMRegressor
from .tuning import Setting as Setting
