#!/bin/sh
# Installs the package without its extras (`pip install .`) into a fresh environment of each Python that is named, or of
# 3.11; shows its size, checks two files by its command, and runs the tests of the gates and the sources in it.
set -eu
cd "$(dirname -- "$0")/.."
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
[ $# -gt 0 ] || set -- 3.11
# What these tests import is of the pipeline, or reads TFRecord.
NEED_PIPELINE="
    tests/unit/gates/command/test_usage.py
    tests/unit/gates/evaluation/test_thresholds_by_class.py
    tests/unit/gates/model/test_frozen_date.py
    tests/unit/gates/model/test_independence.py
    tests/unit/gates/tables/test_files.py
    tests/unit/gates/test_workload.py
    tests/unit/sources/test_formats.py
    tests/unit/sources/test_prediction_log.py
    tests/faults/test_bad_input.py
    tests/faults/test_reported_situations.py"
IGNORED=$(for file in $NEED_PIPELINE; do printf ' --ignore %s' "$file"; done)

for version in "$@"; do
    folder=".tools/light-$version"
    rm -rf "$folder"
    "$UV" venv --quiet --seed --python "$version" "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check .
    rm -rf build
    printf 'light: Python %s, %s MB\n' "$version" "$(du -sm "$folder" | cut -f 1)"
    ! "$folder/bin/python" -c 'import tensorflow' 2>/dev/null || { echo "light: TensorFlow is there" >&2; exit 1; }
    for split in train eval; do
        awk -v seed="${#split}" 'BEGIN { srand(seed); print "fare,hour,tipped"
            for (i = 0; i < 900; i++) printf "%.4f,%d,%d\n", 50 * rand(), 24 * rand(), 2 * rand() }' >"$folder/$split.csv"
    done
    "$folder/bin/sluice-gates" check --train "$folder/train.csv" --eval "$folder/eval.csv" --label tipped
    "$UV" pip install --quiet --python "$folder/bin/python" hypothesis pandas polars pytest pytest-timeout
    # shellcheck disable=SC2086 # a list of options
    "$folder/bin/python" -m pytest --quiet -p no:cacheprovider tests/unit/gates tests/unit/sources tests/faults $IGNORED
done
