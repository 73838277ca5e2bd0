"""Clients in Python: at a steady rate, which wrk has not, or one request after another where wrk is not installed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Answers:
    """When each request was answered and how long it took, in seconds, and how many answers had which status; 0 is a
    connection that broke."""

    latencies: list[tuple[float, float]] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)

    def between(self, begin: float, end: float) -> list[float]:
        """Latencies of what was answered in a stretch of time (`time.perf_counter`)."""
        return [seconds for when, seconds in self.latencies if begin <= when < end]

    @property
    def failed(self) -> int:
        """Requests that were not answered with 200."""
        return self.codes.total() - self.codes[200]


async def send(
    url: str, body: bytes, connections: int, ending: asyncio.Event, rate: float = 0.0, answers: Answers | None = None
) -> Answers:
    """Sends until `ending`: `rate` requests a second over all connections, or as many as are answered."""
    answers = answers if answers is not None else Answers()
    each = rate / connections
    await asyncio.gather(*(_one(url, body, place / connections, each, ending, answers) for place in range(connections)))
    return answers


async def _one(url: str, body: bytes, phase: float, rate: float, ending: asyncio.Event, answers: Answers) -> None:
    at = urlsplit(url)
    head = f"POST {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    due = time.perf_counter() + (phase / rate if rate else 0.0)
    while not ending.is_set():
        if rate:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        # From when the request was due: one that waits behind a slow answer has waited, too.
        began = due if rate else time.perf_counter()
        due += 1 / rate if rate else 0.0
        try:
            writer.write(request)
            code = await _read_answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            code = 0
            writer.close()
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
        now = time.perf_counter()
        answers.latencies.append((now, now - began))
        answers.codes[code] += 1
    writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])
