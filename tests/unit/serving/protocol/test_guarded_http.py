"""Raw sockets against a server of uvicorn with short limits: who is slow, silent or endless ends alone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from serving.protocol.guarded_http import Limits, guarded

SHORT = 0.3  # seconds of a limit that shall be reached
LARGE = 50_000_000  # bytes of an answer that no buffer takes
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"


@dataclass
class _Server:
    """Answers a body with its length; `/large` with many bytes, `/early` before it has read, `/wait` when let go."""

    port: int
    let_go: threading.Event = field(default_factory=threading.Event)
    connections: set[Any] = field(default_factory=set)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        if scope["path"] == "/wait":
            await asyncio.get_running_loop().run_in_executor(None, self.let_go.wait, 60)
        body = b"x" * LARGE if scope["path"] == "/large" else str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def connect(self) -> _Client:
        return _Client(socket.create_connection(("127.0.0.1", self.port), timeout=60))


@dataclass
class _Client:
    socket: socket.socket

    def sends(self, content: bytes) -> _Client:
        self.socket.sendall(content)
        return self

    def answer(self) -> bytes:
        """The next whole answer; empty when the server has ended the connection."""
        found = b""
        while part := self.part():
            found += part
            head, end, body = found.partition(b"\r\n\r\n")
            if end and len(body) == int(head.split(b"content-length: ")[1].split(b"\r\n")[0]):
                break
        return found

    def part(self) -> bytes:
        """What has come."""
        try:
            return self.socket.recv(65_536)
        except ConnectionResetError:
            return b""

    def is_refused_with(self, code: int, message: str) -> bool:
        """With an error of Vertex' form, and the end of the connection."""
        head, _, body = self.answer().partition(b"\r\n\r\n")
        error = json.loads(body)["error"]
        assert head.startswith(b"HTTP/1.1 %d " % code), head
        assert error["code"] == code and message in error["message"], error
        return self.answer() == b""


@contextmanager
def _serving(**limits: Any) -> Iterator[_Server]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = _Server(listening.getsockname()[1])
        protocol = guarded(Limits(**limits))
        config = uvicorn.Config(
            server.app, http=protocol, interface="asgi3", lifespan="off", log_level="error", timeout_keep_alive=60
        )
        running = uvicorn.Server(config)
        server.connections = running.server_state.connections
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            # The kernel takes the connection; the answer comes once the server runs.
            listening.listen(256)
            assert server.connect().sends(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").answer()
            yield server
        finally:
            server.let_go.set()
            running.should_exit = running.force_exit = True
            thread.join(60)


def test_a_head_that_does_not_come_ends() -> None:
    with _serving(head_seconds=SHORT) as server:
        silent = server.connect()
        begun = server.connect().sends(POST[:20])
        assert silent.answer() == b""
        assert begun.is_refused_with(408, "the head of the request did not come within 0.3 s")
        # The second request of a connection has the same limit, though bytes that begin no request came before it.
        again = server.connect().sends(POST + b"0123456789")
        assert again.answer().endswith(b"10")
        again.sends(b"\r\n")
        assert again.is_refused_with(408, "the head")


def test_a_body_that_does_not_come_ends() -> None:
    with _serving(body_seconds=SHORT) as server:
        assert server.connect().sends(POST + b"012").is_refused_with(408, "the body of the request did not come")


def test_one_byte_after_another_wins_no_time() -> None:
    with _serving(head_seconds=SHORT) as server:
        client = server.connect()
        client.socket.settimeout(0.02)
        sent = 0
        # Without a limit this would be a head of ten minutes.
        for sent in range(30_000):
            try:
                client.sends(b"G" if sent == 0 else b"E")
                if client.part() == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert 0 < sent < 29_999


def test_an_answer_that_nobody_reads_ends() -> None:
    with _serving(read_seconds=SHORT) as server:
        client = server.connect().sends(POST.replace(b"/ ", b"/large ", 1) + b"0123456789")
        assert client.socket.recv(1)  # until then, the server may not have the connection yet
        _until(lambda: not server.connections)
        received = 0
        while part := client.part():
            received += len(part)
        assert received < LARGE


def test_an_answer_before_the_body_leaves_no_connection_without_a_limit() -> None:
    with _serving(body_seconds=SHORT, head_seconds=SHORT) as server:
        for body in (b"012", b"0123456789"):
            client = server.connect().sends(POST.replace(b"/ ", b"/early ", 1))
            assert client.answer()
            client.sends(body)
            _until(lambda: not server.connections)


@pytest.mark.parametrize("content", [b"GET / HTTP/1.1\r\nx: " + b"y" * 3000, b"GET /" + b"y" * 3000, b"\r\n" * 1500])
def test_a_head_without_an_end_is_refused(content: bytes) -> None:
    with _serving(head_bytes=2000) as server:
        assert server.connect().sends(content).is_refused_with(431, "longer than 2000 bytes")


def test_a_body_of_many_small_chunks_or_endless_trailers_ends() -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    with _serving(head_bytes=1000, body_bytes=1000) as server:
        fits = server.connect().sends(head + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n")
        assert fits.answer().endswith(b"1000")
        client = server.connect().sends(head + b"0\r\n")
        with pytest.raises(OSError):
            for _ in range(10_000):
                client.sends(b"trailer: %s\r\n" % (b"x" * 1000))


def test_what_is_no_http_is_refused_in_the_form_of_the_protocol() -> None:
    with _serving() as server:
        for content in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"GET \xff HTTP/1.1\r\n\r\n"):
            assert server.connect().sends(content).is_refused_with(400, "Invalid HTTP request")


def test_when_there_are_too_many_connections_the_one_that_waits_longest_goes() -> None:
    with _serving(connections=3) as server:
        busy = server.connect().sends(POST.replace(b"/ ", b"/wait ", 1) + b"0123456789")
        _until(lambda: any(each.cycle and not each.cycle.more_body for each in list(server.connections)))
        kept = server.connect().sends(POST + b"0123456789")
        assert kept.answer().endswith(b"10")
        slow = server.connect().sends(POST)
        _until(lambda: len(server.connections) == 3)
        # Idle connections come and go, and honest clients are answered beside them.
        for _ in range(20):
            server.connect()
            assert server.connect().sends(POST + b"0123456789").answer().endswith(b"10")
        assert kept.answer() == slow.answer() == b""
        server.let_go.set()
        assert busy.answer().endswith(b"10")


def test_bodies_that_are_not_sent_to_their_end_make_room_for_others() -> None:
    large = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n"
    with _serving(held_bytes=100_000) as server:
        slow = [server.connect().sends(large + b"x" * 50_000) for _ in range(4)]
        assert server.connect().sends(large + b"x" * 60_000).answer().endswith(b"60000")
        assert slow[0].answer() == b""


def test_a_body_for_which_there_is_no_room_is_refused() -> None:
    large = b"POST /wait HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n"
    with _serving(held_bytes=100_000) as server:
        first = server.connect().sends(large + b"x" * 60_000)
        _until(lambda: any(each.cycle and not each.cycle.more_body for each in list(server.connections)))
        assert server.connect().sends(large + b"x" * 60_000).is_refused_with(429, "come again")
        server.let_go.set()
        assert first.answer().endswith(b"60000")
        assert server.connect().sends(large + b"x" * 60_000).answer().endswith(b"60000")


def _until(is_met: Any) -> None:
    waiting = threading.Event()
    for _ in range(6000):
        if is_met():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not happen within a minute")
