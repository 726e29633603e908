"""Functions that are named on the command line, the model that one makes, and its weights from a file."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from agop.errors import AgopError, DataFileError, InputError
from agop.runs import storage
from agop.runs.files import is_other

__all__ = ["current_directory", "function_of", "load_weights", "make_model"]


def make_model(reference: str, seed: int = 0) -> nn.Module:
    """Call the factory MODULE:FACTORY, with the current directory among those that modules are imported from.

    Parameters
    ----------
    reference
        Module and name of a function, or class, that needs no arguments and returns a module.
    seed
        Seed of PyTorch's random numbers while the factory runs; on the CPU their state is as before afterwards.

    Raises
    ------
    InputError
        If there is no such module or factory, it needs arguments, or returns something else.

    Examples
    --------
    >>> make_model("torch.nn:Identity")
    Identity()
    """
    with current_directory(), torch.random.fork_rng(devices=[]):
        factory = function_of(reference, "a model as MODULE:FACTORY")
        torch.manual_seed(seed)
        model = factory()
    if not isinstance(model, nn.Module):
        raise InputError(f"{reference} to return a torch.nn.Module", type(model).__name__, "Return the model.")
    return model


def load_weights(model: nn.Module, file: Path) -> None:
    """Put the weights of a state dict into a model; no code in the file is run.

    Parameters
    ----------
    model
        Changed in place. Tied weights need one of their names in the file.
    file
        .safetensors, or .pt or .pth from ``torch.save(model.state_dict(), file)``.

    Raises
    ------
    InputError
        If names or shapes differ from the model's, or the suffix is another one.
    DataFileError
        If the file cannot be read, holds something else, or is one of ``agop train`` that has changed.
    """
    own = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    try:
        differ = model.load_state_dict(_state(file), strict=False)
    except RuntimeError as error:
        got = "; ".join(line.strip() for line in str(error).splitlines()[1:])
        raise InputError(
            f"weights in {file} of the model's shapes", got, "Save the state dict of this very model."
        ) from error
    loaded = {own[name].data_ptr() for name in own.keys() - set(differ.missing_keys)}
    missing = [name for name in differ.missing_keys if name not in own or own[name].data_ptr() not in loaded]
    parts = [f"none for {_few(missing)}"] * bool(missing)
    parts += [f"some for {_few(differ.unexpected_keys)}, which the model lacks"] * bool(differ.unexpected_keys)
    if parts:
        expected = f"weights in {file} under the names of the model"
        raise InputError(expected, " and ".join(parts), "Save the state dict of this very model.")


def function_of(reference: str, expected: str, n_arguments: int = 0) -> Callable[..., Any]:
    """Import the function MODULE:NAME, checked to take a number of arguments.

    Parameters
    ----------
    reference
        Module and name of a function or class.
    expected
        Sentence part of an error, such as "a model as MODULE:FACTORY".
    n_arguments
        Number of arguments without names that it will be called with.

    Raises
    ------
    InputError
        If there is no such module or function, or it takes other arguments.

    Examples
    --------
    >>> function_of("posixpath:join", "a function as MODULE:NAME", 2)("runs", "mlp")
    'runs/mlp'
    """
    module_name, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), name]):
        raise InputError(expected, repr(reference), 'Write "nets:mlp" for the function mlp in nets.py.')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            advice = "Run the command in the folder of the module, and leave out .py."
            raise InputError(f"a module {module_name}", f"no module {error.name} here", advice) from error
        got = f"no module {error.name}, which it imports"
        raise InputError(f"a module {module_name} that can be imported", got, "Install what it imports.") from error
    if not hasattr(module, name):
        raise InputError(f"a function {name} in {module_name}", "no such name", f"Look into {module.__file__}.")
    function = getattr(module, name)
    if not callable(function):
        got = type(function).__name__
        raise InputError(f"{reference} to be a function", got, "Write a function that returns it.")
    try:
        inspect.signature(function).bind(*[None] * n_arguments)
    except (TypeError, ValueError) as error:
        needed = f"{n_arguments} arguments" if n_arguments else "no arguments"
        raise InputError(f"{reference} to need {needed}", str(error), "Write a function that does.") from error
    return function  # type: ignore[no-any-return]


def _state(file: Path) -> Mapping[str, Tensor]:
    if file.suffix not in (".safetensors", ".pt", ".pth"):
        raise InputError("weights in a file .safetensors, .pt or .pth", file.name, "Save model.state_dict() as one.")
    expected, advice = f"{file} to hold weights", "Save model.state_dict() again."
    if is_other(file):
        raise DataFileError(expected, "a folder, pipe or device", "Pass the name of a file.")
    try:
        if file.suffix == ".safetensors":
            return storage.load(file)[0] if storage.is_stored(file) else load_file(file)
        if _is_packed(file):
            raise DataFileError(expected, "compressed data, which may unpack to any size", advice)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except AgopError:
        raise
    except Exception as error:  # whatever the readers of other libraries meet in damaged bytes
        raise DataFileError(expected, str(error) or type(error).__name__, advice) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise DataFileError(f"{file} to hold names and tensors", "other content", "Save model.state_dict() alone.")
    return dict(state)  # without what PyTorch keeps beside the tensors


def _is_packed(file: Path) -> bool:
    """Whether a file of ``torch.save`` claims more than it has, which such files never do."""
    if not is_zipfile(file):  # of torch before 1.6
        return False
    with ZipFile(file) as entries:
        return sum(entry.file_size for entry in entries.infolist()) > file.stat().st_size


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@contextmanager
def current_directory() -> Iterator[None]:
    """Context in which modules are imported from the current directory too."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
