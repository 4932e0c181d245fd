# make install: the environment, in .venv/; make demo: the whole workflow on the embedded default;
# make test: every check and test; make test-quick: lint, types and unit tests. Each does its own set-up;
# nothing is written outside the checkout.
PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake
PARALLEL := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO := --profile profiles/local --configfile config/demo.yaml

# pip, matplotlib, the hub libraries and Snakemake all keep their caches below this.
export XDG_CACHE_HOME := $(CURDIR)/.venv/cache
# The shell is not asked which Python: what runs is the environment's. It keeps its bytecode.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: install demo report status test test-here test-quick check test-packages slurm-check format docs lock clean

install: .venv/installed

.venv/installed: envs/requirements.lock envs/embedded.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 is needed; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --no-compile --quiet --disable-pip-version-check --requirement envs/requirements.lock
	$(BIN)/pip install --no-compile --quiet --disable-pip-version-check --no-deps --requirement envs/embedded.txt
	@touch $@

demo: report

report: install
	$(SNAKEMAKE) report $(DEMO)

# The checks run beside the tests, so that no core idles. The cluster tests have the machine to
# themselves, since Slurm's time limits wait for nobody. They mostly wait, so more of them run at once
# than there are cores.
test:
	$(MAKE) --jobs=2 install test-packages
	$(MAKE) --jobs=2 check test-here
	$(BIN)/pytest --numprocesses 8 --maxschedchunk 1 tests/cluster

# The tests that need no cluster. The files that take minutes come first, so that the short ones keep
# all processes busy at the end.
test-here: install
	$(BIN)/pytest $(PARALLEL) tests/workflow tests/unit

# What a change is tried with before anything else.
test-quick: install check
	$(BIN)/pytest $(PARALLEL) tests/unit

# What the tests' own Slurm and their browser need, where it may be installed; else those tests say
# why they are skipped. RUNLEVEL=1: Debian's packages must not start their services.
test-packages:
	@if ! { command -v slurmctld mariadbd slurmdbd munged && command -v chromium; } > /dev/null && \
	  [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
	    --no-install-recommends slurm-wlm munge slurmdbd mariadb-server chromium > /dev/null \
	    || true; fi

# Tells where the grid of the last start stands; with other options: python scripts/status.py --help
status: install
	@$(BIN)/python scripts/status.py

# Asks the cluster what it offers, and whether profiles/slurm fits it.
slurm-check: install
	@$(BIN)/python scripts/check_slurm.py

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python tests/checks/house_rules.py
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(SNAKEMAKE) --lint

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile rules

docs: install
	$(BIN)/python scripts/document_config.py

# Resolves envs/requirements.in anew; run it to move to newer versions, then the tests.
lock:
	rm -rf .venv/lock && $(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --no-compile --quiet --requirement envs/requirements.in
	{ head -n 2 envs/requirements.lock; .venv/lock/bin/pip freeze | sed 's/+[a-z0-9]*$$//'; } > .venv/lock/new
	mv .venv/lock/new envs/requirements.lock
	{ sed '/pip:/q' envs/tunegrid.yaml; sed '/^#/d; s/^/      - /' envs/requirements.lock; } > .venv/lock/new
	mv .venv/lock/new envs/tunegrid.yaml

clean:
	rm -rf results/* resources .snakemake && git checkout --quiet results/README.md
