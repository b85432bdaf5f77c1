# `make demo` and `make test` do all set-up themselves on a machine with Python 3.11+, make and git.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
DATA ?=
# Where `make models` finds real candles and daily sentiment, as the tests do.
LEEWARD_TEST_DATA ?= ../shared/data
SHIPPED := src/leeward/inference/shipped
TRAIN := LEEWARD_DATA__DIR=$(CURDIR)/build/models $(BIN)/leeward

# How many accounts `make campaign` kills; with STATE=FILE it goes on where that file says it was.
RUNS ?= 5000
STATE ?=

.PHONY: demo test campaign test-train models check bench docs clean

demo: $(VENV)/.run
	$(BIN)/leeward demo $(if $(DATA),--data $(DATA))

# The hundreds of programs that the tests start shall not compile the package anew each time.
test: $(VENV)/.test
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4

# Accounts killed at every point of the order path, judged by the exchange's truth.
campaign: $(VENV)/.test
	$(BIN)/python -m tests.harness.campaign --runs $(RUNS) --workers 2 $(if $(STATE),--state $(STATE))

# What needs the training stack and Ray; `make test` does not.
test-train: $(VENV)/.cluster
	$(BIN)/python -m pytest tests/train

# The models that come with the program. Their weights never see the last months, on which they are
# judged; a run that was stopped goes on where it was, and one that finds the same writes nothing. The
# ledger of this folder holds these four alone and begins anew, so that the count is always the same.
models: $(VENV)/.train
	rm -f build/models/trials.jsonl
	$(TRAIN) data import $(LEEWARD_TEST_DATA)/market/BTCUSDT-1h.parquet
	$(TRAIN) data import $(LEEWARD_TEST_DATA)/market/BTCUSDT-1d.parquet
	$(TRAIN) data import $(LEEWARD_TEST_DATA)/sentiment/senticrypt-daily.csv
	$(TRAIN) train price --symbol BTCUSDT --start 2022-01-01 --out $(SHIPPED)
	$(TRAIN) train sentiment --symbol BTCUSDT --start 2022-01-01 --out $(SHIPPED)
	$(TRAIN) train price --symbol BTCUSDT --timeframe 1d --out $(SHIPPED)
	$(TRAIN) train sentiment --symbol BTCUSDT --timeframe 1d --out $(SHIPPED)
	cd $(SHIPPED) && sha256sum *.json > SHA256SUMS

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

$(VENV)/.train: locks/train.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/train.txt
	touch $@

$(VENV)/.cluster: locks/cluster.txt $(VENV)/.train
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/cluster.txt
	touch $@

$(VENV)/.bench: locks/bench.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r locks/bench.txt
	touch $@
