"""Public names, and the module of each, which is imported when the name is first used."""

from .environment import machine as machine
from .environment import versions as versions
from .fitted import FITTED_ACCURACY as FITTED_ACCURACY
from .fitted import TrainingFit as TrainingFit
from .folder import Run as Run
from .lines import Line as Line
from .lines import distinct as distinct
from .lines import hidden_layers as hidden_layers
from .lines import last_measured as last_measured
from .lines import measurements as measurements
from .lines import select as select
from .lines import values_of as values_of
from .lines import with_columns as with_columns
from .summary import BAND_SEEDS as BAND_SEEDS
from .summary import LEAST_FALL as LEAST_FALL
from .summary import SeedSummary as SeedSummary
from .summary import summarize_along as summarize_along
from .summary import summarize_seeds as summarize_seeds
