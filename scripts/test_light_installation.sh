#!/bin/sh
# Installs the package without its extras (`pip install .`) into a fresh environment of each Python that is named, or of
# 3.11; shows its size, and checks two files by its command, in which TensorFlow must be absent. A Python is a version,
# which uv finds or fetches, or the name of a command, which needs no uv: `sh scripts/test_light_installation.sh python`.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
[ $# -gt 0 ] || set -- 3.11

for version in "$@"; do
    folder=".tools/light-$version"
    rm -rf "$folder"
    bin="$folder/bin"
    case $version in
    [0-9]*)
        "$UV" venv --quiet --python "$version" "$folder"
        "$UV" pip install --quiet --python "$bin/python" . ;;
    *)
        "$version" -m venv "$folder"
        [ -d "$bin" ] || bin="$folder/Scripts" # Windows
        "$bin/python" -m pip install --quiet --disable-pip-version-check . ;;
    esac
    rm -rf build
    printf 'light: Python %s, %s MB\n' "$version" "$(du -sm "$folder" | cut -f 1)"
    ! "$bin/python" -c 'import tensorflow' 2>/dev/null || { echo "light: TensorFlow is there" >&2; exit 1; }
    for split in train eval; do
        awk -v seed="${#split}" 'BEGIN { srand(seed); print "fare,hour,tipped"
            for (i = 0; i < 900; i++) printf "%.4f,%d,%d\n", 50 * rand(), 24 * rand(), 2 * rand() }' >"$folder/$split.csv"
    done
    "$bin/sluice-gates" check --train "$folder/train.csv" --eval "$folder/eval.csv" --label tipped
done
