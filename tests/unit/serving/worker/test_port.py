"""A port that cannot be had is one sentence, and what is to be typed instead can be had."""

from __future__ import annotations

import socket

import pytest

from core.errors import SluiceError
from serving.worker.port import open_port


def _refused(host: str, port: int) -> SluiceError:
    with pytest.raises(SluiceError) as refused, open_port(host, port):
        pass
    return refused.value


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_where_the_host_is_not_this_machine_no_other_port_is_proposed(host: str) -> None:
    refused = _refused(host, 8080)
    assert f"cannot listen on {host}:8080" in refused.headline
    assert refused.next_command == "Take a host of this machine:  --host 127.0.0.1"


def test_where_the_port_is_taken_the_next_one_is_proposed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _refused("127.0.0.1", port).next_command == f"Take another port:  --port {port + 1}"


def test_where_it_is_the_administrators_one_that_anybody_may_have_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a port below 1024 may be had is up to the machine that the test runs on."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse, raising=False)
    refused = _refused("127.0.0.1", 80)
    assert "permission denied" in refused.headline
    assert refused.next_command == "Take another port:  --port 8080"
