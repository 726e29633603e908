"""The package as a whole: its public names, its version, and what it does without."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import agop

ROOT = Path(__file__).parents[1]
MODULES = [module.name for module in pkgutil.iter_modules(agop.__path__) if module.name != "__main__"]
PARSER = doctest.DocTestParser()
WITHOUT_EXAMPLE = {
    "RowSettings": "a protocol, which the settings of each run meet",
    "ShiftedMatrix": "a protocol, which DenseMatrix and KernelMatrix meet",
    "Solver": "abstract; each solver shows what it gives",
    "available_memory": "another number on each machine",
    "end_when_interrupted": "the end of the process",
    "is_writer": "yes or no",
    "multiply_adds_per_second": "another number on each machine",
    "raise_when_interrupted": "silent, and without effect outside of a command",
    "require_same": "silent, unless it is called on several processes that differ",
    "require_same_samples": "silent, unless it is called on several processes that differ",
}
"""Public functions and classes whose examples show no result, and why."""
EXTRAS = [
    "autogluon",
    "jinja2",
    "lightning",
    "matplotlib",
    "pandas",
    "plotly",
    "pooch",
    "pyarrow",
    "torchmetrics",
    "transformers",
]


def test_public_names_are_few_exist_and_are_in_the_reference() -> None:
    assert [name for name in agop.__all__ if not hasattr(agop, name)] == []
    assert len(set(agop.__all__)) == len(agop.__all__) <= 34
    listed = (ROOT / "docs/reference.rst").read_text().partition("All others")[0]
    assert [name for name in agop.__all__[1:] if f"agop.{name}`" not in listed and f".{name}`" not in listed] == []


def shows_a_result(member: object) -> bool:
    """Whether an example of a function, a class or one of its methods has a result that is more than yes or no."""
    parts = [each for each in (member, *vars(member).values()) if each.__doc__ != type(each).__doc__]
    texts = [inspect.getdoc(each) or "" for each in parts]
    wanted = [example.want.strip() for text in texts for example in PARSER.get_examples(text)]
    return not {"", "True", "False"}.issuperset(wanted)


@pytest.mark.parametrize("room", [f"agop.{name}" for name in MODULES])
def test_public_functions_and_classes_show_a_result_in_an_example(room: str) -> None:
    module = importlib.import_module(room)
    members = {name: getattr(module, name) for name in module.__all__}
    examined = {name for name, each in members.items() if inspect.isclass(each) or inspect.isroutine(each)}
    silent = {name for name in examined if not shows_a_result(members[name])}
    assert silent == WITHOUT_EXAMPLE.keys() & examined


@pytest.mark.parametrize(
    ("text", "shown"), [("", False), (">>> f()", False), (">>> f() > 1\nTrue", False), (">>> f()\n2", True)]
)
def test_what_an_example_shows(text: str, shown: bool) -> None:
    assert shows_a_result(type("Documented", (), {"__doc__": text, "size": 2})) is shown


def test_every_room_exports_what_it_names() -> None:
    for module in MODULES:
        room = importlib.import_module(f"agop.{module}")
        assert [name for name in room.__all__ if not hasattr(room, name)] == [], module


def test_citation_has_this_version() -> None:
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == agop.__version__


@pytest.mark.skipif(not (ROOT / ".pre-commit-config.yaml").exists(), reason="a source distribution has no hooks")
@pytest.mark.parametrize("tool", ["ruff", "typos", "zizmor"])
def test_hooks_have_the_versions_of_make_lint(tool: str) -> None:
    pinned = re.search(rf"^{tool}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text().split("- repo: ")
    (revision,) = [re.search(r"rev: v(\S+)", hook)[1] for hook in hooks if re.search(rf"/{tool}(-pre-commit)?\n", hook)]
    assert pinned is not None
    assert revision == pinned[1]


def test_every_module_is_in_the_reference() -> None:
    listed = set(re.findall(r"^   agop\.(\w+)$", (ROOT / "docs/reference.rst").read_text(), re.MULTILINE))
    assert {*MODULES} - {"cli"} == listed


def test_imports_without_any_extra() -> None:
    # torch itself loads jinja2 where it is installed, so that an import has to be forbidden, not looked for.
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({EXTRAS})); from agop.rooms import import_rooms; import_rooms()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_public_name_is_no_module_of_the_same_name() -> None:
    """``agop.network.measure`` is the function, also after its module was imported."""
    code = """if True:
        import importlib, importlib.util, types
        for room in map(importlib.import_module, ROOMS):
            for name in room.__all__ if hasattr(room, "__path__") else ():
                if importlib.util.find_spec(module := f"{room.__name__}.{name}"):
                    importlib.import_module(module)
                    assert not isinstance(getattr(room, name), types.ModuleType), module
                    print(module)
    """.replace("ROOMS", repr([f"agop.{name}" for name in MODULES]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "agop.network.measure" in done.stdout.split()
