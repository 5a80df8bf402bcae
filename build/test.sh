#!/usr/bin/env bash
# Runs every test project and adds the counts up. Optional peers are installed where we may; tests that lack one are counted as skipped.
set -uo pipefail
cd "$(dirname "$0")/.."
export FastSidecarFrameworks=net10.0
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

build/install-test-peers.sh

log=$(mktemp)
trap 'rm -f "$log" "$log.start" "$log.failed"' EXIT
: >"$log.failed"
passed=0 failed=0 skipped=0

# The operations whose instructions tests/Budgets counts. Where this fails, so do those tests: an older binary must not be judged.
rm -f artifacts/perf/micro
build/publish-perf.sh Micro

dotnet build FastSidecar.slnx -c Release -v quiet --nologo || { echo "0 passed, 1 failed"; exit 1; }

for project in tests/*/*.csproj; do
  grep -q '<IsTestProject>true' "$project" || continue
  name=$(basename "$project" .csproj)
  echo "== $name"
  touch "$log.start"
  timeout --signal=INT 1500 dotnet test "$project" -c Release --no-build --nologo --logger "console;verbosity=normal" >"$log" 2>&1
  code=$?
  grep -vE '^\s+Passed ' "$log" | grep -vE '^\s*$' | tail -n 400
  report=$(find "tests/$name/bin/Release" -name '*-report.txt' -newer "$log.start" 2>/dev/null | head -n 1)
  [ -n "$report" ] && cat "$report"
  grep -A 12 -E '^\s+Failed ' "$log" >>"$log.failed"
  count() { grep -E "^ *$1: +[0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+' | tail -n 1; }
  p=$(count Passed) f=$(count Failed) s=$(count Skipped)
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  # A run that broke off counts as a failure even if no single test did.
  if [ "$code" -ne 0 ] && [ "${f:-0}" -eq 0 ]; then echo "$name ended with code $code"; failed=$((failed + 1)); fi
  # So does one that ended well and ran nothing: it found no tests, or its counts were not printed as we read them.
  if [ "$code" -eq 0 ] && [ -z "$p$f$s" ]; then echo "$name printed no counts"; failed=$((failed + 1)); fi
  if [ "$code" -eq 0 ] && [ "${p:-0}" -eq 0 ] && [ "${s:-0}" -gt 0 ]; then echo "$name ran no test"; fi
done

# Once more at the end, where whoever reads a long log looks first.
head -c 8000 "$log.failed"
if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
