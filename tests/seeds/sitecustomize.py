"""What Python processes that tests start begin with where AGOP_SEED is set: the seeds of those tests."""

from __future__ import annotations

if __name__ == "sitecustomize":
    from shift import shift_seeds

    shift_seeds()
