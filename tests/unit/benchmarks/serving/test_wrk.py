"""The report of wrk becomes figures in one unit, and everything but an answer with 200 is a failure."""

from __future__ import annotations

import pytest

from benchmarks.serving.wrk import parsed

REPORT = """Running 4s test @ http://127.0.0.1:9100/v1/models/taxi:predict
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    21.36ms   29.91ms 282.34ms   95.68%
    Req/Sec     2.53k   418.16     3.19k    72.50%
  Latency Distribution
     50%  950.00us
     75%   20.66ms
     90%   25.30ms
     99%    1.24s
  10082 requests in 4.01s, 4.10MB read
"""
TROUBLE = "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 30\n"


def test_latencies_are_milliseconds_whatever_their_unit() -> None:
    found = parsed(REPORT + "Requests/sec:   2514.21\n")
    assert (found.p50, found.p99) == (pytest.approx(0.95), pytest.approx(1240.0))
    assert (found.requests, found.failed) == (10082, 0)
    assert found.rate == pytest.approx(10082 / 4.01)


def test_broken_connections_and_other_answers_are_failures() -> None:
    assert parsed(REPORT + TROUBLE).failed == 37
