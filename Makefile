# FastSidecar. `make demo` and `make test` need nothing but the .NET SDK: what else they need they install where they may, or name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

.PHONY: build demo test perf perf-check bench-micro clean

# The native binary: artifacts/fastsidecar and its symlinks.
build:
	@build/publish.sh

demo: build
	@artifacts/fastsidecar demo

# Every test; the last line is "N passed, N failed" ("…, N skipped" where a peer is missing).
test: build
	@build/test.sh

# Deterministic costs against perf/budgets.json, also part of `make test`. UPDATE=1 writes what is measured as new budgets.
perf-check: build
	@build/perf-check.sh $(if $(UPDATE),--update)

# Times of hot types, by BenchmarkDotNet. ARGS go to it.
bench-micro:
	@FastSidecarFrameworks=net10.0 dotnet run --project perf/Benchmarks -c Release -- $(ARGS)

# FastSidecar beside nginx, HAProxy and a stock ASP.NET pair: results/<date>-<commit>. QUICK=1 is a look in three minutes. ARGS go to perf/Compare.
perf: build
	@build/perf.sh $(if $(QUICK),--quick) $(ARGS)

clean:
	rm -rf artifacts
	find src tests perf -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
