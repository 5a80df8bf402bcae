#!/usr/bin/env bash
# Publishes programs of perf/ to artifacts/perf, native AOT as the sidecar is. publish-perf.sh PROJECT…; one that is newer than its sources is left as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

case "$(uname -m)" in x86_64) rid=linux-x64;; aarch64) rid=linux-arm64;; *) echo "no native build for $(uname -m)" >&2; exit 1;; esac
linker=gcc
command -v clang >/dev/null && linker=clang
mkdir -p artifacts/perf

current() { # current PROJECT BINARY: nothing changed since it was published.
  local sources=("perf/$1" aot.props Directory.Build.props)
  # It measures the sidecar's own code.
  [ "$1" = Micro ] && sources+=(src)
  [ -x "$2" ] && [ -z "$(find "${sources[@]}" -newer "$2" -type f -not -path '*/bin/*' -not -path '*/obj/*' -print -quit)" ]
}

publish() { # publish PROJECT
  local binary=artifacts/perf/${1,,}
  current "$1" "$binary" && return 0
  local framework=${FASTSIDECAR_FRAMEWORK:-net10.0}
  [ -n "${FASTSIDECAR_FRAMEWORK:-}" ] ||
    dotnet restore "perf/$1" -r "$rid" -v quiet -p:NativeAot=true -p:FastSidecarFrameworks=net10.0 >/dev/null 2>&1 || framework=net9.0
  echo "publishing $binary ($framework, $rid)"
  dotnet publish "perf/$1" -c Release -f "$framework" -r "$rid" -o "$binary.publish" --nologo -v quiet \
    -p:NativeAot=true -p:FastSidecarFrameworks="$framework" -p:CppCompilerAndLinker="$linker"
  install -m 755 "$binary.publish/$(program "$1")" "$binary"
  rm -rf "$binary.publish"
}

program() { # program PROJECT: its assembly's name.
  local name
  name=$(sed -n 's:.*<AssemblyName>\(.*\)</AssemblyName>.*:\1:p' "perf/$1/$1.csproj")
  echo "$name"
}

for project in "$@"; do publish "$project"; done
