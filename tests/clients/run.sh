#!/bin/sh
# Runs one of the vendors' published clients against a simulator: run.sh SCRIPT URL KEY_ID SECRET.
# The clients live under target/: those for Python in a virtual environment, made once for each state of
# requirements.txt, and those for Node (scripts *_pop.py) in a directory, made once for each state of the lock file.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
mkdir -p "$target"

# Several tests may come here at once; each builds its own and the first to finish wins.
settle() {
    touch "$1/.complete"
    mv -T "$1" "$2" 2>/dev/null || rm -rf "$1"
}

sum=$(cksum < "$here/requirements.txt" | tr ' ' -)
venv=$target/clients-$sum
if [ ! -e "$venv/.complete" ]; then
    fresh=$(mktemp -d "$target/clients-XXXXXX")
    python3 -m venv "$fresh"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    settle "$fresh" "$venv"
fi

script=$1
shift
case $script in
*_pop.py)
    sum=$(cksum < "$here/package-lock.json" | tr ' ' -)
    node=$target/clients-node-$sum
    if [ ! -e "$node/.complete" ]; then
        fresh=$(mktemp -d "$target/clients-XXXXXX")
        cp "$here/package.json" "$here/package-lock.json" "$fresh"
        (cd "$fresh" && npm ci --ignore-scripts --no-audit --no-fund --silent)
        settle "$fresh" "$node"
    fi
    export NODE_PATH="$node/node_modules"
    ;;
esac
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/$script" "$@"
