"""The command line, as ``agop``, or as ``python -m agop``, which torchrun can start."""

from __future__ import annotations

from agop.interrupts import end_when_interrupted

__all__ = ["main"]


def main() -> None:
    """Run the command; its end by Ctrl-C, or by the SIGTERM of a scheduler, is a sentence at any time."""
    end_when_interrupted()
    from agop.cli import app

    app(prog_name="agop")


if __name__ == "__main__":
    main()
