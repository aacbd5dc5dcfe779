# Everything a person does with a checkout of newswire; `make` alone lists it.
# Paths are relative throughout, so that the checkout may live in a folder with spaces.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Where it is set, each process would compile the 700 modules that it imports: 1.5 s.
unexport PYTHONDONTWRITEBYTECODE

# Override on the command line: make demo PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# make up FEEDS=newsroom STORE=postgres; FEEDS is live (dags/feeds.toml), newsroom, or a catalogue's path
FEEDS ?= live
STORE ?= sqlite
# make up ARGS="--airflow-port 8090"; make down ARGS=--wipe
ARGS ?=
# make test PYTEST_ARGS="tests/dags -x"
PYTEST_ARGS ?=

RUN := .venv/bin/python
EVAL := .venv-eval/bin/python

.PHONY: help demo test quick docs up down status lint env torture scale audit fuzz eval-extract eval-dedup bench profile bench-dedup bench-airflow lock clean \
	venv-run venv-test venv-eval venv-image tools

help: ## list the targets
	@echo "newswire: feeds in, clean deduplicated articles on Kafka topics out"
	echo
	sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

demo: venv-run ## the whole job on this machine in under a minute, against a sample newsroom; needs nothing but Python
	@$(RUN) -m tests.demo

test: tools venv-test ## everything: lint, types, tests on real Kafka and PostgreSQL, DAGs, the wheel
	@$(call step,ruff)
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --check --quiet .
	$(call step,deptry)
	$(deptry)
	$(call step,mypy)
	.venv/bin/mypy
	$(call step,wheel)
	$(wheel)
	$(call step,pytest$(COMMA) against the installed wheel)
	rm -rf var/coverage && mkdir -p var/coverage
	$(against_wheel) $(RUN) $(coverage) -m pytest --import-mode=append -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)
	$(if $(coverage),$(call step,branch coverage)
	$(RUN) -m tests.coverage_report)

lint: venv-test ## ruff, deptry and mypy alone
	@.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(deptry)
	.venv/bin/mypy

quick: lint ## lint, types and the tests that need no server
	@$(RUN) -m pytest -m "not servers and not airflow" -n 2 --dist loadfile $(PYTEST_ARGS)

up: venv-run ## Kafka, store and Airflow on this machine, on loopback; FEEDS=newsroom for sample outlets, STORE=postgres
	@$(RUN) -m tests.stack up --feeds "$(FEEDS)" --store "$(STORE)" $(ARGS)

down: venv-run ## stop all of it, keep what it holds
	@$(RUN) -m tests.stack down $(ARGS)

status: venv-run ## what of it is running
	@$(RUN) -m tests.stack status

env: ## make .env with fresh secrets for docker compose; an existing one is left alone
	@if [ -e .env ]; then echo ".env is there already; delete it for new secrets"; exit 0; fi
	$(secrets)
	( umask 077
	  { echo "# Secrets of this deployment, made by 'make env'. Not for git, not for others' eyes."
	    echo "POSTGRES_PASSWORD=$$(hex 24)"
	    echo "AIRFLOW_DB_PASSWORD=$$(hex 24)"
	    echo "NEWSWIRE_DB_PASSWORD=$$(hex 24)"
	    echo "REDIS_PASSWORD=$$(hex 24)"
	    echo "AIRFLOW_FERNET_KEY=$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
	    echo "AIRFLOW_JWT_SECRET=$$(hex 48)"
	    echo "AIRFLOW_API_SECRET_KEY=$$(hex 32)"
	    echo "AIRFLOW_ADMIN_PASSWORD=$$(hex 12)"
	    echo "KAFKA_CLUSTER_ID=$$(head -c 16 /dev/urandom | base64 | tr '+/' 'Az' | tr -d =)"
	    echo "NEWSWIRE_CONTACT="
	  } > .env )
	echo "made .env (readable by you alone); the login is admin with AIRFLOW_ADMIN_PASSWORD"

torture: tools venv-test ## kill processes, broker and database again and again; every message must be there once
	@$(RUN) -m tests.torture

scale: tools venv-test venv-image ## docker-compose.yml's topology without containers: two Celery workers, one killed
	@command -v redis-server >/dev/null || { echo "make scale needs: apt-get install redis-server" >&2; exit 1; }
	$(RUN) -m tests.scale $(ARGS)

audit: venv-image ## known vulnerabilities and licences of all that is shipped; says what it could not check
	@.venv-image/bin/python -m tests.audit $(ARGS)

docs: venv-test ## write the generated reference pages, docs/reference/
	@$(RUN) -m tests.reference

fuzz: venv-test ## a million odd feeds, URLs and headers
	@$(RUN) -m tests.fuzz

eval-extract: venv-eval ## our extractor beside its peers, on the corpora; ABLATE=1: what each rule earns
	@$(EVAL) -m tests.evaluation.$(if $(ABLATE),ablation,extract)

eval-dedup: venv-eval ## our duplicates beside other methods, on the corpora
	@$(EVAL) -m tests.evaluation.dedup

bench: tools venv-test ## polls, articles and deliveries per second, and what 1,000 articles cost, on this machine
	@for part in tests/benchmarks/[a-z]*.py; do
	  part="$$(basename "$$part" .py)"
	  [[ "$$part" =~ ^(dedup|airflow|profile)$$ ]] || { $(call step,$$part); $(RUN) -m "tests.benchmarks.$$part"; }
	done

profile: tools venv-test ## where the time of an article goes: stage, milliseconds, process; ARGS="--feeds 5"
	@$(RUN) -m tests.benchmarks.profile $(ARGS)

bench-dedup: tools venv-test ## decisions per second, at 10,000 to 1,000,000 articles
	@$(RUN) -m tests.benchmarks.dedup

bench-airflow: tools venv-test ## CPU of a run with nothing new, memory of the stack, seconds from schedule to message
	@$(RUN) -m tests.benchmarks.airflow $(ARGS)

lock: venv-test ## resolve the dependencies anew and write locks/
	@lock() { $(call step,locks/$$1.txt); .venv/bin/uv pip compile --quiet --universal --generate-hashes \
		--no-emit-index-url --no-header --python-version 3.11 --output-file "locks/$$1.txt" "$${@:2}"; }
	lock run pyproject.toml --extra airflow --extra parquet --extra metrics --extra registry
	lock test pyproject.toml --extra airflow --extra parquet --extra metrics --extra registry --group test -c locks/run.txt
	lock eval pyproject.toml --group eval --group test
	lock image pyproject.toml --extra airflow --extra parquet --extra metrics --extra registry locks/image.in

clean: ## stop what runs, delete environments and everything made here (asks nothing: var/ goes too)
	@if [ -x $(RUN) ] && [ -e var/stack.json ]; then $(RUN) -m tests.stack down; fi
	rm -rf .venv .venv-eval .venv-image var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# ---------------------------------------------------------------- what the targets stand on

step = printf '· %s\n' "$(1)"

COMMA := ,

# The wheel, installed by itself: what is tested is what is shipped, not the checkout. PYTHONSAFEPATH keeps the checkout's
# packages from coming first because a program was started in it.
WHEEL := var/wheel
against_wheel = PYTHONSAFEPATH=1 PYTHONPATH="$(CURDIR)/$(WHEEL)/site:$(CURDIR)" TESTED_WHEEL="$(CURDIR)/$(WHEEL)/site"

# Coverage is measured by a whole run alone: a part of the tests says nothing of the total.
coverage = $(if $(PYTEST_ARGS),,-m coverage run)

define wheel
rm -rf $(WHEEL) build
$(RUN) -m build --wheel --no-isolation --outdir $(WHEEL) . > var/wheel.log 2>&1 || { tail -n 15 var/wheel.log >&2; exit 1; }
rm -rf build
$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --target $(WHEEL)/site $(WHEEL)/*.whl
endef

# Every import of the product is declared in pyproject.toml, and every dependency is used.
define deptry
.venv/bin/deptry pipeline connectors dags schemas --no-ansi > var/deptry.log 2>&1 || { cat var/deptry.log >&2; exit 1; }
endef

define secrets
hex() { head -c "$$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
endef

# One sentence that names every Debian package that is missing.
tools:
	@missing=""
	command -v java >/dev/null || missing="$$missing default-jre-headless"
	command -v mvn >/dev/null || missing="$$missing maven"
	command -v pg_ctl >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/pg_ctl" >/dev/null || missing="$$missing postgresql"
	command -v kcat >/dev/null || missing="$$missing kcat"
	if [ -n "$$missing" ]; then
	  echo "make $(firstword $(MAKECMDGOALS)) starts a real Kafka and a real PostgreSQL and needs: apt-get install$$missing" >&2
	  exit 1
	fi

venv-run:
	@$(call environment,.venv,run,run test)

venv-test:
	@$(call environment,.venv,test,test)

venv-eval:
	@$(call environment,.venv-eval,eval,eval)

# What the container image has: Celery and the login with roles.
venv-image:
	@$(call environment,.venv-image,image,image)

# environment(folder, lock, locks that serve as well): make the virtual environment unless one of these locks, as it is
# now, is installed in it already. The stamp holds the checksum of what was installed.
define environment
stamp() { echo "$$1 $$(cat "locks/$$1.txt" pyproject.toml | cksum)"; }
for lock in $(3); do
  if [ "$$(cat $(1)/installed 2>/dev/null)" = "$$(stamp $$lock)" ]; then exit 0; fi
done
fits() { "$$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }
python=""
for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11); do
  if fits "$$candidate"; then python="$$candidate"; break; fi
done
if [ -z "$$python" ]; then
  asked=$(if $(PYTHON),"$(PYTHON)",python3)
  found="$$({ "$$asked" --version 2>&1 || true; } | head -n 1)"
  echo "newswire needs Python 3.11, 3.12 or 3.13, but $$asked is $${found:-not there}: install one and say make PYTHON=/path/to/python3.12 $(firstword $(MAKECMDGOALS))" >&2
  exit 1
fi
mkdir -p var
quietly() { "$$@" > var/install.log 2>&1 || { tail -n 15 var/install.log >&2; echo "failed: $$* (all of it in var/install.log)" >&2; exit 1; }; }
if ! [ -x $(1)/bin/python ] || ! fits $(1)/bin/python; then
  $(call step,$(1) with $$("$$python" --version))
  rm -rf $(1)
  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "this Python cannot make virtual environments: apt-get install python3-venv" >&2
    exit 1
  fi
  quietly "$$python" -m venv $(1)
fi
rm -f $(1)/installed
$(call step,installing locks/$(2).txt)
if $(1)/bin/python -m uv --version >/dev/null 2>&1 || $(1)/bin/python -m pip install --quiet uv > var/install.log 2>&1; then
  quietly $(1)/bin/python -m uv pip sync --python $(1)/bin/python locks/$(2).txt
  quietly $(1)/bin/python -m uv pip install --python $(1)/bin/python uv
  quietly $(1)/bin/python -m uv pip install --python $(1)/bin/python --no-deps --editable .
else
  quietly $(1)/bin/python -m pip install --requirement locks/$(2).txt
  quietly $(1)/bin/python -m pip install --no-deps --editable .
fi
stamp $(2) > $(1)/installed
endef
