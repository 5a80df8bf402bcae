#!/usr/bin/env bash
# Publishes what the measurements need to artifacts/perf (the load generator and the stock ASP.NET pair, native AOT as the sidecar is) and runs perf/Compare with the
# arguments given. nginx and HAProxy are installed where we may; an arm whose program is missing is left out and named.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

packages=()
want() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || packages+=("$2"); }
want nginx nginx-light
want haproxy haproxy
want strace strace
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${packages[*]}"
    # Installed, not started: nobody asked for a web server on port 80.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1 ||
      echo "could not install ${packages[*]}"
    [ -z "$(trap -p EXIT)" ] || { rm -f /usr/sbin/policy-rc.d; trap - EXIT; }
  else
    echo "missing (arms that need them are left out): ${packages[*]}"
  fi
fi

build/publish-perf.sh Stock Load
FastSidecarFrameworks=net10.0 dotnet build perf/Compare -c Release -v quiet --nologo
exec dotnet perf/Compare/bin/Release/net10.0/compare.dll "$@"
