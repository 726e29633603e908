"""Public names, and the module of each, which is imported when the name is first used."""

from . import collapse as collapse
from . import datasets as datasets
from . import kernels as kernels
from . import theory as theory
from .collapse import Collapse as Collapse
from .conv_rfm import ConvRFMClassifier as ConvRFMClassifier
from .conv_rfm import patch_agop as patch_agop
from .datasets import shard as shard
from .deep_rfm import DeepRFMClassifier as DeepRFMClassifier
from .estimator import load as load
from .estimator import save as save
from .kernel_machine import KernelMachine as KernelMachine
from .kernels import Gaussian as Gaussian
from .kernels import Laplace as Laplace
from .kernels import ProductLaplace as ProductLaplace
from .moments import ClassMoments as ClassMoments
from .network import NetworkRecord as NetworkRecord
from .network import Rademacher as Rademacher
from .network import Tracker as Tracker
from .network import measure as measure
from .network import nfa_correlation as nfa_correlation
from .outer_product import OuterProduct as OuterProduct
from .outer_product import average_gradient_outer_product as average_gradient_outer_product
from .outer_product import kernel_agop as kernel_agop
from .reports import report as report
from .rfm import RFMClassifier as RFMClassifier
from .rfm import RFMRegressor as RFMRegressor
from .rfm import TreeRFMClassifier as TreeRFMClassifier
from .rfm import TreeRFMRegressor as TreeRFMRegressor
from .tables import Explanation as Explanation
from .tables import TableEncoder as TableEncoder
from .tables import explain as explain
from .tables import table_pipeline as table_pipeline

__version__: str
