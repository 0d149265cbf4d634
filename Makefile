# Heirloom: `make run` starts it, `make test` tests it. Python 3.11 to 3.13 is all that is needed.
.DEFAULT_GOAL := help
.PHONY: packages dev-packages help run dev test check fmt lock demo bench advisories sbom attack clean doctor
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet --no-deps --use-pep517 --require-hashes
TESTS ?= tests
PROCESSES ?= 3
export PIP_ROOT_USER_ACTION := ignore

# A deployment as check --deploy should see it: nothing here is secret, and no database is asked.
CHECK_ENV := HEIRLOOM_ENV_FILE=/dev/null HEIRLOOM_VAR=$(VENV)/check HTTPS=true ALLOWED_HOSTS=heirloom.example \
	SECRET_KEY=only-for-the-checks-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH \
	DATABASE_URL=postgresql://nobody@127.0.0.1:1/heirloom DATABASE_POOL=0 \
	ENCRYPTION_KEYS=check:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: packages ## install what is needed and start Heirloom on http://127.0.0.1:8000 (PORT=...)
	@$(PY) -m heirloom.embedded

dev: dev-packages ## the same, with DEBUG, all logs on the console, and a restart when code changes
	@DEBUG=true $(PY) -m heirloom.embedded --dev

# Many tests wait for something, so there is one process more than a small machine has cores.
test: dev-packages ## run all tests (TESTS=tests/media for some; HEIRLOOM_TEST_ASSETS=folder for the shared faces)
	@$(PY) -m pytest --numprocesses $(PROCESSES) --dist loadfile $(TESTS)

check: dev-packages ## lint, types, known holes, layers, migrations, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PY) -m bandit --quiet --recursive --configfile pyproject.toml heirloom enrollment verification clients deploy manage.py
	@$(PY) deploy/advisories.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(CHECK_ENV) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(PY) manage.py check --deploy --fail-level WARNING

fmt: dev-packages ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

doctor: packages ## say what works and what does not, with a remedy for each fault
	@$(PY) manage.py doctor

demo: dev-packages ## enroll, verify, attack and review two portraits over HTTP (on a running system, or its own)
	@$(PY) -m bench.demo

bench: dev-packages ## measure, and write docs/benchmarks.md
	@$(PY) -m bench.run

advisories: dev-packages ## look up known holes of everything that is installed (ADVISORIES=required: unreachable is a fault)
	@$(PY) deploy/advisories.py

sbom: dev-packages ## write the bill of materials, packages and weights, to var/sbom.json (CycloneDX)
	@$(PY) deploy/sbom.py var/sbom.json

attack: dev-packages ## carry out the attacks of docs/threat-model.md on an instance of its own, a line each
	@$(PY) -m bench.intrusion.run

lock: packages ## compile pyproject.toml into the three lock files
	$(PY) -m pip --disable-pip-version-check install --quiet uv
	$(PY) -m uv pip compile $(LOCK) -o requirements.txt
	$(PY) -m uv pip compile $(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt
	$(PY) -m uv pip compile $(LOCK) --extra gpu -c requirements.txt -o requirements-gpu.txt
LOCK := --universal --python-version 3.11 --generate-hashes --quiet pyproject.toml

clean: ## remove the virtual environment and caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --no-deps: pip would miss `onnxruntime`, whose place onnxruntime-gpu takes under the same import name.
# What was installed is kept beside the packages, so a second start installs nothing.
packages: $(PY)
	@cmp -s requirements.txt $(VENV)/installed.txt || cmp -s requirements-dev.txt $(VENV)/installed.txt || { \
	  echo "Installing the packages (1.7 GB on disk, once; some minutes) ..."; \
	  $(PIP) -r requirements.txt && cp requirements.txt $(VENV)/installed.txt; }

dev-packages: $(PY)
	@cmp -s requirements-dev.txt $(VENV)/installed.txt || { \
	  echo "Installing the packages and what the tests need (1.9 GB on disk, once; some minutes) ..."; \
	  $(PIP) -r requirements-dev.txt && cp requirements-dev.txt $(VENV)/installed.txt; }

$(PY):
	@found=; for python in $(PYTHON) python3.12 python3.13 python3.11 python3 python; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "Heirloom needs Python 3.11, 3.12 or 3.13 with its venv module, and found none."; \
	  echo "Install one (https://www.python.org/downloads/; on Debian or Ubuntu also: apt install python3-venv),"; \
	  echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; fi; \
	echo "Making $(VENV) with $$($$found --version) ..."; \
	rm -rf $(VENV) && $$found -m venv $(VENV)
