"""Each test for one seed after another, in one process: a hundred seeds without a hundred starts.

For each seed its file is executed again, after the modules beside it, and its fixtures are made anew. What a decorator
drew for its parameters stays. A test in which nothing is drawn runs once: no random stream starts in these modules, in
the test, in its fixtures or in processes that these start, and Hypothesis draws no examples for it.
"""

from __future__ import annotations

import ast
import sys
import tempfile
import time
from collections import Counter
from functools import cache
from math import inf
from pathlib import Path
from types import FunctionType
from zlib import crc32

import pytest
from _pytest.runner import runtestprotocol

from seeds.shift import count_starts, n_starts, set_shift

__all__ = ["Sweep", "add_options"]


def add_options(parser):
    group = parser.getgroup("seeds")
    group.addoption("--seeds", metavar="FIRST-LAST", type=_seeds, help="run each test for these, one after another")
    group.addoption("--seconds", metavar="S", type=float, default=inf, help="a test starts with no other after so many")


class Sweep:
    """Plugin that runs tests so, and reports the first seed for which one fails, with all others."""

    def __init__(self, seeds, seconds):
        self.seeds, self.seconds = seeds, seconds
        self.n_tests = Counter()
        self.file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - there as long as the tests
        Path(self.file.name).chmod(0o666)  # tests may run processes as another user
        count_starts(Path(self.file.name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._run(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run(self, item):
        """Reports of the first seed for which it fails, or else of the last."""
        before, end, reports = n_starts(), time.monotonic() + self.seconds, {}
        for seed in self._order(item):
            set_shift(seed)
            _execute_again(item)
            reports[seed] = runtestprotocol(item, nextitem=None, log=False)
            draws = n_starts() > before or "hypothesis" in item.keywords
            if not draws or time.monotonic() > end:
                break
        failed = [seed for seed, each in reports.items() if any(report.failed for report in each)]
        told = reports[failed[0] if failed else seed]
        for report in told:
            report.n_seeds = len(reports)
            if failed:
                text = f"AGOP_SEED={failed[0]}; of {len(reports)} seeds, these fail: {sorted(failed)}"
                report.sections.append(("seeds", text))
        return told

    def _order(self, item):
        """The seeds, from another one in each test: those that few are run for have different ones."""
        first = crc32(item.nodeid.encode()) % len(self.seeds)
        return [*self.seeds[first:], *self.seeds[:first]]

    def pytest_runtest_logreport(self, report):
        """Called in the process of the test, and in that which all report to."""
        if report.when == "call":
            self.n_tests[report.n_seeds] += 1

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section(f"seeds {self.seeds[0]}-{self.seeds[-1]}")
        for n_seeds, n_tests in sorted(self.n_tests.items()):
            terminalreporter.write_line(f"{n_tests} tests ran for {n_seeds} of them")


def _seeds(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _execute_again(item):
    """Execute the modules beside the file of a test, then the file: its functions and classes stay the same.

    Otherwise no process could load them by name, and what is registered would be another class.
    """
    for module in [*(each for each in list(sys.modules.values()) if _is_beside(each, item.path)), item.module]:
        functions = {name: value for name, value in vars(module).items() if isinstance(value, FunctionType)}
        exec(_without_classes(Path(module.__file__)), vars(module))  # noqa: S102 (a file of tests)
        for name, function in functions.items():
            function.__defaults__ = vars(module)[name].__defaults__
            function.__kwdefaults__ = vars(module)[name].__kwdefaults__
        vars(module).update(functions)


@cache
def _without_classes(file):
    tree = ast.parse(file.read_text())
    tree.body = [statement for statement in tree.body if not isinstance(statement, ast.ClassDef)]
    return compile(tree, file, "exec")


def _is_beside(module, path):
    file = Path(getattr(module, "__file__", None) or "none")
    return file.parent == path.parent and not file.stem.startswith(("test_", "conftest"))
