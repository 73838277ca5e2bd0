"""Who is notified of a run, with what, and that a receiver that fails is a sentence and nothing more."""

from __future__ import annotations

import json

from core.errors import ExitCode
from pipeline.config.notify import NotifyConfig
from runners.results.notification import notify
from runners.results.outcome import Outcome
from runners.results.record import Gathered
from tests.samples.receivers import receiving

REFUSED = Outcome("refused", ExitCode.REFUSED, "auc is 0.5, below 0.6.", "Train longer.")


def _notify(outcome: Outcome, url: str, **more: object) -> str | None:
    config = NotifyConfig.model_validate({"webhook": url, **more})
    return notify(config, "taxi", "2026-11-29T12-00-00", outcome, Gathered())


def test_the_message_says_what_a_person_needs() -> None:
    with receiving() as receiver:
        assert _notify(REFUSED, receiver.url) is None
    [request] = receiver.requests
    assert json.loads(request.body) == {
        "event": "refused",
        "workload": "taxi",
        "run_id": "2026-11-29T12-00-00",
        "outcome": "refused",
        "exit_code": 2,
        "reason": "auc is 0.5, below 0.6.",
        "next_command": "Train longer.",
        "pushed_version": None,
    }


def test_a_receiver_that_does_not_take_it_is_one_sentence() -> None:
    with receiving(404) as receiver:
        assert "answered with HTTP 404" in (_notify(REFUSED, receiver.url) or "")


def test_nothing_is_sent_of_what_is_not_wanted_or_needs_nobody() -> None:
    pushed = Outcome("pushed", ExitCode.PUSHED, "Every blessing is present.", pushed_version="17")
    with receiving() as receiver:
        assert _notify(REFUSED, receiver.url, events=["failed"]) is None
        assert _notify(pushed, receiver.url) is None
        assert notify(None, "taxi", "2026-11-29T12-00-00", REFUSED, Gathered()) is None
    assert receiver.requests == []
