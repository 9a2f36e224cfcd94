#!/bin/sh
# Runs one of the vendor's published clients against a simulator: run.sh SCRIPT URL KEY_ID SECRET.
# The clients live in a virtual environment under target/, made once for each state of requirements.txt.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
mkdir -p "$target"
sum=$(cksum < "$here/requirements.txt" | tr ' ' -)
venv=$target/clients-$sum

if [ ! -e "$venv/.complete" ]; then
    # Several tests may come here at once; each builds its own and the first to finish wins.
    fresh=$(mktemp -d "$target/clients-XXXXXX")
    python3 -m venv "$fresh"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    touch "$fresh/.complete"
    mv -T "$fresh" "$venv" 2>/dev/null || rm -rf "$fresh"
fi

script=$1
shift
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/$script" "$@"
