#!/bin/sh
# Checks the types of cloud/ and runs its tests against google-cloud-aiplatform 2.x and protobuf 6, in an environment of
# their own (.tools/aiplatform2), without TFX, which pins 1.x. `make test-aiplatform2` calls it; `--lock` resolves anew.
set -eu
cd "$(dirname -- "$0")/.."
ROOT=$PWD ENVIRONMENT=.tools/aiplatform2 LOCK=scripts/aiplatform2.lock
UV=uv
"$UV" --version >/dev/null 2>&1 || UV=.tools/uv/bin/uv
if [ "${1:-}" = --lock ]; then
    exec "$UV" pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_31 --generate-hashes \
        --no-annotate --no-emit-index-url --custom-compile-command "sh scripts/test_aiplatform2.sh --lock" \
        --output-file "$LOCK" scripts/aiplatform2.in
fi
if ! cmp -s "$LOCK" "$ENVIRONMENT/lock"; then
    echo "aiplatform 2.x: making $ENVIRONMENT"
    "$UV" venv --quiet --clear --python ">=3.11,<3.14" "$ENVIRONMENT"
    "$UV" pip install --quiet --python "$ENVIRONMENT/bin/python" --require-hashes --requirement "$LOCK"
    cp "$LOCK" "$ENVIRONMENT/lock"
fi
export PYTHONPATH="$ROOT"
"$ENVIRONMENT/bin/python" -m mypy --package cloud --cache-dir .mypy_cache/aiplatform2
# Those that need neither TFX nor TensorFlow; the others start from what TFX compiles.
exec "$ENVIRONMENT/bin/python" -m pytest --quiet -p no:cacheprovider \
    tests/unit/cloud \
    tests/contract/test_cloud_experiment_records.py \
    tests/contract/test_cloud_experiments.py \
    tests/contract/test_cloud_job_runs.py \
    tests/contract/test_cloud_model_uploads.py \
    tests/contract/test_cloud_preflight.py \
    tests/contract/test_cloud_preflight_connection.py \
    tests/contract/test_cloud_services.py \
    tests/contract/test_cloud_vertex_endpoints.py \
    tests/contract/test_cloud_vertex_jobs.py
