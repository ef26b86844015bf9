# `make help` lists the targets. Set-up lives behind stamp files in .venv, so a second run starts at once.
PYTHON ?= python3
CXX ?= g++
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
SOURCES := CMakeLists.txt $(shell find native -type d -o -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt)
MAKEFLAGS += --no-builtin-rules
export CXX
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help preflight dev tour test lint native-test test-browser docs stub clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

preflight:  ## check for compiler, headers and ensurepip
	@sh .ci/preflight "$(PYTHON)" "$(CXX)"

$(VENV)/venv.stamp:
	@sh .ci/preflight "$(PYTHON)" "$(CXX)"
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/needs.stamp: pyproject.toml $(VENV)/venv.stamp
	$(BIN)/python .ci/needs build test | $(BIN)/python -m pip install -q --disable-pip-version-check -r /dev/stdin
	touch $@

$(VENV)/build.stamp: $(VENV)/needs.stamp $(SOURCES)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/browser.stamp: $(VENV)/build.stamp
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
	  { echo "no chromium: apt-get install chromium chromium-driver" >&2; exit 1; }
	$(BIN)/python .ci/needs browser | $(BIN)/python -m pip install -q --disable-pip-version-check -r /dev/stdin
	touch $@

$(VENV)/docs.stamp: $(VENV)/build.stamp
	$(BIN)/python .ci/needs docs | $(BIN)/python -m pip install -q --disable-pip-version-check -r /dev/stdin
	touch $@

dev: $(VENV)/build.stamp  ## make .venv and build in place

tour: $(VENV)/build.stamp  ## run the main job
	$(BIN)/python -m beforehand

test: $(VENV)/build.stamp  ## build and pass the tests
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not browser"

test-browser: $(VENV)/browser.stamp  ## look at the report in a browser
	$(BIN)/python -m pytest -q -m browser

lint: $(VENV)/build.stamp  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

native-test: $(VENV)/needs.stamp  ## C++ tests under the address and undefined sanitizers
	$(BIN)/cmake -S . -B build/native -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -DCMAKE_CXX_COMPILER=$(CXX) \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBEFOREHAND_TESTS=ON \
	  -DCMAKE_CXX_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
	$(BIN)/cmake --build build/native -j $(JOBS)
	$(BIN)/ctest --test-dir build/native --output-on-failure -j $(JOBS)

docs: $(VENV)/docs.stamp  ## build the documentation
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

stub: $(VENV)/build.stamp  ## write the stub of _native anew
	$(BIN)/python -m nanobind.stubgen -q -m beforehand._native -o src/beforehand/_native.pyi

clean:  ## remove all that make made
	rm -rf $(VENV) build
