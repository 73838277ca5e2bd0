#!/bin/sh
# Builds an image of deploy/Dockerfile with docker, podman or buildah, whichever works here. `make image` calls it.
#   --target NAME    sluice (default): the pipeline's. serving: one model behind an endpoint, always without GPU
#   --cpu            without NVIDIA's libraries
#   --tag NAME       the image's name (default: sluice:latest, sluice-serving:latest)
#   --local-bases    base images by debootstrap instead of from an image registry (buildah as root only)
set -eu
cd "$(dirname -- "$0")/.."

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

TARGET=sluice TAG= DEVICE=gpu LOCAL=
while [ $# -gt 0 ]; do
    case $1 in
    --cpu) DEVICE=cpu ;;
    --target)
        case ${2:-} in
        sluice | serving) TARGET=$2; shift ;;
        *) refuse "deploy/Dockerfile has the targets sluice and serving, not \`${2:-}\`" "make image ARGS=\"--target serving\"" ;;
        esac ;;
    --tag) [ $# -gt 1 ] || refuse "--tag needs a name" "make image ARGS=\"--tag sluice:latest\""; TAG=$2; shift ;;
    --local-bases) LOCAL=yes ;;
    *) refuse "deploy/build_image.sh has no option $1" "make image ARGS=\"--target sluice --cpu --tag NAME --local-bases\"" ;;
    esac
    shift
done

if docker info >/dev/null 2>&1; then ENGINE=docker
elif command -v podman >/dev/null; then ENGINE=podman
elif command -v buildah >/dev/null; then ENGINE=buildah
else refuse "no engine that builds images works here: docker (with its daemon), podman or buildah" \
    "apt-get install --no-install-recommends buildah"
fi

PYTHON=.venv/bin/python
CODE=$("$PYTHON" -m runners.provenance)
COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || COMMIT="$COMMIT-dirty"
NAME=sluice
set -- --target "$TARGET" --build-arg "CODE=$CODE" --build-arg "GIT_COMMIT=$COMMIT"
if [ "$TARGET" = serving ]; then
    NAME=sluice-serving DEVICE=cpu
else
    set -- "$@" --build-arg "DEVICE=$DEVICE"
fi
TAG=${TAG:-$NAME:latest}

if [ -n "$LOCAL" ]; then
    [ "$ENGINE" = buildah ] || refuse "--local-bases works with buildah, and $ENGINE is what is here" "make image"
    buildah inspect --type image localhost/golang:trixie >/dev/null 2>&1 || sh deploy/local_bases.sh
    set -- "$@" --pull-never --build-arg PYTHON_IMAGE=localhost/python:3.13-slim-trixie \
        --build-arg GO_IMAGE=localhost/golang:trixie
fi
if [ "$ENGINE" = buildah ]; then
    # A network whose certificates this machine trusts: the build trusts them too, and keeps none of them.
    set -- "$@" --isolation chroot --layers --volume /etc/ssl/certs:/etc/ssl/certs:ro
    for name in PIP_CERT SSL_CERT_FILE; do
        eval "value=\${$name:-}"
        [ -z "$value" ] || set -- "$@" --build-arg "$name=$value"
    done
fi
echo "image: building $TAG with $ENGINE ($DEVICE); ten minutes or more on a slow network"
"$ENGINE" build "$@" --file deploy/Dockerfile --tag "$TAG" . || refuse "$ENGINE could not build $TAG; the lines above say why" "make image ARGS=\"--target $TARGET\""
echo "image: $TAG is built, code $CODE, commit $COMMIT"
echo "       push it:  $ENGINE push $TAG REGION-docker.pkg.dev/PROJECT/sluice/$NAME:TAG"
