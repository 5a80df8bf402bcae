# FastSidecar. `make demo` and `make test` need nothing but the .NET SDK: what else they need they install where they may, or name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

.PHONY: build demo test clean

# The native binary: artifacts/fastsidecar and its symlinks.
build:
	@build/publish.sh

demo: build
	@artifacts/fastsidecar demo

# Every test; the last line is "N passed, N failed" ("…, N skipped" where a peer is missing).
test: build
	@build/test.sh

clean:
	rm -rf artifacts
	find src tests perf -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
