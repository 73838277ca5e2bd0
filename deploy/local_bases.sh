#!/bin/sh
# Makes the two base images of the Dockerfile without an image registry, by debootstrap, for buildah:
# localhost/python:3.13-slim-trixie with Debian's Python, localhost/golang:trixie with the Go of this machine.
set -eu
cd "$(dirname -- "$0")/.."

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

[ "$(id -u)" = 0 ] || refuse "only root can make a base image by debootstrap" "sudo sh deploy/local_bases.sh"
command -v debootstrap >/dev/null || refuse "debootstrap is not on this machine" "apt-get install --no-install-recommends debootstrap"
command -v go >/dev/null || refuse "Go is not on this machine, and Beam's boot entry is built with it" "apt-get install golang"
GO=$(go env GOROOT)
# With the headers, as the image of the registry has them.
PACKAGES=ca-certificates,python3,python3-dev,python3-venv

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
debootstrap --variant=minbase "--include=$PACKAGES" trixie "$WORK/tree" http://deb.debian.org/debian >"$WORK/log" 2>&1 ||
    { tail -n 5 "$WORK/log" >&2; refuse "debootstrap failed" "curl -I http://deb.debian.org/debian"; }
rm -rf "$WORK/tree/var/lib/apt/lists/"* "$WORK/tree/var/cache/apt/archives/"*.deb

base() { # name, folder: an image of the root, with the folder in /usr/local/go where one is given
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$WORK/tree" / >/dev/null
    [ $# -lt 2 ] || buildah add --quiet "$container" "$2" /usr/local/go >/dev/null
    buildah config --env PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$container"
    buildah commit --quiet --rm "$container" "$1" >/dev/null
    echo "base: $1"
}

base localhost/python:3.13-slim-trixie
base localhost/golang:trixie "$GO"
