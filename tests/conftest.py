"""What every test shares: where real data are, and settings that make each run the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("agop", deadline=None, derandomize=True)
settings.load_profile("agop")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with one folder a data set; a test that needs it is skipped where there is none."""
    beside_checkout = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AGOP_DATA") or beside_checkout)
    if not folder.is_dir():
        pytest.skip("no data folder: set AGOP_DATA")
    return folder
