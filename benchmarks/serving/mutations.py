"""Requests whose bytes were changed by chance, and what a server does with them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_IN_A_HEAD = (
    b"\r\n|\r\n\r\n|\0|\xff\xfe|%00|../|chunked|Transfer-Encoding: chunked\r\n|Content-Length: 0\r\n|"
    b"Content-Length: -1\r\n|Content-Length: 99999999999999999999\r\n|Expect: 100-continue\r\n|"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n|HTTP/2.0|CONNECT"
)
_IN_A_BODY = b'1e999|-0|NaN|null|[[[[|{}|"\\ud800"|{"b64":"AA"}|9223372036854775808|\xc3\x28|"|,|e'
_TOKENS = (*_IN_A_HEAD.split(b"|"), *_IN_A_BODY.split(b"|"), b"a" * 9000)
# A request that lacks its end gets no answer until the server gives up; nobody waits for that here.
_PATIENCE = 0.5
NO_ANSWER, NO_HTTP = 0, -1


def requests_like(bodies: list[bytes], path: str, draw: random.Random) -> Iterator[bytes]:
    """Whole requests for ever, each changed in one to four places."""
    while True:
        body = draw.choice(bodies)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
        # Half of the time the body alone is odd, and the server takes the request for one.
        if draw.random() < 0.5:
            body = _changed(body, draw)
            yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        else:
            yield _changed(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, draw)


def _changed(content: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.randint(1, 4)):
        begin = draw.randrange(len(content) + 1)
        end = min(len(content), begin + int(draw.expovariate(0.1)))
        piece = content[begin:end]
        kind = draw.randrange(6)
        if kind == 0:
            piece = bytes(draw.randrange(256) for _ in piece)
        elif kind == 1:
            piece = b""
        elif kind == 2:
            piece = piece * draw.randint(2, 50)
        elif kind == 3:
            piece = draw.choice(_TOKENS)
        elif kind == 4:
            piece += draw.choice(_TOKENS)
        else:
            end = len(content)
        content = content[:begin] + piece + content[end:]
    return content


@dataclass
class Outcome:
    """How many requests were answered with which status, and those whose status is 500 or above or no HTTP."""

    codes: Counter[int] = field(default_factory=Counter)
    failed: list[bytes] = field(default_factory=list)


async def sent(requests: Iterator[bytes], number: int, port: int, at_once: int = 32) -> Outcome:
    """Sends so many of the requests."""
    found = Outcome()
    left = iter(range(number))

    async def client() -> None:
        for _ in left:
            request = next(requests)
            code = await _status(request, port)
            found.codes[code] += 1
            if code >= 500 or code == NO_HTTP:
                found.failed.append(request)

    await asyncio.gather(*(client() for _ in range(at_once)))
    return found


async def _status(request: bytes, port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        line = await asyncio.wait_for(reader.readline(), _PATIENCE)
        words = line.split()
        if not line:
            return NO_ANSWER
        return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit() else NO_HTTP
    except (asyncio.TimeoutError, ConnectionError):
        return NO_ANSWER
    finally:
        writer.transport.abort()
