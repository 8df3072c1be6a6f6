# `make run` and `make test` each set up all they need: a virtual environment with wheels, nothing else.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# What `workcell run` gets; try ARGS="--scenario vacuum_leak --speed 10".
ARGS ?=
PYTEST_ARGS ?=

.PHONY: help setup run test check bench clean

help:
	@echo "make run    set up, run a demo shift, tell where its report is   (ARGS=\"--scenario NAME\")"
	@echo "make test   set up, check style and types, run the tests         (PYTEST_ARGS=\"-k name\")"
	@echo "make bench  set up, run every benchmark that needs no data"
	@echo "make clean  remove the virtual environment and all output"

setup: $(STAMP)

$(STAMP): setup.py pyproject.toml
	@echo "== workcell: making the virtual environment $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "error: no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 2; }
	@echo "== workcell: installing wheels (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -e '.[sim,test]'
	@touch $@
	@echo "== workcell: set up"

run: setup
	@echo "== workcell: running a demo shift"
	@$(BIN)/workcell run $(ARGS)

check: setup
	@echo "== workcell: style and types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

test: check
	@echo "== workcell: tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: setup
	@for name in runtime virtual_time; do $(BIN)/python -m bench.$$name || exit 1; done

clean:
	rm -rf $(VENV) out build install log *.egg-info
