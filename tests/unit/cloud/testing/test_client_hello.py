"""What a TLS client offers is read from its first record, as real clients send it."""

from __future__ import annotations

import ssl

import pytest

from cloud.testing.client_hello import offered_protocols, record_length


@pytest.mark.parametrize("protocols", [[], ["http/1.1"], ["h2"], ["h2", "http/1.1"]])
def test_the_offer_of_a_real_client_is_read(protocols: list[str]) -> None:
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="storage.googleapis.com")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    record = outgoing.read()
    assert record_length(record[:5]) == len(record) - 5
    assert offered_protocols(record) == protocols


def test_what_is_no_greeting_offers_nothing() -> None:
    assert offered_protocols(b"\x16\x03\x01\x00\x05hello") == []
