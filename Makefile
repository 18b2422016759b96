# Two commands matter: `make demo` runs the main job on the embedded default, `make test` sets up and passes the tests.
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test lint bench results clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: $(INSTALLED) ## make the environment and install the package with its development tools

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(INSTALLED) ## train, evaluate and recognise on built-in synthetic motion; writes demo-run/report.html
	$(VENV)/bin/skelzero demo --out demo-run

lint: $(INSTALLED) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint ## lint, types and tests (two processes, one thread each); with SLOW=1 also those marked slow
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal -rs --durations=10 $(if $(SLOW),,-m 'not slow')

bench: $(INSTALLED) ## every timing ratio, each against its reference in the same run
	$(PY) benchmarks/run_all.py --out bench-results

results: $(INSTALLED) ## the evaluation figures of docs/results.md (needs ../shared/data; about an hour on two cores)
	bash benchmarks/evaluation.sh

clean: ## remove the environment and what the demo wrote
	rm -rf $(VENV) demo-run bench-results .mypy_cache .ruff_cache .pytest_cache
