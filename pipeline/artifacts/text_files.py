"""Small files inside artifacts, on this machine or in a bucket."""

from __future__ import annotations

import posixpath

from tfx.dsl.io import fileio


def write_text(uri: str, name: str, text: str) -> None:
    """Writes one small file into an artifact."""
    fileio.makedirs(uri)
    with fileio.open(posixpath.join(uri, name), "w") as file:
        file.write(text)


def read_text(uri: str, name: str) -> str:
    """Reads one small file of an artifact."""
    with fileio.open(posixpath.join(uri, name), "r") as file:
        return str(file.read())


def optional_bytes(uri: str, name: str) -> bytes:
    """The bytes of one small file of an artifact, whatever they are; empty where the artifact has no such file."""
    path = posixpath.join(uri, name)
    if not fileio.exists(path):
        return b""
    with fileio.open(path, "rb") as file:
        return bytes(file.read())


def optional_text(uri: str, name: str) -> str:
    """The same as text."""
    return read_text(uri, name) if fileio.exists(posixpath.join(uri, name)) else ""
