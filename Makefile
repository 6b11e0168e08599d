# Everything a developer or an operator types. `make run` and `make test` need only git, make and python3 (3.11+) with venv.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCAL := --no-deps --no-build-isolation -e nlu/khmer_nlu -e .

# Rasa's own environment: nlu/rasa_host/README.md
RASA_PYTHON ?= python3.11
RASA_PORT ?= 5005
RASA_ENV := nlu/rasa_host/.venv
RASA_INSTALL := $(RASA_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps
RASA_MODEL := data/rasa/khmer.tar.gz

.PHONY: run test check bench bench-nlu bench-load torture lock clean rasa rasa-serve rasa-domain

run: .venv/.run-installed
	@$(BIN)/returnee-bot serve

test: .venv/.dev-installed
	$(BIN)/python -m pytest

check: .venv/.dev-installed
	scripts/check

bench: .venv/.dev-installed
	$(BIN)/python -m tests.bench

# For example ARGS="--massive ../shared/data/massive-km"; trains Rasa's stock pipeline first, which takes long.
bench-nlu: .venv/.dev-installed $(RASA_ENV)/.installed
	$(BIN)/python -m tests.bench.nlu $(ARGS)

# 25 messages a second for ten minutes; BENCH_LOAD_S=60 for less, BENCH_RASA=…/bin/rasa to measure that beside it.
bench-load: .venv/.dev-installed
	$(BIN)/python -m tests.bench.load

# The promises in their long forms, about four hours; TORTURE_SCALE=0.1 for less. Writes docs/promises.md.
torture: .venv/.dev-installed
	$(BIN)/python -m tests.torture

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("python 3.11 or newer is needed; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

# A marker is newer than its lock files exactly when they are installed, so a second run installs nothing.
.venv/.run-installed: requirements.lock pyproject.toml nlu/khmer_nlu/pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) $(LOCAL)
	@touch $@

.venv/.dev-installed: requirements-dev.lock .venv/.run-installed
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

rasa: $(RASA_ENV)/.installed

rasa-serve: $(RASA_MODEL)
	@echo "Rasa: http://127.0.0.1:$(RASA_PORT)   (stop with Ctrl-C)"
	@$(RASA_ENV)/bin/rasa run --quiet --enable-api --interface 127.0.0.1 --port $(RASA_PORT) --model $(RASA_MODEL)

# The ids of nlu/topics.yml as Rasa's domain.
rasa-domain: .venv/.dev-installed
	$(BIN)/python scripts/rasa_domain.py > nlu/rasa_host/domain.yml

$(RASA_ENV)/bin/python:
	@$(RASA_PYTHON) -c 'import platform, sys; sys.exit(sys.version_info[:2] != (3, 11) or platform.machine() != "x86_64")' || \
	  { echo "Rasa 3.6 needs Python 3.11 on x86_64 Linux. Install python3.11 with venv, or name it: make $(MAKECMDGOALS) RASA_PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(RASA_PYTHON) -m venv $(RASA_ENV)

# Rasa's wheel says “below Python 3.11”, which pyproject.toml there explains; the .pth keeps it from calling home.
$(RASA_ENV)/.installed: nlu/rasa_host/requirements.lock nlu/rasa_host/pyproject.toml nlu/khmer_nlu/pyproject.toml | $(RASA_ENV)/bin/python
	$(RASA_INSTALL) --ignore-requires-python --require-hashes -r nlu/rasa_host/requirements.lock
	$(RASA_INSTALL) --no-build-isolation -e nlu/khmer_nlu -e nlu/rasa_host
	echo 'import os; os.environ["RASA_TELEMETRY_ENABLED"] = "false"' > $(RASA_ENV)/lib/python3.11/site-packages/no_telemetry.pth
	@touch $@

$(RASA_MODEL): config.yml $(wildcard nlu/data/*.yml nlu/khmer_nlu/src/khmer_nlu/*.py nlu/khmer_nlu/src/khmer_nlu/data/*.yml nlu/rasa_host/khmer_rasa/*.py) $(RASA_ENV)/.installed
	$(RASA_ENV)/bin/rasa train nlu --quiet --nlu nlu/data --out $(@D) --fixed-model-name $(basename $(basename $(@F)))
	@touch $@

# After a change of dependencies: resolve, and write the lock files (hashes, no addresses).
lock: | .venv/bin/python
	$(INSTALL) uv
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --no-emit-local --no-default-groups --group build --no-annotate --no-header -o requirements.lock
	$(BIN)/uv export --quiet --frozen --no-emit-local --group build --group dev --no-annotate --no-header -o requirements-dev.lock
	cd nlu/rasa_host && ../../$(BIN)/uv lock --python $(RASA_PYTHON)
	cd nlu/rasa_host && ../../$(BIN)/uv export --quiet --frozen --no-emit-local --group build --no-annotate --no-header -o requirements.lock

clean:
	rm -rf .venv $(RASA_ENV) build
