#!/bin/sh
# Tries an image that deploy/build_image.sh made, as the user that it names. `make image-test` calls it.
#   --target sluice    (default) the check of the compiled job, a rehearsal and a run of taxi, each inside the image
#   --target serving   serves a model by the container contract: its probe, golden and wrong requests, SIGTERM
#   --model FOLDER     the model for it (default: the newest under out/serving/taxi)
#   --tag NAME         the image (default: sluice:latest, sluice-serving:latest)
set -eu
cd "$(dirname -- "$0")/.."

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

TARGET=sluice TAG= MODEL=
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || refuse "deploy/test_image.sh takes --target, --model and --tag, each with a value" "make image-test"
    case $1 in
    --target) TARGET=$2 ;;
    --model) MODEL=$2 ;;
    --tag) TAG=$2 ;;
    *) refuse "deploy/test_image.sh has no option $1" "make image-test ARGS=\"--target serving --tag NAME\"" ;;
    esac
    shift 2
done
case $TARGET in
sluice) TAG=${TAG:-sluice:latest} ;;
serving) TAG=${TAG:-sluice-serving:latest} ;;
*) refuse "there is no target $TARGET; there are sluice and serving" "make image-test ARGS=\"--target serving\"" ;;
esac
AGAIN="make image-test ARGS=\"--target $TARGET --tag $TAG\""

if docker info >/dev/null 2>&1; then ENGINE=docker
elif command -v podman >/dev/null; then ENGINE=podman
elif command -v buildah >/dev/null; then ENGINE=buildah
else
    refuse "no engine that runs images works here: docker (with its daemon), podman or buildah" \
        "apt-get install --no-install-recommends buildah"
fi

CONTAINER= RUN=
end() {
    [ -n "$CONTAINER" ] || return 0
    if [ "$ENGINE" = buildah ]; then
        [ -z "$RUN" ] || ! kill -0 "$RUN" 2>/dev/null || kill -9 "$(server)"
        [ -z "$RUN" ] || wait "$RUN" || true
        buildah rm "$CONTAINER" >/dev/null
    else
        "$ENGINE" rm --force "$CONTAINER" >/dev/null
    fi
}
trap end EXIT
if [ "$ENGINE" = buildah ]; then
    CONTAINER=$(buildah from --pull-never "$TAG") || refuse "there is no image $TAG here" "make image ARGS=\"--target $TARGET\""
    inside() { buildah run --isolation chroot "$CONTAINER" -- "$@"; }
else
    inside() { command=$1; shift; "$ENGINE" run --rm --network none --entrypoint "$command" "$TAG" "$@"; }
fi

try() { # sentence, then the command
    printf 'image: %s\n' "$1"
    shift
    inside "$@" || refuse "in the image $TAG this failed with exit code $?: $*" "$AGAIN"
}

test_sluice() {
    try "who runs" id -un
    try "Beam's boot entry is there" test -x /opt/apache/beam/boot
    try "every installed package fits the others" python -m pip check
    try "the compiled job of taxi" python runners/vertex_runner.py --workload taxi --check
    try "a rehearsal of taxi" python runners/vertex_runner.py --workload taxi --rehearse
    try "a run of taxi" python runners/local_runner.py --workload taxi
}

# The number of the server's process, where buildah runs it: buildah passes on no signal.
server() { cat "$(buildah mount "$CONTAINER")/tmp/server.pid"; }

# Starts the image's own entry with the model at /model.
start_serving() { # port
    set -- "AIP_HTTP_PORT=$1" AIP_STORAGE_URI=/model AIP_HEALTH_ROUTE=/health AIP_PREDICT_ROUTE=/ask \
        AIP_MODE=PREDICTION AIP_DEPLOYED_MODEL_ID=1
    if [ "$ENGINE" = buildah ]; then
        entry=$(buildah inspect --type image --format '{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}' "$TAG")
        # shellcheck disable=SC2086
        buildah run --isolation chroot --volume "$MODEL:/model:ro" "$CONTAINER" -- \
            env "$@" sh -c 'echo $$ >/tmp/server.pid; exec "$@"' sh $entry &
        RUN=$!
    else
        port=${1#*=}
        for variable in "$@"; do set -- "$@" --env "$variable"; shift; done
        CONTAINER=$("$ENGINE" run --detach --publish "127.0.0.1:$port:$port" --volume "$MODEL:/model:ro" "$@" "$TAG")
    fi
}

# SIGTERM; the exit code of the server.
stop_serving() {
    if [ "$ENGINE" = buildah ]; then
        kill -TERM "$(server)"
        wait "$RUN" && CODE=0 || CODE=$?
        RUN=
    else
        "$ENGINE" stop --time 60 "$CONTAINER" >/dev/null
        CODE=$("$ENGINE" wait "$CONTAINER")
    fi
}

test_serving() {
    [ -n "$MODEL" ] || MODEL=$(ls -d out/serving/taxi/[0-9]* 2>/dev/null | sort | tail -n 1)
    [ -d "$MODEL" ] || refuse "there is no model to serve${MODEL:+ in $MODEL}" "make run"
    MODEL=$(cd "$MODEL" && pwd)
    try "who runs" id -un
    PORT=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf 'image: serves %s on port %s\n' "$MODEL" "$PORT"
    start_serving "$PORT"
    if ! .venv/bin/python deploy/try_serving.py "http://127.0.0.1:$PORT" "$MODEL"; then
        [ "$ENGINE" = buildah ] || "$ENGINE" logs "$CONTAINER" >&2
        refuse "the image $TAG does not serve as it must" "$AGAIN"
    fi
    stop_serving
    [ "$CODE" = 0 ] || refuse "after SIGTERM the server ended with exit code $CODE" "$AGAIN"
    printf 'image: ended by SIGTERM with exit code 0\n'
}

"test_$TARGET"
printf 'image: %s works\n' "$TAG"
