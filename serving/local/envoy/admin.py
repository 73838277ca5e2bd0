"""Questions to a running Envoy, by its socket for administrators."""

from __future__ import annotations

import http.client
import re
import socket

_SECONDS = 5
_READ = re.compile(r'^(?P<name>\S+): "?(?P<value>[^"\n]*)"?$', re.MULTILINE)


class Admin:
    """`path` is the socket. OSError or HTTPException when nobody answers there."""

    def __init__(self, path: str) -> None:
        self._path = path

    def is_ready(self) -> bool:
        """Whether it has read its configuration and listens."""
        return self._asked("GET", "/ready")[0] == http.HTTPStatus.OK

    def figures(self, pattern: str) -> dict[str, str]:
        """The figures and texts whose names have this regular expression in them."""
        _, text = self._asked("GET", f"/stats?filter={pattern}")
        return {found["name"]: found["value"] for found in _READ.finditer(text)}

    def stop_listening(self) -> None:
        """Takes no more connections; those that are there end with the next answer."""
        self._asked("POST", "/healthcheck/fail")
        self._asked("POST", "/drain_listeners")

    def _asked(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("envoy", timeout=_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(_SECONDS)
            connection.sock.connect(self._path)
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()
