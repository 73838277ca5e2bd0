#!/bin/sh
# Puts the four files of Fashion-MNIST into data/fashion-mnist, without root, for the workload of that name and for the
# tests and benchmarks that need images. Ends at once when they are there, or when the Debian package is installed.
set -u

FILES="train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz"
PACKAGE=dataset-fashion-mnist
INSTALLED=/usr/share/datasets/fashion-mnist

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3
HERE="$ROOT/data/fashion-mnist"
PYTHON="$ROOT/.venv/bin/python"

holds_all() { # folder
    for file in $FILES; do
        gzip -t "$1/$file" 2>/dev/null || return 1
    done
}

# Moved in whole: a download that was interrupted leaves nothing half done.
put_in_place() { # folder
    mkdir "$WORK/whole" || return 1
    for file in $FILES; do
        cp "$1/$file" "$WORK/whole/$file" || return 1
    done
    rm -rf "$HERE" && mv "$WORK/whole" "$HERE"
}

from_debian() {
    command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || return 1
    (cd "$WORK" && apt-get -q download "$PACKAGE") >/dev/null 2>&1 || return 1
    dpkg -x "$WORK"/"$PACKAGE"_*.deb "$WORK/package" >/dev/null 2>&1 && holds_all "$WORK/package$INSTALLED" &&
        put_in_place "$WORK/package$INSTALLED"
}

from_keras() {
    [ -x "$PYTHON" ] || return 1
    KERAS_HOME="$WORK/keras" TF_CPP_MIN_LOG_LEVEL=3 "$PYTHON" -c \
        'import keras; keras.datasets.fashion_mnist.load_data()' >/dev/null 2>&1 || return 1
    holds_all "$WORK/keras/datasets/fashion-mnist" && put_in_place "$WORK/keras/datasets/fashion-mnist"
}

if holds_all "$INSTALLED"; then
    echo "data: Fashion-MNIST is in $INSTALLED"
    exit 0
elif holds_all "$HERE"; then
    echo "data: Fashion-MNIST is in data/fashion-mnist"
    exit 0
fi

mkdir -p "$ROOT/data" && WORK=$(mktemp -d "$ROOT/data/.fetch.XXXXXX") || exit 3
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
if from_debian; then
    echo "data: Fashion-MNIST is now in data/fashion-mnist, from the Debian package $PACKAGE"
elif from_keras; then
    echo "data: Fashion-MNIST is now in data/fashion-mnist, from the address that Keras knows"
else
    printf 'sluice: %s\n        %s\n        %s\n' \
        "Fashion-MNIST could not be fetched, neither as a Debian package nor through Keras (is there a network?)" \
        "sudo apt-get update && sudo apt-get install $PACKAGE" \
        "sh scripts/fetch_fashion_mnist.sh" >&2
    exit 3
fi
