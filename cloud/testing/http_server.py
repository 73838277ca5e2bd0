"""Serves handlers over HTTP/1.1 on loopback, plain or with TLS, a thread a connection.

The standard library's server, for it takes requests as clients really send them: TensorFlow's storage client sends
`Transfer-Encoding: identity` with its `Content-Length`, which aiohttp and Go's server refuse.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any

from google.api_core import exceptions

from cloud.testing.messages import Answer, Handler, Request, answered

LOOPBACK = "127.0.0.1"
WITHOUT_BODY = (204, 304)


class HttpServer:
    """One listening port, served until `stop`."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        scheme = "https" if tls else "http"
        bound = type("Connection", (_Connection,), {"handler": staticmethod(handler), "scheme": scheme})
        self._server = _Server((LOOPBACK, port), bound, tls)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-cloud", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Closes the port and every connection that a client has kept."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None
    ) -> None:
        self._tls = tls
        self._open: set[socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket, Any]:
        """The next connection. Its handshake is left to the first read, on the connection's own thread."""
        connection, address = super().get_request()
        if self._tls is None:
            return connection, address
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection on a thread of its own."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection that its thread has served."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends what is still open; the threads then find their connections closed."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up or refuses our certificate is its own affair."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, head and body of an answer wait for each other's acknowledgement (40 ms).
    disable_nagle_algorithm = True
    wbufsize = -1
    handler: Handler
    scheme: str

    def _answer(self) -> None:
        origin = f"{self.scheme}://{self.headers.get('Host', 'localhost')}"
        request = Request.of(self.command, self.path, dict(self.headers.items()), self._body(), origin)
        answer = answered(type(self).handler, request)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in WITHOUT_BODY:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Lets the client go on at once; the answer to it would otherwise wait in the buffer (curl waits a second)."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was called is in `Faults.calls`."""


def by_host(handlers: Mapping[str, Handler]) -> Handler:
    """Chooses the handler by the host's name; the keys are shell patterns."""

    def choose(request: Request) -> Answer:
        host = request.headers.get("host", "").partition(":")[0].lower()
        for pattern, handler in handlers.items():
            if fnmatchcase(host, pattern):
                return handler(request)
        raise exceptions.NotFound(f"The local cloud has no host {host}")

    return choose
