#!/usr/bin/env bash
# Publishes the native binary to artifacts/. net10.0 where its native AOT pack can be restored, otherwise net9.0 (aot.props), and says which.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # need COMMAND-OR-FILE PACKAGE: installs PACKAGE where we may, otherwise names the command that does.
  command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] && return 0
  local as=""
  [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && as="sudo -n"; } || {
    echo "$1 is missing. Install it with: sudo apt-get install $2" >&2; exit 1; }
  command -v apt-get >/dev/null || { echo "$1 is missing. Install the package that has it ($2 on Debian)." >&2; exit 1; }
  echo "installing $2 ($1 is missing)"
  $as apt-get update -qq >/dev/null && $as apt-get install -y -qq "$2" >/dev/null
}

command -v dotnet >/dev/null || { echo "The .NET SDK (10.0 or later) is missing: https://dot.net" >&2; exit 1; }
if command -v clang >/dev/null; then linker=clang; else need gcc gcc; need /usr/include/stdlib.h libc6-dev; linker=gcc; fi
need /usr/include/zlib.h zlib1g-dev

case "$(uname -m)" in x86_64) rid=linux-x64;; aarch64) rid=linux-arm64;; *) echo "no native build for $(uname -m)" >&2; exit 1;; esac

publish() { # publish FRAMEWORK
  dotnet publish src/FastSidecar/FastSidecar.csproj -c Release -f "$1" -r "$rid" -o "artifacts/publish" --nologo -v quiet \
    -p:NativeAot=true -p:FastSidecarFrameworks="$1" -p:CppCompilerAndLinker="$linker"
}

framework=${FASTSIDECAR_FRAMEWORK:-}
if [ -z "$framework" ]; then
  framework=net10.0
  dotnet restore src/FastSidecar/FastSidecar.csproj -r "$rid" -v quiet -p:NativeAot=true -p:FastSidecarFrameworks=net10.0 >/dev/null 2>&1 || framework=net9.0
fi
echo "publishing native AOT for $framework ($rid)"
rm -rf artifacts/publish
publish "$framework"
install -m 755 artifacts/publish/fastsidecar artifacts/fastsidecar
rm -rf artifacts/publish
for name in daprd sentry injector; do ln -sfn fastsidecar "artifacts/$name"; done
printf 'artifacts/fastsidecar: %s bytes\n' "$(stat -c %s artifacts/fastsidecar)"
