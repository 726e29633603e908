"""Public names, and the module of each, which is imported when the name is first used."""

from .agreement import require_same as require_same
from .group import ALONE as ALONE
from .group import Ranks as Ranks
from .launch import is_writer as is_writer
from .launch import launched_group as launched_group
from .launch import local_device as local_device
from .leaves import leaves_of as leaves_of
from .leaves import mapped_leaves as mapped_leaves
from .panels import Panels as Panels
from .turns import added_in_turn as added_in_turn
