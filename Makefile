PRESET ?= laptop
DATASET ?= desi
PYTHON ?= python3
# Without what a shell or a module system may set for another Python.
RUN = env -u PYTHONPATH -u PYTHONHOME -u PYTHONSTARTUP PYTHONUTF8=1 .venv/bin/python

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile
	@echo "PRESET is one of:" $$(ls presets | sed 's/\.yaml//')

book: .venv/ready ## Execute the chapters and build the site: make book PRESET=smoke
	@$(RUN) -m bookmaking book "$(PRESET)" $(if $(SAMPLE),--sample "$(SAMPLE)")

verify: .venv/ready ## Execute a preset anew and compare every number with the committed reference
	@$(RUN) -m bookmaking verify "$(PRESET)"

why: .venv/ready ## Say what of a run would be made again, and why
	@$(RUN) -m bookmaking why "$(PRESET)"

reference: .venv/ready ## Make the present run of a preset the reference: book/reference/
	@$(RUN) -m bookmaking reference "$(PRESET)"

links: book ## Ask the network whether the addresses that the book cites answer
	.venv/bin/jupyter-book build --builder linkcheck "_build/$(PRESET)/source"

data: .venv/ready ## Download real galaxies, or published weights too, into data/: make data DATASET=sample
	@$(RUN) -m bookmaking data "$(DATASET)"

test: .venv/ready ## Check style, run every unit test, every notebook and the site at PRESET=smoke
	$(RUN) -m ruff check
	$(RUN) -m ruff check --preview --select PLW1514 # text files have an encoding, whatever the locale is
	$(RUN) -m ruff format --check src tests benchmarks
	.venv/bin/lint-imports
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: .venv/ready ## Measure what is fast beside what one would otherwise run: runs/bench.json
	$(RUN) benchmarks

clean: ## Remove all that was made (runs/ and _build/), keep the environment
	rm -rf runs _build

lock: ## Pin the newest versions that pyproject.toml allows: requirements.lock
	rm -rf .lock
	$(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet '.[test]'
	echo '# Every package of the book, pinned. Made by `make lock` from pyproject.toml.' > requirements.lock
	.lock/bin/pip freeze --exclude astroclip-book | sed 's/+.*//' >> requirements.lock
	rm -rf .lock

# An environment has the path of its repository in it: in a copy, or after a move, it would run the code of the other place.
ELSEWHERE := $(shell [ -s .venv/ready ] && ! [ . -ef "$$(cat .venv/ready)" ] && echo yes)
ifdef ELSEWHERE
.PHONY: .venv/ready
endif

.venv/ready: requirements.lock
	@$(if $(ELSEWHERE),echo "This repository was copied or moved: its environment is made anew.")
	@sh install.sh "$(PYTHON)"

.PHONY: help book links verify why reference data test bench clean lock
