#!/bin/sh
# Makes .venv with the Python and exactly the packages of one of two stacks. `make setup` calls it before every target:
# when .venv is finished and up to date it ends at once, without network.
# The stack is the one that SLUICE_STACK names; else the one that .venv has; else modern where its wheels load, or classic.
set -u

# Newer versions should do; this one is what was tried.
UV_VERSION=0.13.8
DISK_NEEDED_MIB=4200

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3
cd "$ROOT" || exit 3
VENV="$ROOT/.venv"
TOOLS="$ROOT/.tools"
LOG="$TOOLS/setup.log"
STAMP="$VENV/sluice-setup"

refuse() { # sentence, next command
    printf 'sluice: %s\n        %s\n' "$1" "$2" >&2
    exit 3
}

# What differs by stack, as core/stack.py has it; a test compares them.
use_stack() { # name
    STACK=$1
    case $STACK in
    classic) TFX=1.16.0 PYTHON_VERSION=3.10 GLIBC_NEEDED=2.31 LOCK=requirements.lock SIZE=3.6 ;;
    modern) TFX=1.21.0 PYTHON_VERSION=3.13 GLIBC_NEEDED=2.39 LOCK=requirements-modern.lock SIZE=3.7 ;;
    esac
}

loads_here() {
    minor=${GLIBC#2.}
    [ "${minor%%.*}" -ge "${GLIBC_NEEDED#2.}" ] 2>/dev/null
}

check_platform() {
    platform="$(uname -s) $(uname -m)"
    [ "$platform" = "Linux x86_64" ] ||
        refuse "both stacks are for Linux on x86_64 (tfx-bsl, TensorFlow Data Validation and ML Metadata have no packages for Linux on aarch64), and this is ${platform% *} on ${platform#* }" \
            "In a container:  docker run --platform linux/amd64 -it -v \"$ROOT\":/sluice -w /sluice python:3.13-trixie make run"
    GLIBC=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)
}

stack_of_venv() {
    [ -x "$VENV/bin/python" ] || return 0
    case $(grep '^version' "$VENV/pyvenv.cfg" 2>/dev/null) in
    *"= 3.10."*) echo classic ;;
    *"= 3.13."*) echo modern ;;
    esac
}

# An environment keeps its stack: who chose one with SLUICE_STACK types it once, and not before every `make run`.
choose_stack() {
    case ${SLUICE_STACK:-} in
    classic | modern)
        use_stack "$SLUICE_STACK"
        loads_here || refuse "the $STACK stack needs glibc $GLIBC_NEEDED or newer, and this machine has ${GLIBC:-no glibc}" \
            "Let the set-up choose:  env -u SLUICE_STACK make setup"
        WHY="as SLUICE_STACK names it"
        return ;;
    ?*) refuse "SLUICE_STACK is \`$SLUICE_STACK\`, and the stacks are classic and modern" "env -u SLUICE_STACK make setup" ;;
    esac
    present=$(stack_of_venv)
    use_stack "${present:-modern}"
    if loads_here; then
        WHY="as this machine has glibc $GLIBC"
        [ -z "$present" ] || WHY="as .venv has it now"
        return
    fi
    use_stack classic
    loads_here || refuse "TFX has packages for glibc $GLIBC_NEEDED or newer, and this machine has ${GLIBC:-no glibc}" \
        "In a container:  docker run -it -v \"$ROOT\":/sluice -w /sluice python:3.13-trixie make run"
    WHY="as the modern one needs glibc 2.39 and this machine has $GLIBC"
}

# What the environment was made from, and where: console scripts hold absolute paths, so a moved folder is made anew.
wanted_stamp() {
    hash=$(cat "$LOCK" setup.py | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1)
    printf '%s %s\n%s\n' "$hash" "$ROOT" "$STACK"
}

is_finished() {
    [ -x "$VENV/bin/python" ] && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$WANTED" ]
}

check_disk() {
    [ -e "$VENV" ] && return
    free_mib=$(df -Pm "$ROOT" | awk 'NR == 2 { print $4 }')
    [ "$free_mib" -ge "$DISK_NEEDED_MIB" ] ||
        refuse "the environment needs 4 GiB of disk and $ROOT has $free_mib MiB free" "See what is large:  du -xsh ~/* | sort -h"
}

# Two set-ups at once would write over each other.
wait_for_other_setup() {
    command -v flock >/dev/null 2>&1 || return 0
    exec 9>"$TOOLS/setup.lock"
    flock -n 9 && return
    echo "setup: another set-up is at work on this folder; waiting for it"
    flock 9
}

find_uv() {
    for UV in uv "$TOOLS/uv/bin/uv"; do
        "$UV" --version >>"$LOG" 2>&1 && return
    done
    echo "setup: putting uv $UV_VERSION, the installer, into .tools/uv"
    rm -rf "$TOOLS/uv"
    command -v python3 >/dev/null 2>&1 ||
        refuse "neither uv nor python3 is on this machine" "Install one:  sudo apt-get install python3 python3-venv"
    python3 -m venv "$TOOLS/uv" >>"$LOG" 2>&1 ||
        refuse "python3 cannot make a virtual environment (its venv module is missing)" \
            "Install it:  sudo apt-get install python3-venv"
    "$TOOLS/uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >>"$LOG" 2>&1 ||
        refuse "uv could not be installed by pip (is there a network?)" "See why:  tail $LOG"
    UV="$TOOLS/uv/bin/uv"
}

# uv does not read pip's settings: where pip is told to go by the environment, uv goes too. Nothing of it is stored.
follow_pip_settings() {
    [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
    [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
    # An active environment of another project must not be what gets synced.
    unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME UV_PYTHON UV_PROJECT_ENVIRONMENT
}

# Complete, made here, of this stack, and only its packages are out of date: those are exchanged in place.
can_be_updated() {
    [ "$(stack_of_venv)" = "$STACK" ] && [ -f "$STAMP" ] && [ "$(head -n 1 "$STAMP" | cut -d ' ' -f 2-)" = "$ROOT" ]
}

make_interpreter() {
    if can_be_updated; then
        rm -f "$STAMP"
        return
    fi
    # Found, or fetched, before an environment is removed that may still be of use.
    find_interpreter || { "$UV" python install --no-bin "$PYTHON_VERSION" >>"$LOG" 2>&1 && find_interpreter; } ||
        refuse_interpreter
    # A set-up that was interrupted may have left half a package behind: it is not trusted.
    rm -rf "$VENV"
    "$UV" venv --python "$INTERPRETER" "$VENV" >>"$LOG" 2>&1 || refuse_interpreter
}

find_interpreter() {
    # pyenv's commands answer for the version that is chosen, and not for the others that it has.
    INTERPRETER=$(PYENV_VERSION=$PYTHON_VERSION "$UV" python find --system "$PYTHON_VERSION" 2>>"$LOG")
}

refuse_interpreter() {
    ! grep -qi 'no space left' "$LOG" || refuse "the disk is full" "See what is large:  du -xsh ~/* | sort -h"
    refuse "Python $PYTHON_VERSION is not on this machine and could not be fetched (is there a network?)" \
        "Install it:  sudo apt-get install python$PYTHON_VERSION-dev    or:  pyenv install $PYTHON_VERSION"
}

install_packages() {
    "$UV" pip sync --python "$VENV/bin/python" --require-hashes --compile-bytecode "$LOCK" >>"$LOG" 2>&1 ||
        explain_failure
    # compat: a plain path file, so that a room that is added later can be imported without installing again.
    "$UV" pip install --python "$VENV/bin/python" --no-deps --no-build-isolation --offline \
        --config-setting editable_mode=compat --editable "$ROOT" >>"$LOG" 2>&1 ||
        refuse "the sluice package itself could not be installed" "See why:  tail $LOG"
}

explain_failure() {
    if grep -qi 'no space left' "$LOG"; then
        refuse "the disk became full while packages were installed" "See what is large:  du -xsh ~/* | sort -h"
    elif grep -qi 'hash mismatch' "$LOG"; then
        refuse "a package is not the one that $LOCK pins (its hash differs)" "See which:  grep -i -A 5 hash $LOG"
    elif grep -q 'pyfarmhash' "$LOG" && ! command -v c++ >/dev/null 2>&1 && ! command -v g++ >/dev/null 2>&1; then
        refuse "pyfarmhash is built from source and there is no C++ compiler" "Install one:  sudo apt-get install g++"
    elif grep -q 'Python\.h' "$LOG"; then
        refuse "pyfarmhash is built from source and the headers of Python $PYTHON_VERSION are missing" \
            "Install them:  sudo apt-get install python$PYTHON_VERSION-dev"
    elif grep -qiE 'failed to fetch|dns error|tcp connect|connection (refused|reset)|timed out|network connectivity|network was disabled' "$LOG"; then
        refuse "packages could not be downloaded (is there a network?); what is there is kept" "Then again:  make setup"
    fi
    refuse "packages could not be installed" "See why:  tail $LOG"
}

check_platform
choose_stack
WANTED=$(wanted_stamp)
is_finished && exit 0
mkdir -p "$TOOLS" || exit 3
wait_for_other_setup
# The other one may have made an environment of another stack, which is kept.
choose_stack
WANTED=$(wanted_stamp)
is_finished && exit 0
: >"$LOG"
check_disk
follow_pip_settings
find_uv
echo "setup: making .venv of the $STACK stack, $WHY: TFX $TFX, Python $PYTHON_VERSION, $(grep -c '==' "$LOCK") packages, $SIZE GB; about a minute, longer on a slow network"
make_interpreter
install_packages
# Written last and whole: without it the environment counts as unfinished.
printf '%s\n' "$WANTED" >"$STAMP.new" && mv "$STAMP.new" "$STAMP" || refuse "$STAMP could not be written" "make setup"
echo "setup: done"
