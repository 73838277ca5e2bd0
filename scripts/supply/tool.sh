#!/bin/sh
# Makes .tools/NAME, the environment of one tool (sbom, audit), from scripts/supply/NAME.lock by hash; ends at once when it
# is there. It needs python3 and pip alone. `sh scripts/supply/tool.sh NAME --lock` resolves the lock anew, by uv.
set -u

NAME=${1:?the name of a tool}
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 3
cd "$ROOT" || exit 3
LOCK=scripts/supply/$NAME.lock
HERE=.tools/$NAME
LOG=.tools/$NAME.log

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

if [ "${2:-}" = --lock ]; then
    shift 2
    UV=uv
    "$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
    # For any Python and system on which somebody may call it.
    exec "$UV" pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-emit-index-url \
        --custom-compile-command "sh scripts/supply/tool.sh $NAME --lock" --output-file "$LOCK" "$@" "scripts/supply/$NAME.in"
fi

cmp -s "$LOCK" "$HERE/lock" && [ -x "$HERE/bin/python" ] && exit 0
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    refuse "make $NAME needs python3, version 3.10 or newer" "See which there is:  python3 --version"
echo "$NAME: making $HERE"
mkdir -p .tools && rm -rf "$HERE" || exit 3
python3 -m venv "$HERE" >"$LOG" 2>&1 ||
    refuse "python3 cannot make a virtual environment (its venv module is missing)" \
        "Install it:  sudo apt-get install python3-venv"
"$HERE/bin/python" -m pip install --disable-pip-version-check --require-hashes --requirement "$LOCK" >>"$LOG" 2>&1 ||
    refuse "the packages of $LOCK could not be installed (is there a network?)" "See why:  tail $LOG"
# Copied last: without it the environment counts as unfinished.
cp "$LOCK" "$HERE/lock"
