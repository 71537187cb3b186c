# make quickstart   set everything up in .venv and run the quickstart sweep (or go on with it)
# make test         set up what tests need, then lint, types and tests
#
# Needed: Python 3.11 or newer, a C++ compiler, make. CMake and ninja come with pip's build isolation.
# For a GPU: make quickstart CMAKE_ARGS=-DGGML_CUDA=on

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

# llama.cpp is built without what the bindings cannot reach. pip keeps the wheel, so the next set-up is fast; with
# CMAKE_ARGS of your own it is built anew, since pip does not look at them when it reuses a wheel. They are remembered in
# the virtual environment, so a later `make test` does not turn a GPU build into a CPU build.
ARGS := $(or $(strip $(CMAKE_ARGS)),$(shell cat $(VENV)/.cmake-args 2>/dev/null))
LEAN := -DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE='$(CURDIR)/.ci/lean-llama.cmake'
LLAMA := $(VENV)/.llama-$(shell printf '%s' '$(ARGS)' | cksum | cut -d' ' -f1)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input -qq -c constraints.txt

.PHONY: quickstart test lint types clean

quickstart: $(VENV)/.runtime
	$(BIN)/harnesslab sweep quickstart

test: lint types
	$(BIN)/python -m pytest -q -m "not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "harnesslab needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(LLAMA): .ci/lean-llama.cmake constraints.txt | $(VENV)/pyvenv.cfg
	@echo "building llama.cpp on $(CORES) cores: some minutes, once"
	CMAKE_BUILD_PARALLEL_LEVEL=$(CORES) CMAKE_ARGS="$(ARGS) $(LEAN)" $(PIP) --no-deps --force-reinstall \
		$(if $(ARGS),--no-cache-dir) --no-binary llama-cpp-python llama-cpp-python
	@rm -f $(VENV)/.llama-* && echo '$(ARGS)' > $(VENV)/.cmake-args && touch $@

$(VENV)/.runtime: $(LLAMA) pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
