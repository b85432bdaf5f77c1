# `make demo` and `make test` do all set-up themselves on a machine with Python 3.11+, make and git.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
DATA ?=

.PHONY: demo test check bench docs clean

demo: $(VENV)/.run
	$(BIN)/leeward demo $(if $(DATA),--data $(DATA))

test: $(VENV)/.test
	$(BIN)/python -m pytest

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

docs: $(VENV)/.test
	$(BIN)/python -m docs.build

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Leeward needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=python3.12 or the like")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.run: locks/run.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/run.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.test: locks/test.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/test.txt
	touch $@

$(VENV)/.bench: locks/bench.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/bench.txt
	touch $@
