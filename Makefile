# make help lists all targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

COUNT ?= 20
FREE ?= 3.13t

.PHONY: help demo test test-all test-rest browser cluster soak free-threaded lint bench measure vendor pictures clean
.DEFAULT_GOAL := help

help: ## Show this.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/installed ## The tour without a pause, about a minute.
	$(BIN)/procdemo tour --auto

test: $(VENV)/installed-test ## Each promise once, under the default start method: four minutes.
	$(BIN)/python scripts/run_tests.py -q

test-all: $(VENV)/installed-test ## Each variant, under every start method: fifteen minutes.
	$(BIN)/python scripts/run_tests.py -q --all

test-rest: $(VENV)/installed-test ## What test-all has, and test has not: after it.
	$(BIN)/python scripts/run_tests.py -q --rest $(ARGS)

browser: $(VENV)/installed-browser ## Test the pictures in a real browser (Debian: apt-get install chromium).
	BROWSER_REQUIRED=1 $(BIN)/python -m pytest --all tests/browser

cluster: $(VENV)/installed-cluster ## Test --cluster, also on three hosts (Debian: apt-get install iproute2).
	CLUSTER_REQUIRED=1 $(BIN)/python -m pytest --all -k cluster tests/cluster tests/cli/test_cli.py

soak: $(VENV)/installed-soak ## Every case of the fault programme 20 times (COUNT=20), then docs/faults.md; programs that work under watch: hours.
	$(BIN)/python scripts/run_tests.py --processes 1 --neighbour -q --all -p soak --count $(COUNT) --tally=soak.json
	$(BIN)/python scripts/faults.py soak.json > docs/faults.md
	$(BIN)/python scripts/soak_watch.py --lessons
	$(MAKE) free-threaded

free-threaded: ## The whole lab, three times, on a Python without a GIL (FREE=3.13t), which is built first if there is none.
	python=$$(scripts/get_python.sh $(FREE) $(VENV)-python$(FREE)) && $$python -m venv $(VENV)-$(FREE)
	$(VENV)-$(FREE)/bin/pip install --quiet -e .
	log=$(VENV)-$(FREE)/lab.jsonl; for run in 1 2 3; do \
		$(VENV)-$(FREE)/bin/procdemo lab --all --start-method all --json > $$log || { grep '"surprise"' $$log; exit 1; }; \
		tail -n 1 $$log; done
	$(VENV)-$(FREE)/bin/python scripts/matrix.py docs/lab.md $(VENV)-$(FREE)/lab.jsonl

lint: $(VENV)/installed-lint ## Style, types, and which package may import which.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed ## Measure procdemo beside programs written by hand.
	$(BIN)/pip install --quiet -e '.[cluster,bench,xray]' urllib3
	for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

measure: $(VENV)/installed ## Measure docs/performance-tables.md anew: six minutes; the machine must be idle.
	$(BIN)/pip install --quiet -e '.[bench]' matplotlib
	$(BIN)/python scripts/performance.py

vendor: ## Download ECharts at its pinned version and checksum (needs the internet).
	$(PYTHON) scripts/vendor.py

pictures: $(VENV)/installed ## Draw the pictures of the documents anew, from real runs.
	$(BIN)/python scripts/pictures.py

clean: ## Remove the virtual environment and the caches.
	rm -rf $(VENV) $(VENV)-*3.* soak.json .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The pip that Debian 12 brings does not know dependency groups.
$(VENV)/pip: ; $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/pip
	$(BIN)/pip install --quiet -e .
	touch $@

$(VENV)/installed-cluster: pyproject.toml | $(VENV)/pip
	$(BIN)/pip install --quiet -e '.[cluster]' --group test
	touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/pip
	$(BIN)/pip install --quiet -e . --group $*
	touch $@
