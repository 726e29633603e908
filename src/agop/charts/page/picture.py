"""A picture of a page, taken by a browser that is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from agop.errors import InputError
from agop.runs.files import replacing

__all__ = ["browser", "write_picture"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")

_SECONDS = 120
"""Seconds after which a browser is given up."""

_TALLEST = 16_000
"""Pixels that a browser can take at once; a longer page is cut there."""


def browser() -> str:
    """Path of Chromium, Chrome or Edge; InputError if none is installed."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        advice = "Install one of them, or print the page from another browser."
        raise InputError(f"a browser to take the picture, {', '.join(_BROWSERS)}", "none", advice)
    return found


def write_picture(page: Path, picture: Path, width: int = 1000) -> Path:
    """Take a picture of a whole page, with all its plots, in light colors.

    Parameters
    ----------
    page
        HTML file of ``write_page``.
    picture
        PNG file, which is replaced whole or left as it was.
    width
        Pixels across.

    Raises
    ------
    InputError
        If no browser is installed, or it cannot take the picture.
    """
    program = browser()
    with tempfile.TemporaryDirectory() as folder:
        document = _run(program, Path(folder), page, f"--window-size={width},800", "--dump-dom")
        height = re.search(r'<html[^>]* data-height="(\d+)"', document)  # which the page has once all is drawn
        if height is None:
            raise InputError(f"{page} drawn by {program}", "a page without its plots", "Open it in a browser.")
        size = f"--window-size={width},{min(int(height[1]), _TALLEST)}"
        taken = Path(folder, "page.png")
        _run(program, Path(folder), page, size, "--hide-scrollbars", f"--screenshot={taken}")
        if not taken.exists():
            raise InputError(f"a picture by {program}", "none", "Print the page from another browser.")
        with replacing(picture) as temporary:
            shutil.copyfile(taken, temporary)
    return picture


def _run(program: str, folder: Path, page: Path, *options: str) -> str:
    """Open a page with a profile of its own until it is loaded, when all its plots are drawn; what is printed."""
    own = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # it does not start as root else
    fixed = ["--headless", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    try:
        done = subprocess.run(  # noqa: S603 - a browser that is installed, and a file of ours
            [program, *fixed, *own, *options, page.resolve().as_uri()],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"{program} to open {page}", str(error), "Print the page from another browser.") from error
    return done.stdout.decode(errors="replace")
