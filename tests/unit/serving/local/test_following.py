"""Until somebody sets the traffic, the newest version takes it as soon as it is loaded, and a way back stays."""

from __future__ import annotations

from serving.contract import deployed_id_of
from serving.local.following import following, held
from serving.local.state import StoredState

NEW = StoredState(endpoint="rides", etag="new")


def _ids(state: StoredState) -> list[str]:
    return [each.deployed_id for each in state.deployed]


def test_the_first_version_gets_the_traffic_before_it_is_ready() -> None:
    state = following(NEW, "101", "rides", ready=set())
    assert (_ids(state), state.traffic, state.previous) == (["101"], {"101": 100}, None)


def test_a_newer_one_waits_until_it_is_ready() -> None:
    first = following(NEW, "101", "rides", ready={"101"})
    loading = following(first, "102", "rides", ready={"101"})
    assert (_ids(loading), loading.traffic) == (["101", "102"], {"101": 100})
    ready = following(loading, "102", "rides", ready={"101", "102"})
    assert (_ids(ready), ready.traffic, ready.previous) == (["101", "102"], {"102": 100}, {"101": 100})
    assert following(ready, "102", "rides", ready={"101", "102"}) == ready


def test_only_the_one_before_stays() -> None:
    state = NEW
    for version in ("101", "102", "103"):
        ready = {"101", "102", "103"}
        state = following(following(state, version, "rides", ready), version, "rides", ready)
    assert (_ids(state), state.traffic, state.previous) == (["102", "103"], {"103": 100}, {"102": 100})


def test_what_somebody_has_set_stays() -> None:
    state = following(NEW, "101", "rides", ready=set()).model_copy(update={"follows_newest": False})
    assert following(state, "102", "rides", ready={"101", "102"}) == state


def test_a_version_number_that_is_longer_than_an_id_has_the_id_that_a_rollout_gives_it() -> None:
    assert _ids(following(NEW, "99999999999", "rides", ready=set())) == [deployed_id_of("99999999999")]


def test_a_state_that_is_held_gives_no_later_version_traffic() -> None:
    state = held(NEW, "101", "rides")
    assert (_ids(state), state.traffic) == (["101"], {"101": 100})
    assert following(state, "102", "rides", ready={"101", "102"}) == state
    assert held(state, "102", "rides") == state
