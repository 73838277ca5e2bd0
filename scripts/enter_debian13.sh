#!/bin/sh
# Called by in_debian13.sh in a mount namespace of its own: shows the Debian 13 folder what it needs of the machine, and
# runs a command in its copy of the working tree. What is shown is mounted, not copied: nothing of it stays.
#
#   sh enter_debian13.sh ROOT FOLDER COPY COMMAND…
set -eu

ROOT=$1 FOLDER=$2 COPY=$3
HOME_INSIDE=/root
: "${HOME:=$HOME_INSIDE}"
shift 3

show() { # a file or folder of the machine, its path inside
    [ -e "$1" ] || return 0
    if [ -d "$1" ]; then
        mkdir -p "$FOLDER$2"
    else
        mkdir -p "$FOLDER$(dirname "$2")"
        [ -e "$FOLDER$2" ] || : >"$FOLDER$2"
    fi
    mount --bind "$1" "$FOLDER$2"
}

mount -t proc proc "$FOLDER/proc"
mount --rbind /dev "$FOLDER/dev"
mount --rbind /sys "$FOLDER/sys"
rm -rf "$FOLDER/tmp" && mkdir -m 1777 "$FOLDER/tmp"

for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/uv/uv.toml; do
    show "$file" "$file"
done
for file in .config/pip/pip.conf .pip/pip.conf .config/uv/uv.toml; do
    show "$HOME/$file" "$HOME_INSIDE/$file"
done
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
show "${PIP_CERT:-${SSL_CERT_FILE:-$CERTIFICATES}}" "$CERTIFICATES"
# Downloads are shared with the environment of the checkout.
cache="${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/uv}"
mkdir -p "$cache"
show "$cache" "$HOME_INSIDE/.cache/uv"
for images in "$ROOT/data/fashion-mnist" /usr/share/datasets/fashion-mnist; do
    if [ -d "$images" ]; then
        show "$images" "$COPY/data/fashion-mnist"
        break
    fi
done

set -- HOME="$HOME_INSIDE" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$FOLDER" sh -c 'cd "$0" && exec "$@"' "$COPY" "$@"
# Between mounts there are no hard links: uv copies, and need not say so.
set -- UV_LINK_MODE=copy "$@"
[ ! -s "$FOLDER$CERTIFICATES" ] || set -- PIP_CERT="$CERTIFICATES" "$@"
# Of this machine's environment: where packages come from, and nothing else.
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'); do
    case "$name" in
        UV_CACHE_DIR) set -- -u "$name" "$@" ;;
        PIP_* | UV_* | TERM | [a-z]*_proxy | [A-Z]*_PROXY) ;;
        *) set -- -u "$name" "$@" ;;
    esac
done
# Not exec: this shell is the first process of its namespace, and collects those that lost their parent.
status=0
env "$@" || status=$?
exit "$status"
