# Two commands do everything: make demo, make test. make check is what CI runs; it installs the other
# vector stores too (300 MB), without which their tests are skipped.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The package is the repository root, so type checkers reach it by its name through a link.
TYPES := build/types
PARTS := core pii tenancy policies ingest retrieval_guard gateway benchmarks.injection benchmarks.poisoning benchmarks.tenancy cli
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: install stores demo test check format lint types layering docs bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

# Chroma, and a PostgreSQL with pgvector.
stores: $(VENV)/.stores

$(VENV)/.stores: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev-stores]'
	touch $@

demo: install ## Ingest the sample corpus, attack it, and show what an agent would get and do.
	$(BIN)/ragbastion demo

test: install ## Run every test.
	$(BIN)/pytest -q

check: install stores format lint types layering coverage docs ## All that CI runs.

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .

types: install
	mkdir -p $(TYPES) && ln -sfn ../.. $(TYPES)/ragbastion
	MYPYPATH=$(TYPES) $(BIN)/mypy $(addprefix -p ragbastion.,$(PARTS))
	$(BIN)/pyright $(subst .,/,$(PARTS))

layering: install
	$(BIN)/pytest -q tests/test_house.py

.PHONY: coverage
coverage: install stores
	REQUIRE_STORES=1 $(BIN)/pytest -q --cov --cov-report=term --durations=15 \
		--ignore=tests/test_house.py --ignore=tests/docs

docs: install ## Every example in the docs and docstrings runs, every link leads somewhere.
	$(BIN)/pytest -q tests/docs

bench: install ## Measure speed and detection quality; DATA is a folder of public data.
	$(BIN)/python benchmarks/run_all.py --data $(or $(DATA),../shared/data) --out benchmarks/results

clean:
	rm -rf build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
