#!/bin/sh
# Makes the two base images of the Dockerfile without an image registry, by debootstrap, for buildah:
# localhost/python:3.10-slim-bookworm from this machine's Python 3.10, localhost/golang:bookworm from its Go.
set -eu
cd "$(dirname -- "$0")/.."

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

[ "$(id -u)" = 0 ] || refuse "only root can make a base image by debootstrap" "sudo sh deploy/local_bases.sh"
command -v debootstrap >/dev/null || refuse "debootstrap is not on this machine" "apt-get install --no-install-recommends debootstrap"
command -v go >/dev/null || refuse "Go is not on this machine, and Beam's boot entry is built with it" "apt-get install golang"
[ -x .venv/bin/python ] || refuse "the environment .venv is missing, whose Python is copied" "make setup"
PREFIX=$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')
GO=$(go env GOROOT)
# What an interpreter of Debian 12 links to.
LIBRARIES=ca-certificates,libbz2-1.0,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,libtirpc3,libnsl2,libuuid1,zlib1g

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
debootstrap --variant=minbase "--include=$LIBRARIES" bookworm "$WORK/tree" http://deb.debian.org/debian >"$WORK/log" 2>&1 ||
    { tail -n 5 "$WORK/log" >&2; refuse "debootstrap failed" "curl -I http://deb.debian.org/debian"; }
rm -rf "$WORK/tree/var/lib/apt/lists/"* "$WORK/tree/var/cache/apt/archives/"*.deb

base() { # name: an image of the root, with what is copied into it by `copy`
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$WORK/tree" / >/dev/null
    "$2" "$container"
    buildah config --env PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$container"
    buildah commit --quiet --rm "$container" "$1" >/dev/null
    echo "base: $1"
}
python_into() {
    buildah add --quiet "$1" "$PREFIX" /usr/local >/dev/null
    buildah run --isolation chroot "$1" -- ldconfig
}
go_into() { buildah add --quiet "$1" "$GO" /usr/local/go >/dev/null; }

base localhost/python:3.10-slim-bookworm python_into
base localhost/golang:bookworm go_into
