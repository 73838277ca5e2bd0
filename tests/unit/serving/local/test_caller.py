"""A connection is kept for the next request, and one that the server has ended costs nobody an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serving.local.caller import Caller


class _Handler(BaseHTTPRequestHandler):
    """Answers with the port of the client; after `/last` the connection ends without notice, at `/none` before."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/none":
            self.close_connection = True
            return
        body = str(self.client_address[1]).encode()
        self.send_response(404 if self.path == "/lost" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/last"

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_connection_is_kept_whatever_the_answer(address: str) -> None:
    caller = Caller(60)
    answers = [caller.post(address, "", path, b"{}", {}) for path in ("/", "/lost", "/")]
    assert [each.code for each in answers] == [200, 404, 200]
    assert len({each.body for each in answers}) == 1


def test_a_connection_that_the_server_has_ended_is_opened_again(address: str) -> None:
    caller = Caller(60)
    first = caller.post(address, "", "/last", b"{}", {})
    assert caller.post(address, "", "/", b"{}", {}).body != first.body


def test_a_server_that_does_not_answer_is_asked_once_more_at_most(address: str) -> None:
    caller = Caller(60)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            caller.post(address, "", "/none", b"{}", {})
    assert caller.post(address, "", "/", b"{}", {}).code == 200


def test_each_thread_has_its_own_connection(address: str) -> None:
    caller, ports = Caller(60), set()
    ports.add(caller.post(address, "", "/", b"{}", {}).body)
    thread = threading.Thread(target=lambda: ports.add(caller.post(address, "", "/", b"{}", {}).body))
    thread.start()
    thread.join()
    assert len(ports) == 2
