#!/bin/sh
# Runs a command with the modern stack in a Debian 13 folder, as root: makes .tools/debian13 by debootstrap, copies the
# working tree into it, calls the set-up there, then the command. A second call finds folder and environment ready.
# All its mounts are in a namespace of their own and end with it. Exit code 3: this machine cannot make the folder.
#
#   sh scripts/in_debian13.sh make run
#
# SLUICE_DEBIAN_MIRROR is where Debian is fetched from, else the machine's own mirror.
set -u
# In a git hook these name another repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

SUITE=trixie
PACKAGES=ca-certificates,g++,git,make,python3,python3-dev,python3-venv
USUAL_MIRROR=http://deb.debian.org/debian
DISK_NEEDED_MIB=6000

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3
TOOLS="$ROOT/.tools"
FOLDER="$TOOLS/debian13"
STAMP="$FOLDER/sluice-made"
COPY=/srv/sluice # inside
LOG="$TOOLS/debian13.log"
NO_NETWORK='dns error|tcp connect|connection (refused|reset)|timed out|network connectivity|network is unreachable|name resolution|new connection'

refuse() { # sentence, next command: the machine cannot
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

fail() { # sentence, next command: the machine can, and the modern stack does not work on it
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 1
}

check_machine() {
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
        refuse "the modern stack has packages for Linux on x86_64 only, and this is $(uname -s) on $(uname -m)" \
            "See which stack a machine can have:  make doctor"
    [ "$(id -u)" = 0 ] || refuse "only root can make the Debian 13 folder for the modern stack" "As root:  sudo make test-modern"
    in_namespace true 2>/dev/null ||
        refuse "this machine lets root mount nothing of its own (as in most containers), so the Debian 13 folder cannot be used" \
            "In a container that may:  docker run --privileged …"
    ours ls-files >/dev/null 2>&1 ||
        refuse "the files to copy into the Debian 13 folder cannot be listed: git is missing or $ROOT is no clone" \
            "See why:  git -C '$ROOT' status"
}

check_disk() {
    free_mib=$(df -Pm "$TOOLS" | awk 'NR == 2 { print $4 }')
    [ "$free_mib" -ge "$DISK_NEEDED_MIB" ] ||
        refuse "the Debian 13 folder and its environment need 6 GB of disk and $TOOLS has $free_mib MiB free" \
            "See what is large:  du -xsh ~/* | sort -h"
}

# Mounts and processes of its own, which end with it: at its end, and when this script is interrupted or killed.
in_namespace() {
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc "$@"
}

ours() {
    git -c safe.directory="$ROOT" -C "$ROOT" "$@"
}

# Two at once would write over each other.
wait_for_other() {
    exec 8>"$TOOLS/debian13.lock"
    flock -n 8 && return
    echo "debian13: another command is at work in .tools/debian13; waiting for it"
    flock 8
}

is_made() {
    [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$SUITE $PACKAGES" ]
}

install_debootstrap() {
    command -v debootstrap >/dev/null 2>&1 && return
    echo "debian13: installing debootstrap"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap debian-archive-keyring; } \
        >>"$LOG" 2>&1 && command -v debootstrap >/dev/null 2>&1 ||
        refuse "debootstrap, which makes the Debian 13 folder, is not there and could not be installed" \
            "Install it:  sudo apt-get install debootstrap debian-archive-keyring"
}

mirror() {
    own=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
        grep -m 1 -E '^https?://')
    printf '%s\n' "${SLUICE_DEBIAN_MIRROR:-${own:-$USUAL_MIRROR}}"
}

# Moved in whole, so that a folder that was interrupted is made again. The stamp goes first for the same reason.
make_folder() {
    : >"$LOG"
    rm -f "$STAMP" && rm -rf --one-file-system "$FOLDER" "$FOLDER.new"
    check_disk
    install_debootstrap
    echo "debian13: making .tools/debian13 by debootstrap, 0.8 GB; about two minutes"
    in_namespace debootstrap --variant=minbase --force-check-gpg --include="$PACKAGES" "$SUITE" "$FOLDER.new" "$(mirror)" \
        >>"$LOG" 2>&1 || explain_failure
    printf '%s\n' "$SUITE $PACKAGES" >"$FOLDER.new/sluice-made" && mv "$FOLDER.new" "$FOLDER" ||
        refuse "$FOLDER could not be written" "See why:  df -h '$TOOLS'"
}

explain_failure() {
    if grep -qi 'no space left' "$LOG"; then
        refuse "the disk became full while the Debian 13 folder was made" "See what is large:  du -xsh ~/* | sort -h"
    elif grep -qiE 'no keyring|keyring file not available' "$LOG"; then
        refuse "the keys that prove a Debian archive are not on this machine" \
            "Install them:  sudo apt-get install debian-archive-keyring"
    elif grep -qiE "failed getting release|couldn't download|unable to resolve|$NO_NETWORK" "$LOG"; then
        refuse "Debian 13 could not be fetched (is there a network?)" \
            "From another mirror:  SLUICE_DEBIAN_MIRROR=$USUAL_MIRROR make test-modern"
    fi
    refuse "debootstrap could not make the Debian 13 folder" "See why:  tail '$LOG'"
}

# What commands made in the copy stays: the environment, caches and outputs.
copy_tree() {
    home="$FOLDER$COPY"
    list="$FOLDER/srv/files" && mkdir -p "$home" || return 1
    find "$home" -mindepth 1 -maxdepth 1 ! -name .venv ! -name .tools ! -name .git ! -name '.*_cache' ! -name '*.egg-info' \
        ! -name out ! -name data -exec rm -rf {} + || return 1
    # A file that is deleted and not committed is listed; .venv and data may be links, which .gitignore does not mean.
    ours ls-files -z --cached --others --exclude-standard |
        (cd "$ROOT" && xargs -0 sh -c 'for f; do [ -e "$f" ] || [ -L "$f" ] && printf "%s\0" "$f"; done' sh) |
        grep -zvxE '\.venv|\.tools|data|out' >"$list" || return 1
    tar -C "$ROOT" --create --no-recursion --null --files-from="$list" --file="$list.tar" &&
        tar -C "$home" --extract --no-same-owner --file="$list.tar" && rm "$list.tar" || return 1
    # The rules of the house list files by git, and a run records its commit.
    git init --quiet "$home" && git -C "$home" add --all &&
        git -C "$home" -c user.name=sluice -c user.email=sluice@localhost -c commit.gpgsign=false -c core.hooksPath=/dev/null \
            commit --quiet --allow-empty --message "The working tree of the checkout"
}

enter() {
    in_namespace sh "$ROOT/scripts/enter_debian13.sh" "$ROOT" "$FOLDER" "$COPY" "$@"
}

set_up() {
    environment="$FOLDER$COPY/.venv/sluice-setup"
    log="$FOLDER$COPY/.tools/setup.log"
    rm -f "$log"
    [ -f "$environment" ] || check_disk
    if enter sh scripts/setup_environment.sh; then
        # The set-up chooses as on any machine; its stamp ends with the name.
        [ "$(tail -n 1 "$environment")" = modern ] && return
        fail "the set-up did not choose the modern stack in the Debian 13 folder" "See what it chose:  cat '$environment'"
    fi
    # No network is the machine's; whatever else is in the way may be the lock's.
    if [ ! -f "$environment" ] && grep -qisE "$NO_NETWORK" "$log" && ! grep -qi 'hash mismatch' "$log"; then
        refuse "packages could not be fetched into the Debian 13 folder (is there a network?)" "See why:  tail '$log'"
    fi
    fail "the modern stack could not be installed in the Debian 13 folder" "See why:  tail '$log'"
}

[ $# -gt 0 ] || refuse "a command to run in the Debian 13 folder is missing" "For example:  sh scripts/in_debian13.sh make run"
check_machine
# Of whose the checkout is, for their own set-up writes there, too.
[ -d "$TOOLS" ] || { mkdir "$TOOLS" && chown --reference="$ROOT" "$TOOLS"; } || exit 3
wait_for_other
is_made || make_folder
copy_tree || fail "the working tree could not be copied into $FOLDER" "See why:  df -h '$TOOLS'"
set_up
enter "$@"
