# Every door of the project; `make help` lists them. Nothing here is needed to use docker-chalk, only to work on it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

ENGINE := bash test/support/engine/engine.sh
WITH_ENGINE := eval "$$($(ENGINE) env)";
VITEST := vitest run

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build engine ## Build an image with docker chalk on a real engine, run it, show its mark and its reports
	@$(WITH_ENGINE) bash test/support/demo.sh

.PHONY: test
test: lint build testbed ## Everything: lint, types, unit, integration, shim and end-to-end tests
	@$(VITEST)

.PHONY: test-unit
test-unit: deps ## The tests that need nothing but Node
	@$(VITEST) --project unit

.PHONY: test-integration
test-integration: build ## The tests that run real programs on this machine
	@$(VITEST) --project integration

.PHONY: test-shim
test-shim: build ## The tests of what runs inside containers
	@$(VITEST) --project shim

.PHONY: test-e2e
test-e2e: build testbed ## The tests under a real docker and a real engine
	@$(VITEST) --project e2e

.PHONY: differential
differential: build testbed ## Every command line of the differential suite under every builder; an hour
	@CHALK_DIFFERENTIAL=all $(VITEST) --project e2e test/e2e/differential.test.ts

.PHONY: lint
lint: deps ## Types, linter, formatter
	@npm run --silent lint

.PHONY: format
format: deps ## Write the one format there is
	@npm run --silent format

.PHONY: bench
bench: build engine ## Measure what we add: interleaved pairs in one run, medians, ratios
	@$(WITH_ENGINE) node test/bench/bench.ts

.PHONY: build
build: deps shim ## Build the plugin into plugin/lib
	@npm run --silent build

.PHONY: shim
shim: ## Build the programs that go into images, for every platform
	@bash entrypoint-shim/build.sh --all

.PHONY: install
install: build ## Build this checkout and link it into docker's plugin folder
	@plugin/docker-chalk chalk install

.PHONY: uninstall
uninstall: ## Take that link away
	@plugin/docker-chalk chalk uninstall

.PHONY: dist
dist: build ## Pack the plugin with its runtime into dist/
	@bash plugin/dist.sh

.PHONY: engine
engine: ## A Docker engine, registry and base images for demo, tests and bench (CHALK_ENGINE_STORE=containerd|graph)
	@$(ENGINE) up

.PHONY: testbed
testbed: engine ## The engine and what else the tests use: the other image store, builders, Docker 20.10, Sigstore, Syft; minutes the first time
	@# What cannot be had here is said, and its tests count as skipped (or fail, with CHALK_E2E=required).
	@CHALK_ENGINE_STORE=graph $(ENGINE) up >/dev/null || true
	@$(ENGINE) builders >/dev/null || true
	@$(ENGINE) old-engine >/dev/null || true
	@bash test/support/engine/sigstore.sh >/dev/null || true
	@bash test/support/engine/syft.sh >/dev/null || true

.PHONY: engine-down
engine-down: ## Stop that engine and remove everything it left
	@$(ENGINE) down

.PHONY: deps
deps: node_modules/.deps ## Install the dependencies of package-lock.json

node_modules/.deps: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: clean
clean: ## Remove what was built
	@rm -rf plugin/lib entrypoint-shim/build dist coverage
