# Everything a developer or an operator types. `make run` and `make test` need only git, make and python3 (3.11+) with venv.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCAL := --no-deps --no-build-isolation -e nlu/khmer_nlu -e .

.PHONY: run test check bench bench-load torture lock clean

run: .venv/.run-installed
	@$(BIN)/returnee-bot serve

test: .venv/.dev-installed
	$(BIN)/python -m pytest

check: .venv/.dev-installed
	scripts/check

bench: .venv/.dev-installed
	$(BIN)/python -m tests.bench

# 25 messages a second for ten minutes; BENCH_LOAD_S=60 for less, BENCH_RASA=…/bin/rasa to measure that beside it.
bench-load: .venv/.dev-installed
	$(BIN)/python -m tests.bench.load

# The promises in their long forms, about an hour; TORTURE_SCALE=0.1 for less. Writes docs/promises.md.
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

# After a change of dependencies: resolve, and write the two lock files (hashes, no addresses).
lock: | .venv/bin/python
	$(INSTALL) uv
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --no-emit-local --no-default-groups --group build --no-annotate --no-header -o requirements.lock
	$(BIN)/uv export --quiet --frozen --no-emit-local --group build --group dev --no-annotate --no-header -o requirements-dev.lock

clean:
	rm -rf .venv build
