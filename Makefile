# Two commands do everything: `make run` shows Gatepost at work, `make test` proves it.
# The rest are the parts of these two, and the long runs.

PYTHON ?= python3
BIN    := .venv/bin
BROKER ?=
FOR    ?=
RATE   ?=

.PHONY: help setup run test lint types pytest bench soak lock clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready  ## prepare .venv from the lock file

.venv/ready: requirements-dev.lock pyproject.toml tools/setup.sh
	PYTHON="$(PYTHON)" sh tools/setup.sh

run: setup  ## the example site with simulated hospitals; BROKER=amqp://… FOR=20s RATE=50
	$(BIN)/gatepost demo $(if $(BROKER),--broker "$(BROKER)") $(if $(FOR),--for $(FOR)) $(if $(RATE),--rate $(RATE))

test: setup lint types  ## everything: lint, types, import contract, all tests with a real RabbitMQ
	sh tools/test-packages.sh
	$(BIN)/pytest $(PYTEST)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

bench: setup  ## figures beside a do-nothing server, in the same minutes
	sh tools/test-packages.sh
	$(BIN)/python -m bench $(BENCH)

soak: setup  ## kill engine and broker for a long time under load: KILLS=200
	sh tools/test-packages.sh
	$(BIN)/python -m bench.soak $(if $(KILLS),--kills $(KILLS))

lock:  ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --extra fast --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra dev --extra fast --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --upgrade -o requirements-dev.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var dist build
