"""How uvicorn is configured wherever an application of ours answers."""

from __future__ import annotations

from typing import Any

import uvicorn

from serving.protocol.guarded_http import Limits, guarded

DRAIN_SECONDS = 30
# Of a server with one in front of it that keeps connections for less: none is closed while a request is on its way.
LONG_KEEP_ALIVE_SECONDS = 3600


def quiet_server(app: Any, limits: Limits, keep_alive_seconds: int, **more: Any) -> uvicorn.Config:
    """Within limits, without WebSockets, and with one line for each error alone; `more` are uvicorn's own options."""
    return uvicorn.Config(
        app,
        http=guarded(limits),
        ws="none",
        # A warning would be a line for each odd request, for whoever wants to fill the log.
        log_level="error",
        access_log=False,
        server_header=False,
        # Nobody reads the address of a client, which a header could forge.
        proxy_headers=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **more,
    )
