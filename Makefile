# Targets for people; each is one command of the product or of a tool.
PYTHON ?= python3
MLOPS_HOME ?= $(CURDIR)/.mlops
CONSOLE_PORT ?= 8501
SANDBOX_PORT ?= 9443
BROWSER_PORT ?= 9480
DEV := .venv/dev/bin
export MLOPS_HOME

.DEFAULT_GOAL := help
.PHONY: help run tour test unit test-recovery check bench reset environments format

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-25s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start everything: sandbox, worker, console and the first world
	@$(PYTHON) -m sandbox.demo.launch --console-port $(CONSOLE_PORT) --sandbox-port $(SANDBOX_PORT) --browser-port $(BROWSER_PORT)

tour: ## The whole loop without a browser, in a world of its own; one JSON object at the end
	@$(PYTHON) -m sandbox.demo.tour

environments: ## Install every environment, those for tests included
	@$(PYTHON) -m sandbox.demo.install console sandbox runtime dev

test: environments ## Unit, wire, console, recovery sample and browser tests
	@$(PYTHON) -m sandbox.demo.install --browser --database
	$(DEV)/python -m tests.deal

unit: environments ## The unit tests alone
	@$(PYTHON) -m sandbox.demo.install --database
	$(DEV)/python -m pytest tests/unit

test-recovery: environments ## What takes long: crash matrix on both databases, seeded defects, outages, every page in every width
	@$(PYTHON) -m sandbox.demo.install --browser --database
	$(DEV)/python -m tests.deal recovery

check: environments ## Lint, format, types, import rules, generated files
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/mypy
	$(DEV)/lint-imports
	.venv/sandbox/bin/python -m sandbox coverage --check

format: ## Rewrite the code in the house's format
	$(DEV)/ruff check --fix .
	$(DEV)/ruff format .

bench: environments ## Every speed promise, as a ratio against a peer in the same run
	$(DEV)/python -m benchmarks

reset: ## Delete the local world (the environments stay)
	@$(PYTHON) -m sandbox.demo.reset
