"""Cron expressions, as far as they are looked at before anything is sent."""

from __future__ import annotations

import pytest

from cloud.schedules import check_cron
from core.errors import SluiceError


@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "TZ=Europe/Berlin 30 4 * * mon-fri", "CRON_TZ=UTC */5 * 1,15 * *", "59 23 31 12 7"]
)
def test_five_fields_with_or_without_a_time_zone_are_a_schedule(cron: str) -> None:
    check_cron(cron)


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("nightly", "it has 1 field instead of 5"),
        ("", "it has 0 fields instead of 5"),
        ("0 0 3 * * *", "it has 6 fields instead of 5"),
        ("60 3 * * *", "its minute must be between 0 and 59, and is 60"),
        ("0 9-25/2 * * *", "its hour must be between 0 and 23, and is 9-25/2"),
        ("0 3 1,0 * *", "its day of month must be between 1 and 31, and is 1,0"),
        ("0 3 * 13 *", "its month must be between 1 and 12, and is 13"),
        ("TZ=UTC 0 3 * * mon,8", "its day of week must be between 0 and 7, and is mon,8"),
        ("TZ=Europe/Berlim 0 3 * * *", "there is no time zone Europe/Berlim"),
    ],
)
def test_anything_else_is_refused_with_the_reason_and_an_example(cron: str, reason: str) -> None:
    with pytest.raises(SluiceError) as caught:
        check_cron(cron)
    assert caught.value.headline == f"`{cron}` is no schedule: {reason}."
    check_cron(caught.value.next_command.partition('--schedule "')[2].rstrip('"'))
