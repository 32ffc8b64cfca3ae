# make demo   builds turbo2ds and makes ./demo-dataset from a fake web on this machine
# make test   builds and runs every test
# make lint   formatting, clippy, licences, crates that are there twice or were yanked
# make wheel  the Python wheel (manylinux2014) and source distribution, into python/dist
# make test-wheel        builds the wheel, installs it into an environment of its own and tests it there
# make test-distributed  the same with PySpark, Ray, Metaflow, MLflow and TensorBoard on this machine (1.3 GB of packages)
# make parity the whole comparison of pixels and metadata with img2dataset, and of hashes with PDQ's own (installs them beside, ten minutes)
# make stores installs the object stores that `make test` runs against (1 GB, into .venv-stores and .npm-stores)
# make test-stores       the tests of object stores over all of them, with Ceph, HDFS, s3s-fs and rclone (1.5 GB more)
# make soak   SOAK_ROWS (a million) rows of refusals, small pictures and missing ones: neither descriptors nor memory may grow
# make fuzz   every target of tests/fuzz for FUZZ_SECONDS (60); needs rustup's nightly toolchain
#
# Debian packages and a Python environment (.venv) that are missing are installed first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := .venv
REQUIREMENTS := tests/python/requirements.txt
DEMO_ROWS ?= 2000

# Kernels for aarch64 have pages of 4, 16 or 64 kB; jemalloc is built for one size and those below it.
ifeq ($(shell uname -m),aarch64)
export JEMALLOC_SYS_WITH_LG_PAGE := 16
endif

.PHONY: help demo test test-rust test-python lint packages java stores stores-all test-stores parity soak fuzz wheel test-wheel test-distributed

help:
	@sed -n 's/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST)) | head -n 13

# turbojpeg's library is built by cmake, its SIMD code by nasm; without nasm the build fails on purpose.
packages:
	@.ci/packages

# PySpark runs on it.
java:
	@.ci/packages java

demo: packages
	$(CARGO) build --release -p turbo2ds -p turbo2ds-tests --bins
	@mkdir -p build/demo
	$(TARGET)/release/fakeweb --write-list build/demo/list.csv --count $(DEMO_ROWS) --run -- \
	    $(TARGET)/release/turbo2ds {list} --output_folder demo-dataset \
	    --incremental_mode overwrite --output_format webdataset --caption_col caption \
	    --save_additional_columns '["id"]' --number_sample_per_shard 500 --allow_net 127.0.0.0/8
	@echo
	@echo "The dataset is in ./demo-dataset:"
	@ls -1sh demo-dataset
	@echo "A shard's first members:"
	@tar tvf demo-dataset/00000.tar 2>/dev/null | sed -n 1,6p

test: test-rust test-python

# Servers of object stores, those of every test run and all of them.
STORES := CARGO="$(CARGO)" PYTHON="$(PYTHON)" tests/stores/install

stores: packages
	@$(STORES)

stores-all: packages
	@$(STORES) all

# The binaries first: the end-to-end tests run the ones that a user would.
test-rust: packages stores
	$(CARGO) build --workspace --bins
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    set -x; $(CARGO) test --workspace --doc; $(CARGO) nextest run --workspace --no-fail-fast; \
	else \
	    set -x; $(CARGO) test --workspace --no-fail-fast; \
	fi

test-python: $(VENV)/installed
	$(CARGO) build --workspace --bins
	TURBO2DS_BIN=$(abspath $(TARGET))/debug/turbo2ds FAKEWEB_BIN=$(abspath $(TARGET))/debug/fakeweb \
	    $(VENV)/bin/python -m pytest -q -p no:cacheprovider tests/python

test-stores: stores-all
	$(CARGO) build --workspace --bins
	TURBO2DS_STORES=all $(CARGO) test --workspace --test stores -- --nocapture --test-threads=2

$(VENV)/installed: $(REQUIREMENTS) | packages
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement $(REQUIREMENTS)
	@touch $@

# The wheel is built against glibc 2.17 by Zig's C compiler, so that it runs on any Linux of the last decade, and
# from the source distribution, so that that is known to build.
WHEEL_VENV := .venv-wheel
BUILD_VENV := .venv-build
BUILD_REQUIREMENTS := python/requirements-build.txt
WHEEL_REQUIREMENTS := python/tests/requirements.txt
DIST := python/dist
WHEEL_PLATFORM ?= --zig --compatibility manylinux2014

# Everything that goes into it, folders too: a file that was removed makes another wheel. What changes while it
# is built does as well.
WHEEL_SOURCES := Cargo.toml Cargo.lock README.md LICENSE-APACHE LICENSE-MIT NOTICE \
    python/Cargo.toml python/pyproject.toml \
    $(shell find engine dns codec writers python/src python/turbo2ds -name __pycache__ -prune -o -print)

wheel: $(DIST)/built
	@ls -l $(DIST)

$(DIST)/built: $(BUILD_VENV)/installed $(WHEEL_SOURCES)
	rm -rf $(DIST)
	@mkdir -p $(DIST)
	@touch $(DIST)/begun
	PATH="$(abspath $(BUILD_VENV))/bin:$$PATH" maturin build --release $(WHEEL_PLATFORM) \
	    --sdist --out $(DIST) --manifest-path python/Cargo.toml
	@mv $(DIST)/begun $@

# From a clean environment, and from a folder in which the sources are not to be found by chance.
test-wheel: $(DIST)/built
	rm -rf $(WHEEL_VENV)
	$(PYTHON) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python -m pip install --quiet $(DIST)/*.whl --requirement $(WHEEL_REQUIREMENTS)
	$(CARGO) build --workspace --bins
	FAKEWEB_BIN=$(abspath $(TARGET))/debug/fakeweb \
	    $(WHEEL_VENV)/bin/python -m pytest -q -rs -p no:cacheprovider python/tests

# An environment of its own: the packages are large, and no other test needs them. The wheel in it is always
# the last one.
DISTRIBUTED_VENV := .venv-distributed
DISTRIBUTED_REQUIREMENTS := python/tests_distributed/requirements.txt

test-distributed: java $(DIST)/built $(DISTRIBUTED_VENV)/installed
	$(DISTRIBUTED_VENV)/bin/python -m pip install --quiet --force-reinstall --no-deps $(DIST)/*.whl
	$(CARGO) build --workspace --bins
	FAKEWEB_BIN=$(abspath $(TARGET))/debug/fakeweb \
	    $(DISTRIBUTED_VENV)/bin/python -m pytest -q -rs -p no:cacheprovider python/tests_distributed

$(DISTRIBUTED_VENV)/installed: $(DISTRIBUTED_REQUIREMENTS) | packages
	$(PYTHON) -m venv $(DISTRIBUTED_VENV)
	$(DISTRIBUTED_VENV)/bin/python -m pip install --quiet --requirement $(DISTRIBUTED_REQUIREMENTS)
	@touch $@

$(BUILD_VENV)/installed: $(BUILD_REQUIREMENTS) | packages
	$(PYTHON) -m venv $(BUILD_VENV)
	$(BUILD_VENV)/bin/python -m pip install --quiet --requirement $(BUILD_REQUIREMENTS)
	@touch $@

lint: packages
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path tests/fuzz/Cargo.toml
	$(CARGO) metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	.ci/licenses
	.ci/crates
	.ci/rooms
	.ci/endings
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# img2dataset and its OpenCV are large: an environment of their own, and not part of the tests.
PARITY_VENV := .venv-parity
PARITY_REQUIREMENTS := tests/parity/requirements.txt

parity: $(PARITY_VENV)/installed
	CARGO="$(CARGO)" $(PARITY_VENV)/bin/python tests/parity/parity.py
	CARGO="$(CARGO)" $(PARITY_VENV)/bin/python tests/parity/pdq.py

$(PARITY_VENV)/installed: $(PARITY_REQUIREMENTS) | packages
	$(PYTHON) -m venv $(PARITY_VENV)
	$(PARITY_VENV)/bin/python -m pip install --quiet --requirement $(PARITY_REQUIREMENTS)
	@touch $@

SOAK_ROWS ?= 1000000

soak: packages
	$(CARGO) build --release -p turbo2ds -p turbo2ds-tests --bins
	TURBO2DS_BIN=$(abspath $(TARGET))/release/turbo2ds $(TARGET)/release/soak $(SOAK_ROWS)

FUZZ_SECONDS ?= 60
FUZZ := $(CARGO) +nightly fuzz

# What it finds anew goes to tests/fuzz/corpus, what fails to tests/fuzz/artifacts.
fuzz: packages
	@$(FUZZ) --version >/dev/null 2>&1 || $(CARGO) install --quiet --locked cargo-fuzz
	@for target in $$($(FUZZ) list --fuzz-dir tests/fuzz); do \
	    echo "fuzzing $$target"; mkdir -p tests/fuzz/{corpus,seeds}/$$target; \
	    $(FUZZ) run --fuzz-dir tests/fuzz $$target tests/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1; \
	done
