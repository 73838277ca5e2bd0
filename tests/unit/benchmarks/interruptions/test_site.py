"""What a refusal says to type next is found, and what a run left is compared with what another one left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.interruptions.site import Ended, Seen, State

STATE = State("pushed", {"data_gate": "pass"}, {"auc": 0.6}, ("7",), ("1.0.0",), "1.0.0", ())


def test_the_last_sentence_and_its_command_are_found() -> None:
    ended = Ended(3, "sluice: a.\n        Look:  ls -ld out\n  …\nsluice: b is full.\n        Make room:  df -h\n")
    assert ended.refusal == ("b is full.", "df -h")
    assert Ended(1, "Traceback (most recent call last):\n").refusal == ("", "")
    assert Ended(3, "sluice: no command.\n").refusal == ("no command.", "")


def test_an_end_like_another_one_has_no_differences_whenever_it_was_pushed() -> None:
    later = replace(STATE, served=("9",), metrics={"auc": 0.6004})
    assert later.differences(STATE) == []


def test_every_difference_is_named() -> None:
    other = replace(
        STATE, verdicts={}, served=("7", "8"), registered=(), metrics={}, faults=("left over: .incoming-1",)
    )
    found = "\n".join(other.differences(STATE))
    for words in ("left over", "verdicts", "2 versions", "registered", "auc is None instead of 0.6"):
        assert words in found


def test_a_version_that_grows_is_seen_as_two_contents(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / ".incoming-1").mkdir()
    seen = Seen()
    seen.look(tmp_path)
    (tmp_path / "7/saved_model.pb").write_bytes(b"graph")
    seen.look(tmp_path)
    seen.look_again(tmp_path)
    assert list(seen.versions) == ["7"]
    assert len(seen.versions["7"]) == 2
