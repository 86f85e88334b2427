# The front door. Every target does its own set-up from a bare checkout; a second call is instant.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
DEMO := .venv/.installed-demo
DEV := .venv/.installed-dev
CODE := lakehouse_assets lakehouse_assets_tests $(wildcard benchmarks)
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1mmake %-13s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Run ---

.PHONY: demo
demo: $(DEMO) ## Simulate two weeks of a small shop and run the whole lakehouse on them
	@$(BIN)/lakehouse demo

.PHONY: demo-retail
demo-retail: $(DEMO) ## Run the same pipeline on 541,909 real order lines (needs ../shared/data/online_retail)
	@$(BIN)/lakehouse demo retail

.PHONY: dev
dev: export LAKEHOUSE_ENV ?= demo
dev: export DAGSTER_HOME = $(CURDIR)/.lake/$(LAKEHOUSE_ENV)/dagster
dev: $(DEMO) ## Open the Dagster UI on the demo lake, without a login, for this machine only: http://localhost:3000
	@mkdir -p "$$DAGSTER_HOME" && cp dagster.yaml "$$DAGSTER_HOME/"
	@$(BIN)/dagster dev

# --- Develop ---

.PHONY: test
test: $(DEV) ## Run every test whose tools are here; say which are not, and how to get them
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --durations 25 --durations-min 20 $(ARGS)

.PHONY: coverage
coverage: $(DEV) ## Run them once more, in twice the time, and say which lines none of them runs
	@$(MAKE) test ARGS="--cov --cov-report term $(ARGS)"

.PHONY: versitygw
versitygw: $(DEV) ## Build versitygw, the S3 server that some tests want (Go, or a wheel of it, and some minutes)
	@scripts/versitygw

.PHONY: spark-jars
spark-jars: ## Fetch the jars with which Spark reads Delta tables and reaches S3 (Java and Maven, 23 MB, once a user)
	@scripts/spark-jars

.PHONY: kafka-jars
kafka-jars: ## Fetch Apache Kafka's broker, which tests of Kafka start (Java and Maven, 45 MB, once a user)
	@scripts/kafka-jars

.PHONY: datacontract
datacontract: $(DEV) ## Install the linter of the contract standard in an environment of its own, which tests ask
	@scripts/datacontract

.PHONY: soak
soak: $(DEV) ## Kill, restart and race the pipeline for a while and prove that nothing was lost or doubled
	@$(BIN)/python -m lakehouse_assets_tests.soak $(ARGS)

.PHONY: evidence
evidence: $(DEV) ## Compare what the rules flag in public data with its corrected copy; writes docs/quality-evidence.md
	@$(BIN)/python -m lakehouse_assets_tests.evidence $(ARGS)

.PHONY: mutate
mutate: $(DEV) ## Change the modules that must not lose a row, one small thing at a time; the tests must notice
	@$(BIN)/python -m lakehouse_assets_tests.mutation $(ARGS)

.PHONY: check
check: $(DEV) ## Format, lint, types, layers, dead code, configuration, dependencies, secrets, fast tests
	@scripts/check $(or $(CHECKS),all)

.PHONY: fix
fix: $(DEV) ## Format, and mend what the linter can mend
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

.PHONY: bench
bench: $(DEV) ## Measure every figure; compare with what was accepted (ARGS="load_ratio", ARGS=--accept)
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-peers
bench-peers: $(DEV) ## Make the environments of the tools that `make bench` compares with
	@scripts/bench-peers

.PHONY: docs
docs: $(DEMO) ## Write docs/reference from the code
	@$(BIN)/lakehouse docs

.PHONY: lock
lock: $(DEV) ## Resolve again and write requirements/*.txt with hashes (UPGRADE=1 takes newer versions)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --extra dev --group build --output-file requirements/dev.txt
	@for name in demo production job; do \
		$(COMPILE) pyproject.toml --extra $$name --group build --constraint requirements/dev.txt --no-annotate \
			--output-file requirements/$$name.txt; done
	@$(COMPILE) --group installer --constraint requirements/dev.txt --no-annotate --output-file requirements/installer.txt

.PHONY: clean
clean: ## Remove the environment, the demo lake and all caches
	rm -rf .venv .lake build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# --- Set-up: the two environments share .venv; dev holds everything demo needs, in the same versions ---

$(DEMO): requirements/demo.txt pyproject.toml scripts/bootstrap
	@scripts/bootstrap demo
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml scripts/bootstrap
	@scripts/bootstrap dev
	@touch $(DEMO) $@
