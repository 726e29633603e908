"""What Python processes that tests start begin with where AGOP_SEED is set: the seeds of those tests."""

from __future__ import annotations

import os

if __name__ == "sitecustomize" and "AGOP_SEED" in os.environ:
    from shift import shift_seeds

    shift_seeds()
