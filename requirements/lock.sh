#!/bin/sh
# Rewrites the five locks from pyproject.toml. Needs uv; no address of an index enters a lock.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate "$@" --output-file "requirements/$out"
}
lock console.txt pyproject.toml
lock ci.txt --group pyproject.toml:ci --constraint requirements/console.txt
lock sandbox.txt --group pyproject.toml:sandbox
lock runtime.txt --group pyproject.toml:runtime
lock dev.txt pyproject.toml --group pyproject.toml:dev
