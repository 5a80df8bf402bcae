#!/usr/bin/env bash
# Measures the deterministic costs of artifacts/fastsidecar and compares them with perf/budgets.json (tests/Budgets). --update writes new budgets.
set -euo pipefail
cd "$(dirname "$0")/.."
export FastSidecarFrameworks=net10.0
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

build/install-test-peers.sh
build/publish-perf.sh Micro
dotnet build tests/Budgets -c Release -v quiet --nologo
exec dotnet tests/Budgets/bin/Release/net10.0/FastSidecar.Budgets.dll "$@"
