# Everything starts here. `make parity` on a fresh machine installs what is missing and runs the main job.
#
#   make parity [TARGET=vm|local|sim|ssh:HOST|vagrant] [KERNEL=6.1|PATH] [BENCHMARKS="a b"] [ARGS=...]
#   make matrix [KERNELS=5.10,6.1] [COMPILERS=clang-14,clang-16] [SHARD=1/3]

TARGET ?= vm
KERNEL ?= 6.1
BENCHMARKS ?= network_monitor
KERNELS ?= 5.10,6.1,6.12,7.2
COMPILERS ?= clang
SHARD ?=
ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
PYTHON := $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help setup packages parity suite matrix test nightly bench baseline lint matrix-tools vagrant-tools kernel-tools clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

setup: packages .venv/installed ## install what is missing

parity: setup ## compile both sides, run them on TARGET, compare, report
	@$(BIN)/harness run $(BENCHMARKS) --target $(TARGET) $(if $(filter vm,$(TARGET)),--kernel $(KERNEL)) $(ARGS)

suite: setup ## the same for all pairs
	@$(BIN)/harness run --target $(TARGET) $(if $(filter vm,$(TARGET)),--kernel $(KERNEL)) $(ARGS)

matrix: setup ## the same on every kernel of KERNELS with every compiler of COMPILERS, as one report
	@$(BIN)/harness run $(BENCHMARKS) --target vm --matrix kernels=$(KERNELS) compilers=$(COMPILERS) $(if $(SHARD),--shard $(SHARD)) $(ARGS)

test: lint ## lint, then all tests, those that need a kernel included
	@$(PYTHON) -m pytest -m "not slow and not bench" $(PYTEST_ARGS)

nightly: export HONEY_FUZZ_EXAMPLES ?= 15000
nightly: export HONEY_GENERATED_EXAMPLES ?= 8000
nightly: setup ## the long campaigns as well
	@$(PYTHON) -m pytest -m "not bench" --hypothesis-profile=default $(PYTEST_ARGS)

bench: setup ## compile time and cost per event, as pytest-benchmark stores them
	@$(PYTHON) -m pytest -m bench --benchmark-autosave $(PYTEST_ARGS)

baseline: setup ## run all pairs, and tighten the committed baseline to what came of it (ARGS=--loosen: take all of it)
	@$(BIN)/harness run --target sim -q; $(BIN)/harness baseline update $(ARGS)
	@$(BIN)/harness run --target vm --kernel $(KERNEL) -q; $(BIN)/harness baseline update $(ARGS)

lint: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

matrix-tools: ## install the compilers of the nightly matrix
	@setup/packages setup/compilers.txt

vagrant-tools: ## install what TARGET=vagrant needs
	@setup/packages setup/vagrant-packages.txt

kernel-tools: ## install what `harness kernels build` needs
	@setup/packages setup/kernel-build-packages.txt

clean: ## remove what was made, the stored reports and the baseline excepted
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks reports/latest
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Packages first: without python3-venv there is no virtual environment. The check takes 50 ms and is silent.
.venv/installed: pyproject.toml setup/venv | packages
	@setup/venv

packages:
	@setup/packages
