"""Reads from the first bytes of a TLS connection which protocols the client offers: gRPC offers `h2` alone."""

from __future__ import annotations

from collections.abc import Iterator

_ALPN = 16
_RECORD_HEADER = 5


def record_length(header: bytes) -> int:
    """The length of a TLS record by its five bytes of header."""
    return int.from_bytes(header[3:_RECORD_HEADER], "big")


def offered_protocols(record: bytes) -> list[str]:
    """The application protocols in a ClientHello (RFC 8446, 4.1.2, and RFC 7301); [] when it names none."""
    # Record header, handshake type and length, version, random; then three vectors of which none interests us.
    position = _RECORD_HEADER + 4 + 2 + 32
    for width in (1, 2, 1):
        position += width + int.from_bytes(record[position : position + width], "big")
    for kind, content in _extensions(record[position + 2 :]):
        if kind == _ALPN:
            return list(_names(content[2:]))
    return []


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        kind, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _names(data: bytes) -> Iterator[str]:
    while data:
        yield data[1 : 1 + data[0]].decode("ascii", "replace")
        data = data[1 + data[0] :]
