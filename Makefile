# One command each to run, test, check and bench. The first of them sets up what is missing (dev/setup.py);
# all it needs is Python 3.11 or newer.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3.14 || command -v python3 || echo python3)
VENV := .venv/bin
ARGS ?=
COUCH_URLS ?=
SEEDS ?= 1000
MINUTES ?= 2
FAULT_SEED ?=
LAB := $(PYTHON) dev/kubernetes/bin/lab
# In namespaces of its own: no mount, network, rule of a firewall or process of podman's outlives the command.
# arp_notify: docs/images.md says what a bridge of Debian 12's podman does without it.
APART := unshare --net --mount --pid --fork --kill-child --mount-proc -- sh -c 'ip link set lo up && echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify && mount -t tmpfs none /run && "$$@"' apart
COMPILE := $(VENV)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help setup run test check format contract simulate faults bench lock clean
.PHONY: image own-images test-image test-compose test-chart test-alerts
.PHONY: lab-up lab-exec lab-down test-lab test-kubernetes bench-kubernetes

help: ## what one can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## what the other targets do first: .venv and the npm packages, from the locks
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'kanto needs Python 3.11 or newer as "$(PYTHON)": install one, or name it, as in: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.11' >&2; exit 2; }
	@$(PYTHON) dev/setup.py

run: setup ## the whole service on this machine: Redis, the api, two workers (Ctrl-C ends it; data stays in .kanto/)
	@$(VENV)/python -m kanto run

test: setup ## every test (ARGS="-k name" for some)
	@$(VENV)/python -m pytest $(ARGS)

check: setup ## style, formatting, types, and who may import whom
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports

format: setup ## mend what ruff can mend by itself
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

contract: setup ## the CouchDB contract suite against servers that run: make contract COUCH_URLS=http://admin:pw@127.0.0.1:5984,...
	@test -n "$(COUCH_URLS)" || { echo 'Name the servers: make contract COUCH_URLS=http://admin:pw@127.0.0.1:5984,...' >&2; exit 2; }
	@COUCH_URLS="$(COUCH_URLS)" $(VENV)/python -m pytest tests/contract/couch $(ARGS)

simulate: setup ## histories of the whole engine in memory: make simulate SEEDS=5000, or a-b, or n=SEED for one again
	@$(VENV)/python -m tests.simulation $(SEEDS)

faults: setup ## faults on real processes while clients write: make faults MINUTES=10 (FAULT_SEED=n plays one again)
	@$(VENV)/python -m tests.faults $(MINUTES) $(FAULT_SEED)

test-alerts: ## the alerts' rules, their tests and the dashboard's queries, by promtool, which is built once from Go modules (dev/tools)
	@promtool=$$($(PYTHON) -m dev.tools promtool) && $(PYTHON) -m dev.tools.queries | "$$promtool" check rules && cd helm/kanto/files && "$$promtool" check rules alerts.yaml && "$$promtool" test rules alerts.test.yaml

lab-up: setup ## a whole Kubernetes on this machine, for tests (dev/kubernetes): as root, built once
	@$(LAB) up

lab-exec: export CMD := $(CMD)
lab-exec: ## run something in the lab's network, as its administrator: make lab-exec CMD='kubectl get pods -A'
	@test -n "$$CMD" || { echo "Say what to run: make lab-exec CMD='kubectl get pods -A'" >&2; exit 2; }
	@$(LAB) exec -- sh -c "$$CMD"

lab-down: ## end the lab and remove all of it; safe to repeat, and after any crash
	@$(LAB) down

test-lab: setup ## the tests of the lab itself: up, down, and what is left after crashes
	@$(LAB) build >/dev/null
	@KANTO_TEST_LAB=1 $(VENV)/python -m pytest tests/lab $(ARGS)

test-chart: setup ## the Helm chart on a real Kubernetes, with the shipped images: builds what it needs, and takes the lab down
	@$(VENV)/python -m tests.chart $(ARGS)

test-kubernetes: setup ## the tests on a real Kubernetes: builds the lab if need be, brings it up, and takes it down
	@$(LAB) run -- $(VENV)/python -m tests.kubernetes $(ARGS)

image: ## kanto's images, with docker, podman or buildah (ARGS="--base IMAGE --tag TAG"; docs/images.md)
	@$(PYTHON) -m dev.image $(ARGS)

test-image: own-images ## the images, run with podman on a folder of the tests' own, as root (docs/images.md)
	@KANTO_TEST_IMAGES=1 $(APART) $(VENV)/python -m pytest tests/image $(ARGS)

test-compose: own-images ## docker-compose.yml, brought up with podman-compose, as root; test-image test-compose build once
	@KANTO_TEST_IMAGES=1 $(APART) $(VENV)/python -m pytest tests/compose $(ARGS)

own-images: setup
	@$(VENV)/python -m dev.image --own --tag test

bench: setup ## the benchmarks
	@$(VENV)/python -m tests.bench $(ARGS)

bench-kubernetes: setup ## create on Kubernetes against kubectl, and the calls that kanto makes there; in a lab of its own, as root
	@$(LAB) run -- $(VENV)/python -m tests.kubernetes.bench

lock: setup ## make the locks again from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) -o requirements.txt pyproject.toml
	@$(COMPILE) $(ARGS) -o requirements-dev.txt -c requirements.txt --extra run --group dev pyproject.toml
	@$(COMPILE) $(ARGS) -o dev/image/requirements.txt -c requirements-dev.txt --group pyproject.toml:image

clean: ## remove what the set-up and the tools made; the data in .kanto/ stays
	@rm -rf .venv dev/couchdb/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
