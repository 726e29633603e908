"""The command line, as ``agop``, or as ``python -m agop``, which torchrun can start."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command; its end by Ctrl-C, or by the SIGTERM of a scheduler, is a sentence at any time."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from agop.cli import app

        app(prog_name="agop")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was begun.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
