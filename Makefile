# Two commands do all the set-up: `make demo` and `make test`. They need Python 3.11 or later, and a package index.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Not compiled ahead: most of what the dependencies bring is never imported.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
OHIF := tests/viewers/node_modules/.package-lock.json
WEB := tests/export/web/node_modules/.package-lock.json

.PHONY: help demo viewers web-runtime test slow soak check audit format graphs clean
.DEFAULT_GOAL := help

help:  ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("LexSeg needs Python 3.11 or later, not " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# Stamps, so that a second call installs nothing. The developers' install holds the default one.
$(VENV)/.lexseg: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.lexseg-dicom: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --constraint constraints.txt --editable '.[dicom]'
	@touch $@ $(VENV)/.lexseg

$(VENV)/.lexseg-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.lexseg $(VENV)/.lexseg-dicom

# One package, built and without further ones; --ignore-scripts: nothing of it runs but in the browser.
$(OHIF): tests/viewers/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix tests/viewers
	@touch $@

# What a model in a browser needs, as `lexseg export --web` has npm fetch it.
$(WEB): src/lexseg/assets/web/package-lock.json
	mkdir -p tests/export/web
	cp src/lexseg/assets/web/package.json src/lexseg/assets/web/package-lock.json tests/export/web/
	npm ci --ignore-scripts --no-audit --no-fund --prefix tests/export/web
	@touch $@

web-runtime: $(WEB)

demo: $(VENV)/.lexseg  ## Segment real images by sentences with the bundled model, into demo/index.html
	$(BIN)/lexseg demo --output demo

viewers: $(VENV)/.lexseg-dicom $(OHIF)  ## Start Orthanc with DICOMweb, and OHIF before it, until Ctrl-C
	@$(BIN)/python tests/viewers/serve.py

test: $(VENV)/.lexseg-dev  ## Run the tests (those on real data where LEXSEG_DATA names the folder)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "not slow" $(PYTEST_ARGS)

slow: $(VENV)/.lexseg-dev  ## Run the tests that take long: methods that learn, damaged files, viewers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m slow $(PYTEST_ARGS)

soak: $(VENV)/.lexseg-dev  ## Load a server with 32 clients for two minutes; then read and send 10,000 damaged files
	$(BIN)/python tests/soak/load.py
	$(BIN)/python tests/soak/fuzz.py --files 10000 --guided 60 --requests 3000

check: $(VENV)/.lexseg-dev  ## Lint, check types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.lexseg-dev  ## Look up known holes in all that is installed (asks the index's advisories; says so where there are none)
	$(BIN)/python .ci/audit.py --skip-editable

format: $(VENV)/.lexseg-dev  ## Format the code, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

graphs: $(VENV)/.lexseg-dev  ## Make the graphs of the bundled default model anew, after its network or its size has changed
	$(BIN)/lexseg export default --in-place

clean:  ## Remove what can be made again
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
