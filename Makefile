# make setup   the environment, .venv, with the versions of constraints.txt
# make demo    the whole loop on two CPU cores: annotate, distill, bench, solve
# make test    the whole suite but what is slow, with the development tools
# make test-all  the slow tests too: the paper's recipes from end to end

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo test test-all lint docs clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "socli needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.tools: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python docs/demo.py

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-all: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "slow or not slow"

lint: $(VENV)/.tools
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.tools
	$(BIN)/python docs/picture.py
	$(BIN)/cog -r README.md docs/reference/*.md
	$(BIN)/python docs/experiments/tables.py

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
