# One verb, one command. Each makes the environment it needs; a second call installs nothing again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
BENCH := .venv-bench
SUPERSET := .venv-superset

.PHONY: run test lint ui page notebook dictionary screenshots superset bench constraints clean

run: $(READY)  ## install, then ingest, build, gate and publish the embedded (simulated) sample
	$(BIN)/tidegauge run

test: $(READY)  ## install, then run all tests
	$(BIN)/pytest

lint: $(READY)  ## the linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint dbt_project

ui: $(READY)  ## the Dagster UI on loopback
	$(BIN)/tidegauge ui

page: $(READY)  ## the page of what is published, in the browser
	$(BIN)/tidegauge page

notebook: $(READY)  ## a research question on what is published, in the browser
	$(BIN)/marimo run notebooks/treasury_refill.py

dictionary: $(READY)  ## docs/data_dictionary.md and the table of docs/gate.md anew, from models and checks
	$(BIN)/python -m orchestration.dictionary
	$(BIN)/python -m expectations.listing

screenshots: $(READY)  ## docs/images anew, from a fresh sample
	$(BIN)/python docs/screenshots.py

superset: $(SUPERSET)/.installed  ## Apache Superset on loopback, with our dashboard of what is published
	$(SUPERSET)/bin/python bi/serve.py

bench: $(BENCH)/.installed  ## measure the indicators against other ways to them, and the daily step
	$(BENCH)/bin/python benchmarks/indicators.py --rows 0.6 3 9.5 --runs 3
	$(BENCH)/bin/python benchmarks/daily_step.py

# Every version that is installed is the one that was tested, by hash; the project itself goes in beside them.
$(READY): constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tidegauge needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# what we are measured against is no part of the product
$(BENCH)/.installed: constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --require-hashes -r constraints.txt -r benchmarks/requirements.txt
	touch $@

# its packages and ours do not fit together
$(SUPERSET)/.installed: bi/requirements.txt
	$(PYTHON) -m venv $(SUPERSET)
	$(SUPERSET)/bin/python -m pip install --quiet --require-hashes -r $<
	touch $@

constraints:  ## resolve the newest versions anew, for every platform and Python
	uv pip compile --universal --upgrade --generate-hashes --no-strip-extras --no-header --no-annotate --group dev pyproject.toml -o constraints.txt
	uv pip compile --universal --upgrade --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate --constraints constraints.txt benchmarks/requirements.in -o benchmarks/requirements.txt
	uv pip compile --universal --upgrade --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate bi/requirements.in -o bi/requirements.txt

clean:
	rm -rf $(VENV) $(BENCH) $(SUPERSET)
