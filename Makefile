# `make demo` is the whole way from nothing to a chosen, exported model; `make test` the tests.
PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo

.PHONY: setup demo test test-slow lint bench clean

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

# A search that was interrupted goes on where it stopped.
demo: setup
	@if [ -f $(DEMO)/model/card.json ]; then \
	    echo "$(DEMO) is finished; see $(DEMO)/report.html. to run it again: make clean && make demo"; \
	else \
	    set -ex; \
	    if [ -f $(DEMO)/frozen.json ]; then \
	        $(BIN)/carbon-nas resume $(DEMO); \
	    else \
	        $(BIN)/carbon-nas search experiments/demo/config.yaml --out $(DEMO); \
	    fi; \
	    $(BIN)/carbon-nas front $(DEMO); \
	    $(BIN)/carbon-nas select $(DEMO); \
	    $(BIN)/carbon-nas export $(DEMO) --out $(DEMO)/model; \
	    $(BIN)/carbon-nas report $(DEMO); \
	fi

test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow"

# torchvision and transformers: the slow tests hold our counts to those of published models.
.venv/.published: .venv/.installed
	$(BIN)/pip install --quiet --editable '.[dev,published]' --constraint constraints.txt
	touch $@

test-slow: .venv/.published
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	set -e; for run in experiments/benchmarks/*/run.py; do \
	    echo "$$run"; $(BIN)/python "$$run"; \
	done

# Only what `make demo` made.
clean:
	rm -rf $(DEMO)
