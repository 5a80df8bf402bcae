# FastSidecar. `make demo` and `make test` need nothing but the .NET SDK: what else they need they install where they may, or name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

.PHONY: build demo test perf clean

# The native binary: artifacts/fastsidecar and its symlinks.
build:
	@build/publish.sh

demo: build
	@artifacts/fastsidecar demo

# Every test; the last line is "N passed, N failed" ("…, N skipped" where a peer is missing).
test: build
	@build/test.sh

# FastSidecar beside nginx, HAProxy and a stock ASP.NET pair: results/<date>-<commit>. QUICK=1 is a look in three minutes. ARGS go to perf/Compare.
perf: build
	@build/perf.sh $(if $(QUICK),--quick) $(ARGS)

clean:
	rm -rf artifacts
	find src tests perf -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
