"""What a trained network learned, measured at every layer."""

from agop.network.agop import network_agop
from agop.network.batches import default_forward
from agop.network.directions import Exact, Rademacher
from agop.network.measure import measure
from agop.network.tracker import Tracker

__all__ = ["Exact", "Rademacher", "Tracker", "default_forward", "measure", "network_agop"]
