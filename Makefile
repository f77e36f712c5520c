# Every target makes .venv if it is absent and never reinstalls what is there.
# Plain `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.drivemeta
DOCS_STAMP := .venv/.drivemeta-docs

.PHONY: help setup demo test test-slow check docs
help:
	@echo "setup   .venv with everything that developers need"
	@echo "demo    learn a sign from five frames and find it in a video: demo/"
	@echo "test    the tests"
	@echo "test-slow  the tests that take longer: snippets of the pages, wheel and sdist, compiling"
	@echo "check   ruff and mypy"
	@echo "docs    the site: site/index.html"

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/drivemeta demo --out demo

# A process a core; four hold what memory a small machine has. Each takes whole files, whose tests
# share what they made: tests/conftest.py says in what order.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test test-slow: export OMP_NUM_THREADS = 1

test: $(STAMP)
	$(PYTEST)

test-slow: $(STAMP)
	$(PYTEST) -m slow

check: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(DOCS_STAMP)
	$(BIN)/python -m tools.site.gather build/site-pages
	$(BIN)/zensical build --clean --strict

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install -c constraints.txt -e '.[docs]'
	touch $@

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch $@
