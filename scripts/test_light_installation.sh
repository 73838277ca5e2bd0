#!/bin/sh
# Installs the package without its extras (`pip install .`) into a fresh environment of each Python that is named, or of
# 3.11; shows its size, and checks two files by its command, in which TensorFlow must be absent.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
[ $# -gt 0 ] || set -- 3.11

for version in "$@"; do
    folder=".tools/light-$version"
    rm -rf "$folder"
    "$UV" venv --quiet --python "$version" "$folder"
    "$UV" pip install --quiet --python "$folder/bin/python" .
    rm -rf build
    printf 'light: Python %s, %s MB\n' "$version" "$(du -sm "$folder" | cut -f 1)"
    ! "$folder/bin/python" -c 'import tensorflow' 2>/dev/null || { echo "light: TensorFlow is there" >&2; exit 1; }
    for split in train eval; do
        awk -v seed="${#split}" 'BEGIN { srand(seed); print "fare,hour,tipped"
            for (i = 0; i < 900; i++) printf "%.4f,%d,%d\n", 50 * rand(), 24 * rand(), 2 * rand() }' >"$folder/$split.csv"
    done
    "$folder/bin/sluice-gates" check --train "$folder/train.csv" --eval "$folder/eval.csv" --label tipped
done
