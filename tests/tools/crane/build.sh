#!/usr/bin/env bash
# Prints the path of a crane binary, building the pinned Go module of this folder once into a cache (about a minute on
# two cores, then nothing). CRANE names another binary to use instead.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -n "${CRANE:-}" ]; then
  [ -x "$CRANE" ] || { echo "CRANE is not an executable file: $CRANE" >&2; exit 1; }
  echo "$CRANE"
  exit 0
fi

key=$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/desktop-operator/crane/$key
if [ ! -x "$cache/crane" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  flock 9
  if [ ! -x "$cache/crane" ]; then
    echo "building crane from Go modules (once, about a minute on two cores)" >&2
    cd "$here"
    export GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0
    go build -buildvcs=false -trimpath -ldflags "-s -w" -o "$cache/crane.part" github.com/google/go-containerregistry/cmd/crane >&2
    mv "$cache/crane.part" "$cache/crane"
  fi
fi
echo "$cache/crane"
