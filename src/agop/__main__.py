"""The command line as ``python -m agop``, which torchrun can start."""

from agop.cli import app

if __name__ == "__main__":
    app(prog_name="agop")
