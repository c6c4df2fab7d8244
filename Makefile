# Two commands for a fresh machine: `make run INBOX=~/Pictures/inbox` and `make test`.
# Python >= 3.11 with venv is all they assume; the rest comes from the hashed lock files.

PYTHON ?= python3
INBOX ?= $(HOME)/Pictures/inbox
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
LOCKED = --require-hashes --no-deps
# Also where an environment says not to: the tests start captiond a thousand times, and would compile it each time.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run demo test test-slow bench check lock clean

run: .venv/.run
	.venv/bin/captiond run "$(patsubst ~/%,$(HOME)/%,$(INBOX))"

demo: .venv/.run
	.venv/bin/captiond demo

# What fails while all run at once is tried again by itself: real clocks slip on a busy machine, bugs stay.
test: .venv/.test
	.venv/bin/python -m pytest -n auto || .venv/bin/python -m pytest -x --last-failed --last-failed-no-failures none

# The long fault tests too: minutes, and some want to be root.
test-slow: .venv/.test
	.venv/bin/python -m pytest -n auto -m "slow and not live"

# What captiond costs, in ratios: a quarter of an hour. benchmarks/README.md has the goals.
bench: .venv/.run
	for name in cpu_per_photo drop_latency search_startup throughput scan memory; do \
		.venv/bin/python benchmarks/$$name.py || exit 1; echo; \
	done

check: .venv/.test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# hatchling comes from the lock too, so that nothing is installed that has no hash.
.venv/.run: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) $(LOCKED) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.run requirements-test.lock
	$(PIP) $(LOCKED) -r requirements-test.lock
	@touch $@

# For maintainers; needs uv. Names, versions and hashes only: no addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate \
		pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate \
		pyproject.toml requirements-build.in --all-extras --group lint --group test -o requirements-test.lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
