"""A CONNECT proxy on loopback that takes known hosts of Google's to the local servers and refuses every other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from cloud.testing.client_hello import offered_protocols, record_length
from cloud.testing.http_server import LOOPBACK

_REFUSAL = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"The local cloud does not know this host, and lets nothing out.\n"
)


class Proxy:
    """Tunnels to `https` (HTTP/1.1 over TLS) or `grpc` (HTTP/2 over TLS), by what the client offers inside.

    `refused` lists, as `host:port`, every address that was requested and is not ours.
    """

    def __init__(self, hosts: Iterable[str], https: int, grpc: int, http: int, port: int = 0) -> None:
        self.hosts = tuple(hosts)
        self.port = port
        self.refused: list[str] = []
        self.reached: list[str] = []
        self._https, self._grpc, self._http = https, grpc, http
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to listen; `port` is known afterwards."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port; tunnels end with the loop."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            await (
                self._connect(target, reader, writer) if method == "CONNECT" else self._forward(head, reader, writer)
            )
        writer.close()

    async def _connect(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._knows(target):
            writer.write(_REFUSAL)
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        header = await reader.readexactly(5)
        record = header + await reader.readexactly(record_length(header))
        # gRPC offers HTTP/2 alone; clients that offer both are served HTTP/1.1.
        speaks_grpc = "h2" in (offered := offered_protocols(record)) and "http/1.1" not in offered
        await _tunnel(self._grpc if speaks_grpc else self._https, record, reader, writer)

    async def _forward(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A plain request through the proxy (the metadata server's): once, then the connection is closed."""
        first, rest = head.split(b"\r\n", 1)
        method, target, version = first.decode().split(" ")
        parts = urlsplit(target)
        if not self._knows(parts.netloc if parts.port else f"{parts.netloc}:80"):
            writer.write(_REFUSAL)
            await writer.drain()
            return
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        lines = [line for line in rest.split(b"\r\n") if not line.lower().startswith((b"connection:", b"proxy-"))]
        request = b"\r\n".join([f"{method} {path} {version}".encode(), b"Connection: close", *lines])
        await _tunnel(self._http, request, reader, writer)

    def _knows(self, target: str) -> bool:
        host = target.rpartition(":")[0].lower()
        known = any(fnmatchcase(host, pattern) for pattern in self.hosts)
        (self.reached if known else self.refused).append(target)
        return known


async def _tunnel(port: int, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies both ways until one side has ended."""
    inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
    inner_writer.write(first)
    try:
        copies = {
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        }
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
    finally:
        inner_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
