#!/bin/sh
# Tries an image that deploy/build_image.sh made: the check of the compiled job, a rehearsal and a run of the taxi
# workload, each inside the image, as the user that it names. `make image-test` calls it.
#   --tag NAME   the image (default: sluice:latest)
set -eu

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

TAG=sluice:latest
[ $# -eq 0 ] || { [ "$1" = --tag ] && [ $# -eq 2 ] && TAG=$2; } ||
    refuse "deploy/test_image.sh takes --tag NAME and nothing else" "make image-test ARGS=\"--tag sluice:latest\""

if docker info >/dev/null 2>&1; then
    inside() { command=$1; shift; docker run --rm --network none --entrypoint "$command" "$TAG" "$@"; }
elif command -v podman >/dev/null; then
    inside() { command=$1; shift; podman run --rm --network none --entrypoint "$command" "$TAG" "$@"; }
elif command -v buildah >/dev/null; then
    CONTAINER=$(buildah from --pull-never "$TAG") || refuse "there is no image $TAG here" "make image"
    trap 'buildah rm "$CONTAINER" >/dev/null' EXIT
    inside() { buildah run --isolation chroot "$CONTAINER" -- "$@"; }
else
    refuse "no engine that runs images works here: docker (with its daemon), podman or buildah" \
        "apt-get install --no-install-recommends buildah"
fi

try() { # sentence, then the command
    printf 'image: %s\n' "$1"
    shift
    inside "$@" || refuse "in the image $TAG this failed with exit code $?: $*" "make image-test ARGS=\"--tag $TAG\""
}

try "who runs" id -un
try "Beam's boot entry is there" test -x /opt/apache/beam/boot
try "every installed package fits the others" python -m pip check
try "the compiled job of taxi" python runners/vertex_runner.py --workload taxi --check
try "a rehearsal of taxi" python runners/vertex_runner.py --workload taxi --rehearse
try "a run of taxi" python runners/local_runner.py --workload taxi
printf 'image: %s works\n' "$TAG"
