"""Public names, and the module of each, which is imported when the name is first used."""

from .coding import CODINGS as CODINGS
from .coding import Coding as Coding
from .coding import coded_targets as coded_targets
from .dataset import Dataset as Dataset
from .labeled import LabeledRows as LabeledRows
from .labeled import RowSettings as RowSettings
from .registry import NAMES as NAMES
from .registry import DataName as DataName
from .registry import load as load
from .shard import shard as shard
from .shard import shard_batches as shard_batches
from .sources import download as download
from .standardize import STANDARDIZATIONS as STANDARDIZATIONS
from .standardize import Standardization as Standardization
from .standardize import inverse_deviation as inverse_deviation
from .standardize import standardize as standardize
from .standardize import standardized_inputs as standardized_inputs
from .subset import permute_labels as permute_labels
from .subset import subset as subset
