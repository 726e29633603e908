"""Public names, and the module of each, which is imported when the name is first used."""

from .effective_ranks import participation_ratio as participation_ratio
from .effective_ranks import stable_rank as stable_rank
from .powers import effective_rank as effective_rank
from .powers import largest_positive as largest_positive
from .powers import psd_eigen as psd_eigen
from .powers import psd_power as psd_power
from .products import gram as gram
from .products import product as product
from .products import triangular_factor as triangular_factor
from .spectra import Spectrum as Spectrum
from .subspaces import leading_subspace as leading_subspace
from .subspaces import principal_angles as principal_angles
