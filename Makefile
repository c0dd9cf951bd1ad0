# Every target sets up what it needs. The first two are the README's commands.
SHELL := /bin/bash
PYTHON ?= python3
UV = $(shell $(PYTHON) tools/bootstrap.py)
SYNC = $(UV) sync --locked --python $(PYTHON)
BIN = .venv/bin
BUILD ?= build
# The machine's own certificates where it has any: behind an inspecting proxy only they will do.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)

# Compiling every module anew takes most of the time of each process that a test or the demo starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: console console-pictures console-check test-console deb sbom audit quick simulate conformance fuzz fuzz-feeds fuzz-readers prove-matching demo test test-long test-whole test-shared check format setup setup-demo lock clean help

demo: setup-demo ## two parties deconflict a day of recorded traffic; writes demo-out/report.html; SERVE=1 shows both consoles then
	$(BIN)/detente demo --out demo-out $(if $(SERVE),--serve)

test: setup ## the quick test suite
	$(BIN)/pytest -n auto -m "not long and not shared and not browser" --durations=25

quick: ## one room's checks in seconds, once the environment is set up: make quick ROOM=line
	$(BIN)/ruff format --check src/detente/$(ROOM) tests/$(ROOM)
	$(BIN)/ruff check src/detente/$(ROOM) tests/$(ROOM)
	$(BIN)/lint-imports > /dev/null || $(BIN)/lint-imports
	$(BIN)/mypy src/detente/$(ROOM)
	$(BIN)/pytest -n 0 -m "not long and not shared and not browser" --durations=5 tests/$(ROOM) tests/tidy

test-long: setup ## the long tests, a tenth of those "at length"; that of a loss of power needs strace
	$(BIN)/pytest -n auto -m "long and not shared and not browser" --durations=25

test-whole: setup ## the long tests at their whole length, and every property in full; takes hours
	DETENTE_LENGTH=10 $(BIN)/pytest -n auto -o timeout=7200 -m "long and not shared and not browser" --durations=25
	DETENTE_LENGTH=10 $(BIN)/pytest -n auto -o timeout=7200 -m "hypothesis and not long and not shared and not browser" --hypothesis-profile full --durations=5

test-console: setup ## the console in a real browser; Debian's Chromium is installed where there is none
	@$(SYNC) --group dev --group browser --inexact
	@command -v chromium > /dev/null || (apt-get update -q && apt-get install -y -q chromium) > /dev/null
	$(BIN)/pytest -n 2 -m browser --durations=10

console: ## build the page of the console anew, after a change of its source
	$(PYTHON) tools/console_page.py

console-pictures: setup ## the pictures of the console under docs/images, from two real nodes; needs Chromium
	$(BIN)/python tools/console_pictures.py

console-check: ## the page of the console is what its source gives, byte for byte, and its types and words are right
	$(PYTHON) tools/console_page.py --check

test-shared: setup ## the tests that need the shared data folder (DETENTE_SHARED)
	$(BIN)/pytest -m "shared and not long" --durations=25

conformance: setup ## the InterUSS suites against a real service; SUITES=DIR names the harness
	$(BIN)/python tests/conformance/suites.py

prove-matching: setup ## what of private matching takes too long for the tests; PARTS=N does an Nth of it
	@PYTHONPATH=tests PARTS=$(PARTS) $(BIN)/python tests/matching/prove.py

fuzz: setup ## over ten thousand requests against the civil interfaces (DETENTE_SHARED); takes some minutes
	$(BIN)/pytest -n 2 --dist load -rP -m "shared and long" tests/utm/test_schema.py

fuzz-feeds: setup ## MESSAGES=N damaged messages against every decoder of live feeds, ten million unless said
	$(BIN)/python tests/feeds/live/fuzz.py --messages $(or $(MESSAGES),10000000)

fuzz-readers: setup ## COUNT=N damaged files (100,000) at each reader, or at READER=kml alone, from number FROM=S on
	$(BIN)/python tests/feeds/fuzz_readers.py --count $(or $(COUNT),100000) --from $(or $(FROM),0) $(if $(READER),--reader $(READER))

simulate: setup ## SEEDS=N runs of whole nodes under faults from seed FROM=S on; LOG=1 prints every event
	@$(BIN)/python tests/simulation/run.py --seeds $(or $(SEEDS),100) --from $(or $(FROM),1) $(if $(LOG),--log)

check: setup ## formatting, lint, types and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

setup: ## the environment with the development tools
	@echo "setting up the environment and, once, the compiled kernels ..."
	@$(SYNC) --group dev --inexact
	@$(BIN)/detente warm > /dev/null

setup-demo: ## the environment that the demo needs
	@echo "setting up the environment and, once, the compiled kernels ..."
	@$(SYNC) --extra demo --inexact
	@$(BIN)/python -m detente.airspace.compile
	@$(BIN)/python -m detente.matching.compile & matching=$$!; $(BIN)/python -m detente.watch.compile && wait $$matching

bench-%: ## one benchmark, for example make bench-detect
	@$(SYNC) --group dev --group bench --group browser
	@$(BIN)/python -m detente.airspace.compile
	@$(BIN)/python -m detente.matching.compile
	@$(BIN)/python -m detente.utm.service.compile
	@$(BIN)/python -m detente.watch.compile
	$(BIN)/python bench/$(subst -,_,$*).py

deb: ## the Debian package, with everything that it needs beside Python: build/detente_VERSION_ARCHITECTURE.deb
	UV="$(abspath $(UV))" deploy/debian/build $(BUILD)

sbom: ## every part of the runtime with its version and digests (CycloneDX): build/detente-sbom.json
	@mkdir -p build
	$(UV) export --quiet --frozen --no-dev --format cyclonedx1.5 --preview-features sbom-export -o build/detente-sbom.json

audit: ## known weaknesses of the runtime's parts, from OSV or OSV=URL; IF_REACHABLE=1 goes on where that is not reached
	@$(UV) audit --frozen --no-dev --preview-features audit-command $(if $(OSV),--service-url $(OSV)) || { code=$$?; \
	  [ "$$code" -eq 2 ] && [ -n "$(IF_REACHABLE)" ] && echo "audit: NOTHING WAS LOOKED AT, see above" || exit "$$code"; }

lock:
	$(UV) lock

clean: ## remove what the other targets made
	rm -rf .venv .tools build demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:
	@grep -E '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort
