"""What Envoy is started with: the public listener, the router behind it, and the folder that says all that changes.

No secret is in it: whether a caller may ask is checked by the processes behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.local.envoy.clusters import ROUTER, cluster
from serving.local.envoy.routes import NAME
from serving.protocol.errors import ERROR_HEADERS, JSON, STATUS
from serving.protocol.guarded_http import Limits

LISTENER = "public"
_TYPES = "type.googleapis.com/envoy"
_MANAGER = f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
# Envoy's letters for an answer of its own: in place of one of a process that does not take the connection, ends it, or
# is late; `UO`: too many requests are on their way.
_TOO_MANY = "UO"
NOT_ANSWERED = ("UH", "UF", "UC", "UR", "LR", "NC", "UT", _TOO_MANY)


@dataclass(frozen=True)
class Place:
    """Where Envoy listens, and the files in `folder`, which no one else can read. `certificate` and `key` are files."""

    host: str
    port: int
    folder: Path
    certificate: str = ""
    key: str = ""
    limits: Limits = field(default_factory=Limits)

    @property
    def admin(self) -> str:
        """The socket by which Envoy is asked what it has read, and told to drain."""
        return str(self.folder / "admin.sock")

    @property
    def router(self) -> str:
        """The socket of the router."""
        return str(self.folder / "router.sock")

    @property
    def clusters(self) -> Path:
        """The file of the clusters."""
        return self.folder / "clusters.json"

    @property
    def routes(self) -> Path:
        """The file of the routes."""
        return self.folder / "routes.json"

    @property
    def unanswered(self) -> Path:
        """The pipe by which the router learns of requests that no version has answered."""
        return self.folder / "unanswered.pipe"

    @property
    def bootstrap(self) -> Path:
        """The file that Envoy is started with."""
        return self.folder / "envoy.json"


def bootstrap(place: Place) -> dict[str, Any]:
    """The whole configuration, but for what the two files say."""
    limits = place.limits
    return {
        "node": {"id": "sluice", "cluster": "sluice"},
        "admin": {"address": {"pipe": {"path": place.admin, "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _file(place.clusters)},
        "static_resources": {
            "listeners": [_listener(place)],
            "clusters": [_without_type(cluster(ROUTER, place.router, limits.connections))],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_TYPES}.extensions.resource_monitors.downstream_connections.v3."
                        "DownstreamConnectionsConfig",
                        "max_active_downstream_connections": limits.connections,
                    },
                }
            ]
        },
    }


def _file(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _without_type(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "@type"}


def _listener(place: Place) -> dict[str, Any]:
    chain: dict[str, Any] = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": _manager(place)},
        ]
    }
    if place.certificate:
        chain["transport_socket"] = _tls(place.certificate, place.key)
    return {
        "name": LISTENER,
        "address": {"socket_address": {"address": place.host, "port_value": place.port}},
        # Two servers must not share a port.
        "enable_reuse_port": False,
        "filter_chains": [chain],
    }


def _tls(certificate: str, key: str) -> dict[str, Any]:
    pair = {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"alpn_protocols": ["http/1.1"], "tls_certificates": [pair]},
        },
    }


def _manager(place: Place) -> dict[str, Any]:
    limits = place.limits
    return {
        "@type": _MANAGER,
        "stat_prefix": LISTENER,
        "codec_type": "HTTP1",
        "rds": {"route_config_name": NAME, "config_source": _file(place.routes)},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{_TYPES}.extensions.filters.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            }
        ],
        # Clients give the id of a request, or the version does.
        "generate_request_id": False,
        # No client may steer Envoy by headers `x-envoy-…`, not one of this machine either: Envoy takes them from these
        # addresses alone. An empty list would stand for private networks; no client has the address of a broadcast.
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "server_header_transformation": "PASS_THROUGH",
        "request_headers_timeout": f"{limits.head_seconds:g}s",
        "stream_idle_timeout": f"{limits.read_seconds + 5:g}s",
        "max_request_headers_kb": limits.head_bytes // 1024,
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "http_protocol_options": {
            "accept_http_10": True,
            "default_host_for_http_10": "endpoint",
            # An upgrade that nobody here speaks is left out, as RFC 9110 has it, not refused.
            "ignore_http_11_upgrade": [{"safe_regex": {"regex": ".*"}}],
        },
        "local_reply_config": {"mappers": _own_answers(limits)},
        "access_log": [_unanswered(place)],
    }


def _own_answers(limits: Limits) -> list[dict[str, Any]]:
    """Envoy's own answers, in the words of `serving.protocol.guarded_http` where that has them."""
    by_flags = {
        (_TOO_MANY,): (429, "too many requests wait for this version; come again"),
        ("UT",): (504, "the version did not answer in time"),
        tuple(each for each in NOT_ANSWERED if each not in ("UT", _TOO_MANY)): (
            503,
            "the version does not answer; come again",
        ),
    }
    by_code = {
        400: "Invalid HTTP request",
        408: "the request did not come in time",
        431: f"the head of the request is longer than {limits.head_bytes} bytes",
        503: "%LOCAL_REPLY_BODY%",
    }
    return [
        *({"filter": _flags(flags), **_answer(code, message)} for flags, (code, message) in by_flags.items()),
        *({"filter": _code(code), **_answer(code, message)} for code, message in by_code.items()),
    ]


def _answer(code: int, message: str) -> dict[str, Any]:
    error = {"code": code, "message": message, "status": STATUS[code]}
    found: dict[str, Any] = {
        "status_code": code,
        "body_format_override": {"json_format": {"error": error}, "content_type": JSON},
    }
    if code in ERROR_HEADERS:
        headers = [{"header": {"key": key, "value": value}} for key, value in ERROR_HEADERS[code].items()]
        found["headers_to_add"] = headers
    return found


def _flags(flags: Sequence[str]) -> dict[str, Any]:
    return {"response_flag_filter": {"flags": [*flags]}}


def _code(code: int) -> dict[str, Any]:
    value = {"default_value": code, "runtime_key": f"code_{code}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _unanswered(place: Place) -> dict[str, Any]:
    """A line for each request that no version has answered."""
    line = {"cluster": "%UPSTREAM_CLUSTER_RAW%", "code": "%RESPONSE_CODE%", "milliseconds": "%DURATION%"}
    return {
        "name": "envoy.access_loggers.file",
        "filter": _flags(NOT_ANSWERED),
        "typed_config": {
            "@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(place.unanswered),
            "log_format": {"json_format": line},
        },
    }
