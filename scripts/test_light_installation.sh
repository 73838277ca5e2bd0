#!/bin/sh
# Installs the package without its extras (`pip install .`) into a fresh environment of each Python that is named, or of
# those of 3.11 and 3.13 that are here. In each: its size, two files by its command, and the tests of the rooms that it has, in
# a copy of the checkout without `.venv`. First with the tools of tests alone; then with pandas, by which most tests make tables.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=$PWD/.tools/uv/bin/uv
MOST_MB=450
# pyenv puts one Python on PATH, and has others.
for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
    PATH="$PATH:$found"
done
TESTS="tests/unit/core tests/unit/sources tests/unit/gates tests/faults tests/house/test_light_imports.py
    tests/contract/test_data_checks.py tests/contract/test_gates_command.py tests/contract/test_one_reading.py
    tests/contract/test_source_formats.py tests/contract/test_light_answers.py"
TAXI=tfx/examples/chicago_taxi_pipeline/data/simple

fail() {
    printf 'light: %s\n' "$1" >&2
    exit 1
}

# The taxi rows, in the place in which the package tfx has them; nothing else of it.
fetch_taxi() {
    for found in .venv/lib/python3*/site-packages .tools/taxi; do
        [ ! -f "$found/$TAXI/data.csv" ] || { cp "$found/$TAXI/data.csv" "$1"; return; }
    done
    "$UV" pip install --quiet --no-deps --python-version 3.10 --target .tools/taxi tfx==1.16.0
    cp ".tools/taxi/$TAXI/data.csv" "$1"
}

if [ $# -eq 0 ]; then
    for version in 3.11 3.13; do
        ! "$UV" python find --no-python-downloads "$version" >/dev/null 2>&1 || set -- "$@" "$version"
    done
    [ $# -gt 0 ] || fail "neither Python 3.11 nor 3.13 is here; name another one:  make test-light ARGS=3.12"
fi

for version in "$@"; do
    folder="$PWD/.tools/light-$version"
    rm -rf "$folder" "$folder-checkout"
    "$UV" venv --quiet --python "$version" "$folder"
    bin="$folder/bin"
    [ -d "$bin" ] || bin="$folder/Scripts" # Windows
    # setuptools installs whatever an earlier build left there.
    rm -rf build
    "$UV" pip install --quiet --no-compile-bytecode --python "$bin/python" .
    rm -rf build
    size=$(du -sm "$folder" | cut -f 1)
    printf 'light: Python %s, %s MB without byte code\n' "$version" "$size"
    [ "$size" -lt "$MOST_MB" ] || fail "that is more than $MOST_MB MB"
    ! "$bin/python" -c 'import tensorflow' 2>/dev/null || fail "TensorFlow is there"
    for split in train eval; do
        awk -v seed="${#split}" 'BEGIN { srand(seed); print "fare,hour,tipped"
            for (i = 0; i < 900; i++) printf "%.4f,%d,%d\n", 50 * rand(), 24 * rand(), 2 * rand() }' >"$folder/$split.csv"
    done
    "$bin/sluice-gates" check --train "$folder/train.csv" --eval "$folder/eval.csv" --label tipped
    "$bin/sluice-gates" describe --data "$folder/train.csv" --label tipped

    checkout="$folder-checkout"
    mkdir -p "$checkout/$TAXI"
    git ls-files -z | tar --create --file - --null --files-from - | tar --extract --file - --directory "$checkout"
    fetch_taxi "$checkout/$TAXI/data.csv"
    [ ! -d data ] || ln -s "$PWD/data" "$checkout/data"
    "$UV" pip install --quiet --python "$bin/python" pytest pytest-timeout pytest-xdist hypothesis
    for more in "" pandas; do
        [ -z "$more" ] || "$UV" pip install --quiet --python "$bin/python" "$more"
        printf 'light: Python %s, the tests with the tools of tests%s\n' "$version" "${more:+ and $more}"
        # shellcheck disable=SC2086 # a list of words
        (cd "$checkout" && PYTHONPATH='' "$bin/python" -m pytest --quiet -p no:cacheprovider --numprocesses=logical \
            --maxprocesses=4 --dist=loadfile $TESTS)
    done
done
