"""Take the pictures of the gallery: the top of each report in a browser, and one on a phone."""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent

COLORS = 256
"""Number of colors of a picture, which keeps it small."""


def main() -> None:
    """Take all pictures of the reports in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the pages that make_reports.py wrote")
    folder = parser.parse_args().folder.resolve()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in ("deep-rfm", "network", "table", "language-model"):
            if (page := folder / f"report-{name}.html").exists() or name != "language-model":  # a model to install
                take(browser, page, HERE / f"{name}.png", 1000, 2400)
        take(browser, folder / "report-comparison.html", HERE / "comparison.png", 1000, 2400, "dark")
        take(browser, folder / "report-deep-rfm.html", HERE / "phone.png", 390, 2400)
        browser.close()


def take(browser: Browser, page: Path, picture: Path, width: int, height: int, theme: str = "light") -> None:
    """Write the first ``height`` pixels of a page, which is loaded when all its plots are drawn."""
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme) as context:
        tab = context.new_page()
        tab.goto(page.as_uri())
        raw = tab.screenshot()
    Image.open(io.BytesIO(raw)).convert("RGB").quantize(COLORS, kmeans=3).save(picture, optimize=True)


if __name__ == "__main__":
    main()
