"""Print the lower bounds that pyproject.toml states as constraints for pip; what constraints.txt pins stays pinned."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = ("download", "lightning", "report", "tables")


def floors(project: dict, pinned: str) -> str:
    """Constraints, one a line: those of ``pinned``, and the lower bound of every other dependency of ``project``."""
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    bounds = dict(line.split(">=") for line in project["dependencies"] + extras)
    names = set(re.findall(r"^([\w.-]+)==", pinned, re.MULTILINE))
    return pinned + "".join(f"{name}=={bound}\n" for name, bound in bounds.items() if name not in names)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sys.stdout.write(floors(project, (ROOT / "constraints.txt").read_text(encoding="utf-8")))
