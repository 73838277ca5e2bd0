"""A receiver of webhooks on this machine, which answers as a test wants."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """What arrived."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """`codes`: the answers in turn, the last one again and again; 0: none until the test is over."""

    codes: list[int]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, request: Request) -> int:
        self.requests.append(request)
        return self.codes[min(len(self.requests), len(self.codes)) - 1]


@contextmanager
def receiving(*codes: int, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that answers with these codes, by default 200."""
    receiver = Receiver([*(codes or (200,))])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = receiver.answer_to(Request(dict(self.headers), body))
            if code == 0:
                receiver.over.wait()
                return
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
