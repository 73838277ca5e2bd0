"""The variables of Vertex' container contract, and what is said about those that cannot be used."""

from __future__ import annotations

import pytest

from core.errors import SluiceError
from serving.container import ContainerSettings, settings_from
from serving.worker.plan import WorkerSettings

MODEL = {"AIP_STORAGE_URI": "gs://bucket/model"}


def test_every_variable_is_obeyed() -> None:
    variables = {
        **MODEL,
        "AIP_MODE": "PREDICTION",
        "AIP_HTTP_PORT": "9000",
        "AIP_HEALTH_ROUTE": "/health",
        "AIP_PREDICT_ROUTE": "/ask",
        "AIP_DEPLOYED_MODEL_ID": "7",
        "AIP_ENDPOINT_ID": "taxi-prod",
        "SLUICE_ANSWERS": "gs://bucket/answers",
        "SLUICE_BODY_LIMIT": "1500000",
    }
    worker = WorkerSettings("/ask", "/health", body_limit=1_500_000, answer_limit=1_500_000)
    assert settings_from(variables) == ContainerSettings(
        "gs://bucket/model", 9000, "7", worker, "gs://bucket/answers/taxi-prod/7"
    )


def test_the_limits_are_those_of_a_dedicated_endpoint() -> None:
    found = settings_from({**MODEL, "AIP_HTTP_PORT": ""})
    assert (found.port, found.worker.body_limit, found.worker.answer_limit) == (8080, 10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AIP_STORAGE_URI": ""}, "AIP_STORAGE_URI is not set: there is no model to serve"),
        ({**MODEL, "AIP_MODE": "TRAINING"}, "AIP_MODE is `TRAINING`"),
        ({**MODEL, "AIP_HTTP_PORT": "http"}, "AIP_HTTP_PORT is `http`, which is no whole number"),
        ({**MODEL, "AIP_HTTP_PORT": "65536"}, "AIP_HTTP_PORT is `65536`, and a port is at most 65535"),
        ({**MODEL, "AIP_PREDICT_ROUTE": "ask"}, "AIP_PREDICT_ROUTE is `ask`, and a route begins with a slash"),
        ({**MODEL, "AIP_PREDICT_ROUTE": "/healthz"}, "AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE are both `/healthz`"),
        ({**MODEL, "SLUICE_ANSWERS": "gs://b/a", "AIP_DEPLOYED_MODEL_ID": "7"}, "and AIP_ENDPOINT_ID is not"),
        ({**MODEL, "SLUICE_ANSWERS": "gs://b/a", "AIP_ENDPOINT_ID": "7"}, "and AIP_DEPLOYED_MODEL_ID is not"),
        ({**MODEL, "SLUICE_BODY_LIMIT": "10 MB"}, "SLUICE_BODY_LIMIT is `10 MB`, which is no whole number"),
    ],
)
def test_what_cannot_be_used_is_named(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(SluiceError) as refused:
        settings_from(variables)
    assert sentence in refused.value.headline
