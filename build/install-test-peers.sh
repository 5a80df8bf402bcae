#!/usr/bin/env bash
# Real clients and peers that the tests talk to. Installed where we may (root and apt-get); otherwise the tests that need one are skipped and say so.
set -uo pipefail
packages=()
want() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
want curl curl
want ip iproute2
want nghttp nghttp2-client
want nginx nginx-light
want wrk wrk
want valgrind valgrind
want strace strace
want avahi-browse avahi-utils
want avahi-daemon avahi-daemon
want openssl openssl
want python3 python3
want node nodejs
want npm npm
want protoc protobuf-compiler
want grpc_python_plugin protobuf-compiler-grpc
python3 -c 'import zeroconf' 2>/dev/null || /usr/bin/python3 -c 'import zeroconf' 2>/dev/null || packages+=(python3-zeroconf)
/usr/bin/python3 -c 'import grpc' 2>/dev/null || packages+=(python3-grpcio)
/usr/bin/python3 -c 'import google.protobuf' 2>/dev/null || packages+=(python3-protobuf)
[ ${#packages[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing peers (tests that need them are skipped): ${packages[*]}"
  exit 0
fi
echo "installing test peers: ${packages[*]}"
# Installed, not started: nobody asked for a web server on port 80.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -qq >/dev/null 2>&1
for package in "${packages[@]}"; do
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "could not install $package"
done
exit 0
