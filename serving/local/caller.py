"""Requests to the server of this machine on a connection that is kept: one for each thread."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Called:
    """What the server answered."""

    code: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """`patience`: seconds until the server must have answered."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._kept = threading.local()

    def post(self, address: str, certificate: str, path: str, body: bytes, headers: Mapping[str, str]) -> Called:
        """Sends a body. `certificate`: the file to trust at an address with TLS. OSError or HTTPException when
        nothing answers."""
        connection = self._connection(address, certificate)
        is_new = connection.sock is None
        try:
            return _posted(connection, path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            if is_new:
                raise
        except BaseException:
            # What has been read by half cannot be read by the next request.
            connection.close()
            raise
        # The server had ended a connection that it had not heard from for long. A prediction may be asked for twice.
        return _posted(connection, path, body, headers)

    def _connection(self, address: str, certificate: str) -> http.client.HTTPConnection:
        kept: tuple[str, str, http.client.HTTPConnection] | None = getattr(self._kept, "connection", None)
        if kept is not None:
            if kept[:2] == (address, certificate):
                return kept[2]
            kept[2].close()
        at = urlsplit(address)
        connection = (
            http.client.HTTPSConnection(at.netloc, timeout=self._patience, context=_trusting(certificate))
            if at.scheme == "https"
            else http.client.HTTPConnection(at.netloc, timeout=self._patience)
        )
        self._kept.connection = (address, certificate, connection)
        return connection


def _posted(connection: http.client.HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]) -> Called:
    connection.request("POST", path, body, dict(headers))
    response = connection.getresponse()
    return Called(response.status, dict(response.getheaders()), response.read())


def _trusting(certificate: str) -> ssl.SSLContext:
    """Trusts the server's own certificate and no other, whatever name it is for: the address is this machine's."""
    context = ssl.create_default_context(cafile=certificate or None)
    if certificate:
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
