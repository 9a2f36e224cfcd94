#!/usr/bin/env bash
# Runs cargo-deny with the arguments given, installing the pinned version first when it is not there (once, about
# four minutes on two cores).
set -euo pipefail
version=0.20.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/desktop-operator/cargo-deny/$version
if [ ! -x "$cache/bin/cargo-deny" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  flock 9
  if [ ! -x "$cache/bin/cargo-deny" ]; then
    echo "installing cargo-deny $version (once)" >&2
    # The crate's own target directory must not land in, or wait for, the one of this repository.
    CARGO_TARGET_DIR="$cache/target" cargo install --quiet --locked --root "$cache" "cargo-deny@$version" >&2
    rm -rf "$cache/target"
  fi
fi
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec "$cache/bin/cargo-deny" --locked "$@"
