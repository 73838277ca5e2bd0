# Every target sets up what it needs; a second call finds it ready and needs no network.
PYTHON := .venv/bin/python
ARGS ?=
PACKAGES = $(shell $(PYTHON) -c 'from core.packages import PACKAGES; print(*PACKAGES)')

# Hundreds of processes of the tests and of a search import the same modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup data run serve test lint tensorboard bench bench-faults bench-leaks bench-interruptions bench-serving bench-stacks fuzz-serving doctor image image-test test-modern test-light test-aiplatform2 licences sbom audit workflows lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

setup: ## make the environment in .venv; SLUICE_STACK=classic or modern names its stack
	@sh scripts/setup_environment.sh

data: setup ## fetch the images of Fashion-MNIST, for the workload of that name and tests and benchmarks
	@sh scripts/fetch_fashion_mnist.sh

run: setup ## run the taxi workload end to end (ARGS="--set train.epochs=2" passes options on)
	@$(PYTHON) runners/local_runner.py --workload taxi $(ARGS)

serve: setup ## answer requests on port 8080 with what `make run` pushed (ARGS="--port 8081" passes options on)
	@$(PYTHON) -m serving $(ARGS)

test: setup lint ## run every test; those that need images, Envoy or CycloneDX are skipped where these cannot be fetched
	@sh scripts/fetch_fashion_mnist.sh || true
	@sh scripts/install_envoy.sh || true
	@sh scripts/supply/tool.sh sbom || true
	@$(PYTHON) -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(ARGS)

tensorboard: setup ## show the newest trainings under out/ in TensorBoard (ARGS="--port 6007" passes options on)
	@$(PYTHON) -m runners.show_trainings $(ARGS)

lint: setup ## ruff, mypy, the import rules and the other rules of the house
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy $(PACKAGES:%=--package=%)
	@$(PYTHON) scripts/import_rules.py
	@$(PYTHON) -m pytest --quiet tests/house/rules

bench: setup ## time runs, ingest, training and search against the usual ways (ARGS="--pairs 1"); writes benchmarks/*.md
	@sh scripts/fetch_fashion_mnist.sh
	@$(PYTHON) -m benchmarks.compare_with_template $(ARGS)
	@$(PYTHON) -m benchmarks.image_ingest $(ARGS)
	@$(PYTHON) -m benchmarks.training_throughput $(ARGS)
	@$(PYTHON) -m benchmarks.parallel_search $(ARGS)

bench-faults: setup ## plant faults in clean data and see which tool catches them; writes benchmarks/faults.md
	@sh scripts/fetch_fashion_mnist.sh || true
	@$(PYTHON) -m benchmarks.faults $(ARGS)

bench-leaks: setup ## judge real tables whose leaks are known, and honest ones; writes benchmarks/natures_leaks.md
	@$(PYTHON) -m benchmarks.natures_leaks $(ARGS)

bench-interruptions: setup ## kill, damage and starve small runs and run them again; writes benchmarks/interruptions.md
	@$(PYTHON) -m benchmarks.interruptions $(ARGS)

bench-serving: setup ## put load on the endpoint beside a plain wrapper, and change it meanwhile; writes benchmarks/serving.md
	@$(PYTHON) -m benchmarks.serving $(ARGS)

bench-stacks: setup ## time taxi on both stacks in turn, as root, and compare verdicts, splits and metrics; writes benchmarks/stacks.md
	@$(PYTHON) -m benchmarks.stacks $(ARGS)

fuzz-serving: setup ## send 20,000 requests that nobody means well to the endpoint (ARGS="--requests 1000")
	@$(PYTHON) -m benchmarks.serving.fuzz $(ARGS)

doctor: ## say whether this machine can run Sluice and, if not, what to type next
	@python3 runners/doctor.py

image: setup ## build a container image with docker, podman or buildah (ARGS="--target serving --cpu --local-bases --tag NAME")
	@sh deploy/build_image.sh $(ARGS)

image-test: ## try the image: a check, a rehearsal, a run of taxi; or a served model (ARGS="--target serving --tag NAME")
	@sh deploy/test_image.sh $(ARGS)

test-modern: ## lint and test on the modern stack: as root in a Debian 13 folder where this machine is too old
	@ARGS='$(subst ','\'',$(ARGS))' sh scripts/test_modern_stack.sh

test-light: setup ## install the gates alone, check two files and run their tests (ARGS="3.11 3.13": which Pythons)
	@sh scripts/test_light_installation.sh $(ARGS)

test-aiplatform2: setup ## types and tests of cloud/ against google-cloud-aiplatform 2.x, in an environment of its own
	@sh scripts/test_aiplatform2.sh

licences: setup ## write the pages on packages, refuse a licence that a product cannot use (ARGS="--environment FOLDER")
	@$(PYTHON) -m scripts.supply.licences $(ARGS)

sbom: ## write a bill of materials of each stack, CycloneDX as JSON, to out/sbom (ARGS="--folder FOLDER")
	@sh scripts/supply/tool.sh sbom
	@PYTHONPATH=. .tools/sbom/bin/python -m scripts.supply.sbom $(ARGS)

audit: ## look the locks of both stacks and of the images up in PyPI's advisories (needs the network; ARGS="--ignore-vuln ID")
	@sh scripts/supply/tool.sh audit
	@PYTHONPATH=. .tools/audit/bin/python -m scripts.supply.audit $(ARGS)

workflows: ## check .github/workflows by actionlint (needs Go)
	@command -v go >/dev/null || { printf 'sluice: actionlint needs Go, which is not here\n        Install it:  sudo apt-get install golang-go\n' >&2; exit 3; }
	@go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

lock: setup ## resolve setup.py anew into the locks of both stacks
	@sh scripts/lock_dependencies.sh

clean: ## remove the environment and the caches; out/ stays
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
