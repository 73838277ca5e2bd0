"""When a schedule comes due."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from cloud.testing.vertex.cron import next_run

# A Sunday.
NOW = datetime(2026, 11, 29, 17, 14, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("* * * * *", "2026-11-29T17:15"),
        ("0 3 * * *", "2026-11-30T03:00"),
        ("*/20 * * * *", "2026-11-29T17:20"),
        ("14 17 * * *", "2026-11-30T17:14"),
        ("0 6 * * mon-fri", "2026-11-30T06:00"),
        ("0 6 * * 7", "2026-12-06T06:00"),
        ("0 0 1 jan *", "2027-01-01T00:00"),
        ("0 0 13 * fri", "2026-12-04T00:00"),
        ("5,10 8-9/1 29 2 *", "2028-02-29T08:05"),
        ("TZ=Europe/Berlin 0 3 * * *", "2026-11-30T02:00"),
        ("CRON_TZ=Asia/Tokyo 30 2 * * *", "2026-11-29T17:30"),
    ],
)
def test_the_next_time_is_the_first_that_fits(expression: str, due: str) -> None:
    assert next_run(expression, NOW).astimezone(timezone.utc).isoformat().startswith(due)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 3 * *", "4 fields"),
        ("61 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 0 * *", "day of month"),
        ("0 0 * * someday", "day of week"),
        ("0 0 31 2 *", "never"),
        ("9-5 0 * * *", "minute"),
        ("TZ=Mars/Olympus 0 0 * * *", "time zone"),
    ],
)
def test_refuses_what_never_comes_due(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        next_run(expression, NOW)
