"""Public names, and the module of each, which is imported when the name is first used."""

from .figure import Figure as Figure
from .figure import Part as Part
from .figure import Verdict as Verdict
from .figures import FIGURES as FIGURES
from .figures import figures_named as figures_named
from .folder import reproduce as reproduce
from .kind import FIGURE_KIND as FIGURE_KIND
from .picture import save_reproduction_picture as save_reproduction_picture
from .readme import write_reproduction_readme as write_reproduction_readme
from .scales import SCALES as SCALES
from .scales import Scale as Scale
from .training.networks import Architecture as Architecture
from .training.networks import build_network as build_network
from .training.run import run_train as run_train
from .training.run import trained_network as trained_network
from .training.settings import TrainSettings as TrainSettings
