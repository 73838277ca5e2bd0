#!/bin/sh
# `make test-modern`: lint, the unit and contract tests and the end-to-end test of taxi on the modern stack; on this machine
# where its glibc is new enough, else in a Debian 13 folder. ARGS in the environment, as make leaves it, goes to pytest.
# Exit code 3: this machine can do neither.
set -u

GLIBC_NEEDED=2.39

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3
# testpaths, not paths: one that ARGS names takes their place, as in `make test`.
TESTS="-o 'testpaths=tests/unit tests/contract tests/e2e/test_happy_path.py' --maxprocesses=2 ${ARGS:-}"

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)
if [ "$(uname -m)" = x86_64 ] && [ -n "$glibc" ] && printf '%s\n' "$GLIBC_NEEDED" "$glibc" | sort -C -V; then
    echo "test-modern: glibc $glibc is new enough: the modern stack runs on this machine itself, no Debian 13 folder is made"
    # Of the make that called this: its ARGS would come before ours.
    unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
    export SLUICE_STACK=modern
    exec make -C "$ROOT" --no-print-directory test ARGS="$TESTS"
fi
echo "test-modern: the modern stack needs glibc $GLIBC_NEEDED and this machine has ${glibc:-none}: it runs in a Debian 13 folder"
exec sh "$ROOT/scripts/in_debian13.sh" make --no-print-directory test ARGS="$TESTS"
