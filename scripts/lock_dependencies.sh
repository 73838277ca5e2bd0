#!/bin/sh
# Resolves setup.py into requirements.lock, with hashes and without the address of any package index. Versions that are
# locked stay where they can; `--upgrade` or `--upgrade-package NAME` moves them.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
exec "$UV" pip compile --quiet --python-version 3.10 --python-platform x86_64-manylinux_2_31 --extra dev \
    --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" \
    --output-file requirements.lock setup.py "$@"
