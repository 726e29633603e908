# Every target sets up what it needs: Python 3.11 or newer, pip and make are enough to start.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo

# The constraints go into every install, so that one resolution picks torch together with the rest.
CONSTRAINTS := constraints.txt
INSTALL = $(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) --editable

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo test test-oldest faults soak seeds coverage lint format types layers docs screenshots dist bench clean help

help:
	@echo "make demo    the main result on real data: $(RUN)/report.html"
	@echo "make test    tests and the examples in the documentation"
	@echo "also: test-oldest faults soak seeds coverage lint format types layers docs screenshots dist bench clean"

demo: $(VENV)/report.stamp
	$(BIN)/agop deep-rfm digits --samples 1000 --depth 10 --width 1024 --control --out $(RUN)
	@echo "Report: $(CURDIR)/$(RUN)/report.html"

# A thread that waits sleeps instead of spinning: many times faster for small problems where cores are shared.
test test-oldest coverage seeds: export OMP_WAIT_POLICY ?= PASSIVE

# A file's tests stay in one process; each computes with one thread.
PARALLEL := --numprocesses=auto --maxprocesses=4 --dist=loadfile

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PARALLEL)

# The lower bounds of pyproject.toml, and warnings of what has become deprecated since.
test-oldest: export PYTEST_ADDOPTS = -W default::DeprecationWarning -W default::PendingDeprecationWarning -W default::FutureWarning
test-oldest: .venv-oldest.txt
	$(MAKE) VENV=.venv-oldest CONSTRAINTS=$< test

.venv-oldest.txt: .ci/floors.py pyproject.toml constraints.txt
	"$(PYTHON)" $< > $@

coverage: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PARALLEL) --cov=agop --cov-report=term-missing:skip-covered

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/typos
	$(BIN)/zizmor --offline --quiet .
	$(BIN)/repo-review --show err .

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/dev.stamp
	$(BIN)/mypy

layers: $(VENV)/dev.stamp
	$(BIN)/lint-imports

docs: $(VENV)/dev.stamp
	rm -rf docs/api docs/notebooks
	$(BIN)/python docs/gallery/make_reports.py docs/_gallery/pages --runs docs/_gallery/runs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --fresh-env --quiet docs docs/_build
	@echo "Documentation: $(CURDIR)/docs/_build/index.html"

dist: $(VENV)/dev.stamp
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m zipfile --list dist/agop-*.whl | grep -F agop/py.typed

screenshots: docs
	$(BIN)/python docs/gallery/take_screenshots.py docs/_gallery/pages

# Every call to the disk of every command fails once, in every way, sixty processes are killed, and a hundred thousand
# files of each kind are damaged: hours.
faults: export AGOP_FAULTS = all
faults: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/test_faults.py tests/test_hostile_files.py tests/test_hostile_data.py

# Every test with a hundred times other random data and other starts, with one thread and two in turn: hours. SEEDS=7-8 for
# some; SECONDS=10 for as many a test as begin in ten seconds.
SEEDS ?= 0-99
seeds: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -q $(PARALLEL) --dist=worksteal --seeds $(SEEDS) $(if $(SECONDS),--seconds $(SECONDS)) -m "not slow" tests

# An hour of measuring and of tracking in constant memory, and the memory of fits that are told how much: SECONDS=60.
soak: export AGOP_SOAK = $(or $(SECONDS),3600)
soak: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests/test_memory.py

bench: $(VENV)/bench.stamp
	for question in left_out collapse_measures rfm two_fits predicted_time kernel_agop deep_rfm deep_rfm_ranks deep_rfm_memory network convolutions language_model ranks synthetic large tables small_tables conv_rfm; do $(BIN)/python -m benchmarks.$$question || exit 1; done

clean:
	rm -rf $(VENV) build dist docs/_build docs/_gallery docs/_pictures docs/api docs/notebooks runs .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/pip:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "agop needs Python 3.11 or newer: set PYTHON")'
	@"$(PYTHON)" -m venv $(VENV) || { echo "venv brings no pip here, taking it from $(PYTHON)"; \
	  "$(PYTHON)" -m venv --clear --without-pip $(VENV) && \
	  "$(PYTHON)" -m pip --python $(BIN)/python install --quiet pip; }

# One stamp an extra, and one a group of dependencies: a changed pyproject.toml or constraints.txt installs again.
$(VENV)/report.stamp: pyproject.toml $(CONSTRAINTS) | $(BIN)/pip
	@echo "Installing agop with its extra 'report' into $(VENV), a minute or two the first time"
	@$(INSTALL) ".[report]"
	@touch $@

$(VENV)/%.stamp: pyproject.toml $(CONSTRAINTS) | $(BIN)/pip
	@echo "Installing agop with what its group '$*' needs into $(VENV), a minute or two the first time"
	@$(BIN)/python -m pip install --quiet "pip>=25.1"  # knows groups
	@$(INSTALL) . --group $*
	@touch $@
