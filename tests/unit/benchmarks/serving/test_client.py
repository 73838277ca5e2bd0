"""The clients count what they were answered, keep to their rate, and go on after a connection that broke."""

from __future__ import annotations

import asyncio
import time

from benchmarks.serving.client import Answers, send

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _sent(answers: list[bytes], rate: float = 0.0) -> Answers:
    """What one client finds that is answered so, one request after another; the last answer ends it."""

    async def run() -> Answers:
        ending, left = asyncio.Event(), [*answers]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(1000):
                answer = left.pop(0)
                if not left:
                    ending.set()
                writer.write(answer)
                if not answer or not left:
                    break
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await send(f"http://127.0.0.1:{port}/predict", b"{}", 1, ending, rate)

    return asyncio.run(run())


def test_answers_are_counted_by_their_status() -> None:
    found = _sent([_OK, _OK.replace(b"200", b"503"), _OK])
    assert found.codes == {200: 2, 503: 1}
    assert found.failed == 1
    assert all(seconds > 0 for _, seconds in found.latencies)


def test_a_connection_that_breaks_is_a_failure_and_the_next_one_is_opened() -> None:
    assert _sent([_OK, b"", _OK]).codes == {200: 2, 0: 1}


def test_at_a_steady_rate_the_answers_come_no_sooner_than_their_turn() -> None:
    began = time.perf_counter()
    found = _sent([_OK] * 5, rate=50.0)
    assert all(moment - began >= turn / 50 for turn, (moment, _) in enumerate(found.latencies))
