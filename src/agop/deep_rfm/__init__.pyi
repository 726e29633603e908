"""Public names, and the module of each, which is imported when the name is first used."""

from .estimator import DeepRFMClassifier as DeepRFMClassifier
from .gram_picture import class_sorted_gram as class_sorted_gram
from .kind import DEEP_RFM as DEEP_RFM
from .layer import DeepRFMLayer as DeepRFMLayer
from .layer import LayerMap as LayerMap
from .layer import LayerSettings as LayerSettings
from .layer import normalize_rows as normalize_rows
from .random_features import CosineFeatures as CosineFeatures
from .random_features import GaussianCosineFeatures as GaussianCosineFeatures
from .random_features import LaplaceCosineFeatures as LaplaceCosineFeatures
from .random_features import RandomFeatures as RandomFeatures
from .random_features import RandomMap as RandomMap
from .random_features import ReLUFeatures as ReLUFeatures
from .record import DeepRFMRecord as DeepRFMRecord
from .record import StageRecord as StageRecord
from .record import deep_rfm_records as deep_rfm_records
from .recursion import deep_rfm as deep_rfm
from .run import run_deep_rfm as run_deep_rfm
from .settings import AGOPScale as AGOPScale
from .settings import DeepRFMSettings as DeepRFMSettings
