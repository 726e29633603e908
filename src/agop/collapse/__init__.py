"""Neural collapse: pure functions of moments to numbers, and the tables of them.

NC1: the samples of a class come together. NC2: the class means become a simplex equiangular tight frame. NC3: the
classifier aligns with them. NC4: it decides by the nearest class mean. NC5: other samples become orthogonal to
them. NRC1 to NRC4: the features of a regression spread where its targets do, and follow them.
Where only a Gram matrix is known, ``ClassMoments.from_gram`` and ``features_from_gram`` of :mod:`agop.moments` lead to
the same functions.
"""

from __future__ import annotations

from agop.collapse import nc1, nc2, nc3, nc4, nc5, nrc
from agop.collapse.chance import CHANCE_MEASURES, Chance
from agop.collapse.collapse import Collapse
from agop.collapse.geometry import ClassGeometry
from agop.collapse.measures import MEASURES, REGRESSION_MEASURES, Measure
from agop.collapse.nc1 import *  # noqa: F403 - each module says what its measures are
from agop.collapse.nc2 import *  # noqa: F403
from agop.collapse.nc3 import *  # noqa: F403
from agop.collapse.nc4 import *  # noqa: F403
from agop.collapse.nc5 import *  # noqa: F403
from agop.collapse.nrc import *  # noqa: F403
from agop.collapse.regression import RegressionCollapse
from agop.collapse.superclasses import Superclasses, superclass_moments, superclass_structure
from agop.collapse.target_geometry import TargetGeometry

__all__ = ["CHANCE_MEASURES", "MEASURES", "REGRESSION_MEASURES", "Chance", "ClassGeometry", "Collapse", "Measure"]
__all__ += ["RegressionCollapse", "Superclasses", "TargetGeometry", "superclass_moments", "superclass_structure"]
__all__ += nc1.__all__
__all__ += nc2.__all__
__all__ += nc3.__all__
__all__ += nc4.__all__
__all__ += nc5.__all__
__all__ += nrc.__all__
