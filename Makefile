# The one front door for people who run or change fundpool. `make` alone prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
SUDO_FREE_ROOT := $(shell [ "$$(id -u)" = 0 ] && echo yes)

# One local machine is talked to; nothing reports home.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_UI_V2_ENABLED := false
export GX_ANALYTICS_ENABLED := false
export NO_MKDOCS_2_WARNING := 1

##@ Use
.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Play October 2026 in Taizhou day by day, then serve the dashboard (CITY=suizhou, CITY=jiujiang)
	$(BIN)/fundpool demo $(if $(CITY),--city $(CITY))

.PHONY: setup
setup: $(VENV)/.runtime ## Build .venv from the hashed lock, with .venv/bin/fundpool

.PHONY: iso20022
iso20022: $(VENV)/.iso20022 ## The same, with what a bank without an API needs: ISO 20022 files

.PHONY: dask
dask: $(VENV)/.dask ## The same, with what comparing details on a Dask cluster needs

.PHONY: oidc
oidc: $(VENV)/.oidc ## The same, with what log-in through an identity provider needs (OpenID Connect)

.PHONY: handbook
handbook: $(VENV)/.dev test-tools ## Build the handbook into build/handbook; its screenshots are made by the browser tests
	rm -rf build/pictures build/handbook
	@if command -v chromium google-chrome >/dev/null; then mkdir -p build/pictures; \
	  FUNDPOOL_TEST_PICTURES=$(CURDIR)/build/pictures $(BIN)/python -m pytest -q -p no:cacheprovider $(PICTURED); \
	else echo "no Chromium on this machine: the handbook has no screenshots"; fi
	@# Not --quiet: a warning that is not logged does not count as one.
	$(BIN)/mkdocs build --strict

# The browser tests that make the handbook's screenshots; a strict build misses any.
PICTURED := $(addprefix tests/browser/test_,month_at_desks.py desks.py leader_and_auditor.py operating_desk.py)

.PHONY: bundle
bundle: handbook ## One archive in build/ that installs fundpool on a machine without internet
	rm -rf build/bundle && mkdir -p build/bundle/wheels
	# The target's Python may be an earlier patch release than ours: what only such a release needs comes along.
	sed -E "s/ ; python_full_version < '3\.[0-9]+\.[0-9]+'//" requirements/iso20022.lock > build/bundle/requirements.lock
	$(BIN)/pip download -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r build/bundle/requirements.lock -d build/bundle/wheels
	$(BIN)/pip download -q --disable-pip-version-check --no-deps pip -d build/bundle/wheels
	$(BIN)/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation . -w build/bundle/wheels
	cp -R deployments/install/. docs build/bundle/
	$(BIN)/python -c 'import sys; print("python%d.%d" % sys.version_info[:2])' > build/bundle/PYTHON
	$(BIN)/python -c 'from fundpool.version import VERSION, commit; print(f"{VERSION}-{commit()}" if commit() else VERSION)' > build/bundle/RELEASE
	cd build/bundle && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS
	cd build && mv bundle fundpool-$$(cat bundle/RELEASE) && tar -czf fundpool-$$(cat fundpool-*/RELEASE)-$$(cat fundpool-*/PYTHON)-$$(uname -m).tar.gz fundpool-*/ && rm -r fundpool-*/
	@ls -sh build/fundpool-*.tar.gz

##@ Change
.PHONY: check
check: $(VENV)/.dev ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: test
# Where Python is told to keep no bytecode, each of the hundreds of processes would compile the package anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.dev test-tools ## Run every test, two files at a time; T=tests/unit/test_money.py for some
	$(BIN)/python -m pytest $(or $(T),-n 2 --dist loadfile --no-loadscope-reorder)

.PHONY: bench
bench: $(VENV)/.dev ## Run the benchmarks and print their figures
	$(BIN)/python -m benchmarks

.PHONY: simulate
simulate: $(VENV)/.dev ## Play payment schedules against a faulty bank on fresh seeds; SEEDS=1000000, DATABASE=postgresql, KIND=by-file
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),10000) --coverage $(if $(DATABASE),--database $(DATABASE) --every 1) $(if $(KIND),--kind $(KIND))

.PHONY: simulate-all
simulate-all: $(VENV)/.dev ## Play every bank fault and ordered pair, then show how soon each broken variant is caught
	$(BIN)/python -m tests.simulation --exhaustive
	$(BIN)/python -m tests.simulation --mutants --seeds 20000

.PHONY: crash
crash: $(VENV)/.dev ## SIGKILL a small month at every failpoint (the tests draw 8), and at PAIRS=2000 pairs; DATABASE=postgresql
	$(BIN)/python -m tests.crash --pairs $(or $(PAIRS),200) $(if $(DATABASE),--$(DATABASE))
	$(BIN)/python -m tests.crash --restore --pairs $(or $(PAIRS),200)

.PHONY: retriggers
retriggers: $(VENV)/.dev ## Trigger the steps of a small month again, in ORDERS=5000 fresh orders (the tests draw 3); DATABASE=postgresql
	$(BIN)/python -m tests.crash --orders $(or $(ORDERS),5000) $(if $(DATABASE),--$(DATABASE))

.PHONY: soak
soak: $(VENV)/.dev ## Pay month after month with processes that are killed and stopped; MINUTES=480, DATABASE=postgresql
	$(BIN)/python -m tests.crash.soak --minutes $(or $(MINUTES),480) $(if $(DATABASE),--$(DATABASE))

.PHONY: endure
endure: $(VENV)/.dev ## Kill and stop every process in every state of a run while a month is played; DATABASE=postgresql, ONLY=worker
	$(BIN)/python -m tests.endure $(if $(DATABASE),--$(DATABASE)) $(if $(ONLY),--only "$(ONLY)")

.PHONY: drill
drill: $(VENV)/.dev ## Copy, lose and put back both databases, by dump and by WAL, with a stop-watch
	$(BIN)/python -m tests.drill

.PHONY: races
races: $(VENV)/.dev ## Let workers race to approve, send, reverse, close and spend; RACES=10000, DATABASE=postgresql
	$(BIN)/python -m tests.integration.money_races --races $(or $(RACES),10000) $(if $(DATABASE),--$(DATABASE))

.PHONY: properties
properties: $(VENV)/.dev ## Hold every property against EXAMPLES=5000 made-up cases, the books in 100 steps each
	FUNDPOOL_EXAMPLES=$(or $(EXAMPLES),5000) $(BIN)/python -m pytest tests/properties -q

.PHONY: api
api: $(VENV)/.dev ## Ask the API EXAMPLES=100 right, strange and wrong requests of each operation as each role (the tests ask 4)
	FUNDPOOL_API_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest tests/contract/test_api.py -q -k whatever

.PHONY: traps
traps: $(VENV)/.dev ## Read the whole trap corpus: SEEDS=20 of every generator (the tests read 4)
	FUNDPOOL_TRAP_SEEDS=$(or $(SEEDS),20) $(BIN)/python -m pytest tests/integration/test_trap_corpus.py -q

.PHONY: pages
pages: $(VENV)/.dev ## Draw every page of a city of COUNTIES=320 (the tests take 100)
	FUNDPOOL_TEST_COUNTIES=$(or $(COUNTIES),320) $(BIN)/python -m pytest tests/integration/test_large_city.py -q

.PHONY: fuzz
fuzz: $(VENV)/.fuzz ## Fuzz the readers, guided by coverage; FOR=600 seconds each of five targets
	nice $(BIN)/python -m fuzz --seconds $(or $(FOR),150)

.PHONY: sample
sample: $(VENV)/.dev ## Write the demo cities' workbooks anew (one of them through LibreOffice)
	$(BIN)/python -m deployments.sample.make_sample

.PHONY: docs
docs: $(VENV)/.dev ## Write the generated pages of docs/ anew
	$(BIN)/python -m tests.architecture.pages
	$(BIN)/python -m tests.architecture.checks_page

.PHONY: lock
lock: $(VENV)/.runtime ## Resolve the locks anew from pyproject.toml
	cd requirements && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header installer.in -o installer.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra iso20022 --extra dask --extra oidc --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -c requirements/dev.lock -o requirements/runtime.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra iso20022 -c requirements/dev.lock -o requirements/iso20022.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra dask -c requirements/dev.lock -o requirements/dask.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra oidc -c requirements/dev.lock -o requirements/oidc.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group fuzz -o requirements/fuzz.lock

.PHONY: clean
clean: ## Remove .venv and every cache; data in .fundpool stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ./*.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "fundpool needs Python 3.11-3.13; name one: make PYTHON=python3.11 …"; exit 1; }
	@# Debian keeps venv in a package of its own.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ -n "$(SUDO_FREE_ROOT)" ] \
	  && apt-get update -qq && apt-get install -y -qq python3-venv; } \
	  || { echo "install Debian's python3-venv first: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installer: requirements/installer.lock | $(VENV)/bin/python
	@# uv installs in seconds; without it pip does the same in minutes.
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/installer.lock \
	  || $(BIN)/pip install -q --disable-pip-version-check setuptools
	@touch $@

define install
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r $(1); \
	else $(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(1); fi
endef

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml $(VENV)/.installer
	$(call install,requirements/runtime.lock)
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# A first Prefect server would spend a quarter of a minute on building its database.
	@$(BIN)/python -m fundpool.local_prefect.server prepare
	@touch $@

$(VENV)/.iso20022: requirements/iso20022.lock $(VENV)/.runtime
	$(call install,requirements/iso20022.lock)
	@touch $@

$(VENV)/.dask: requirements/dask.lock $(VENV)/.runtime
	$(call install,requirements/dask.lock)
	@touch $@

$(VENV)/.oidc: requirements/oidc.lock $(VENV)/.runtime
	$(call install,requirements/oidc.lock)
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	$(call install,requirements/dev.lock)
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.lock $(VENV)/.dev
	$(call install,requirements/fuzz.lock)
	@touch $@

# What the browser tests look with (PostgreSQL comes as a wheel of the lock). Only root may install
# Debian packages; elsewhere the tests that need a missing tool fail and name it.
.PHONY: test-tools
test-tools:
	@need=""; \
	command -v chromium >/dev/null || need="$$need chromium"; \
	fc-list 2>/dev/null | grep -qi 'noto.*cjk' || need="$$need fonts-noto-cjk fontconfig"; \
	if [ -n "$$need" ]; then \
	  if [ -n "$(SUDO_FREE_ROOT)" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$need >/dev/null; \
	  else echo "for every test, install:$$need"; fi; fi
