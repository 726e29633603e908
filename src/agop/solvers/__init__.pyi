"""Public names, and the module of each, which is imported when the name is first used."""

from .cholesky import Cholesky as Cholesky
from .cholesky import CholeskyFactor as CholeskyFactor
from .conjugate_gradient import ConjugateGradient as ConjugateGradient
from .nystrom import Nystrom as Nystrom
from .panel_cholesky import PanelCholesky as PanelCholesky
from .panel_factor import PanelFactor as PanelFactor
from .solver import DenseMatrix as DenseMatrix
from .solver import ShiftedMatrix as ShiftedMatrix
from .solver import Solution as Solution
from .solver import Solver as Solver
