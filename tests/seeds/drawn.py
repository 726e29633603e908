"""Files of tests in which nothing is drawn are the same for every seed: they are run for the first seed only.

A file draws if a random stream starts while it is imported, in its tests, in their fixtures or in processes that these
start, or if Hypothesis draws examples for it. The tests of a file stay together, since they may share what is drawn.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from seeds.shift import SEED, count_starts, n_starts

__all__ = ["add_option", "register"]

_SAME = "seeds/same"
"""Name in pytest's cache of the files in which nothing was drawn."""


def add_option(parser):
    parser.addoption(
        "--drawn", action="store_true", help="leave out the files in which the run without this drew nothing"
    )


def register(config):
    """Note them, or leave them out, where pytest has a cache to keep their names in."""
    if config.pluginmanager.hasplugin("cacheprovider"):
        config.pluginmanager.register(_Drawn(config))


class _Drawn:
    """Plugin that notes in which files nothing is drawn, or leaves those out."""

    def __init__(self, config):
        self.config = config
        self.leaves_out = config.getoption("drawn")
        self.same, self.seen, self.drawn = set(), set(), set()
        self.file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - there as long as the tests
        self.n_starts = 0
        Path(self.file.name).chmod(0o666)  # tests may run processes as another user
        count_starts(Path(self.file.name))

    def pytest_sessionstart(self):
        if self.leaves_out:
            self.same = set(self.config.cache.get(_SAME, []))

    def pytest_ignore_collect(self, collection_path):
        return self._name(collection_path) in self.same or None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        report = yield
        if self._has_started():
            self.drawn.add(self._name(collector.path))
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        started, imported = self._has_started(), self._name(item.path) in self.drawn
        report.draws = started or imported or "hypothesis" in item.keywords
        return report

    def pytest_runtest_logreport(self, report):
        """Called in the process of the test, and in that which all report to."""
        file = report.nodeid.split("::")[0]
        self.seen.add(file)
        if report.draws:
            self.drawn.add(file)

    def pytest_terminal_summary(self, terminalreporter):
        if not self.leaves_out:
            self.same = self.seen - self.drawn
            self.config.cache.set(_SAME, sorted(self.same))
        role = "left out" if self.leaves_out else "the same for other seeds"
        terminalreporter.section(f"seed {SEED}; files in which nothing is drawn, {role}")
        terminalreporter.write_line(" ".join(sorted(self.same)))

    def _has_started(self):
        """Whether a stream has started since the last call."""
        before, self.n_starts = self.n_starts, n_starts()
        return self.n_starts > before

    def _name(self, path):
        return path.relative_to(self.config.rootpath).as_posix()
