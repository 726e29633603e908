"""What is wrong with the file of a table, or with what reads it."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agop.datasets.files import COPY_AGAIN
from agop.errors import CONTENT_ERRORS, AgopError, DataFileError, MissingExtraError

__all__ = ["INSTALL", "check_rows", "readable"]

INSTALL = "Install agop with its extra: pip install 'agop[tables]'."
"""What to do where pandas, or what it needs, is missing."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file, or with what reads it."""
    try:
        yield
    except AgopError:
        raise
    except ImportError as error:
        raise MissingExtraError(f"what reads {path.name}", str(error), INSTALL) from error
    except (OSError, EOFError, *CONTENT_ERRORS, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataFileError(f"{path} to be a complete, readable table", str(error), COPY_AGAIN) from error


def check_rows(path: Path, *, has_rows: bool) -> None:
    """Raise unless there are rows in a file."""
    if not has_rows:
        raise DataFileError(f"{path} to hold rows", "none", "Check that it is the right file.")
