"""Calls of Google's clients: each with a time limit, tried again while the service is away, and its error in one
sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from cloud.errors import CLIENT_ERRORS, in_one_sentence, is_outage, unknown_region
from cloud.place import Place


@dataclass(frozen=True)
class Patience:
    """How long one try of a call may take, and how long an outage is sat out. All in seconds."""

    one_try: float = 30.0
    first_wait: float = 1.0
    longest_wait: float = 20.0
    altogether: float = 120.0


Noticed = Callable[[BaseException], None]
PATIENCE = Patience()
_Answer = TypeVar("_Answer")


def call(
    method: Callable[..., Any],
    request: Any,
    cannot: str,
    place: Place,
    patience: Patience = PATIENCE,
    outage: Noticed | None = None,
) -> Any:
    """The answer of a method of one of Google's generated clients to `request`; for the rest see `tried`.

    Raises:
      SluiceError: when the service refuses, or is still away in the end.
    """
    return tried(lambda: method(request, timeout=patience.one_try, retry=None), cannot, place, patience, outage)


def tried(
    work: Callable[[], _Answer],
    cannot: str,
    place: Place,
    patience: Patience = PATIENCE,
    outage: Noticed | None = None,
) -> _Answer:
    """What `work` returns; it is tried again, from its beginning, while the service is away.

    Args:
      work: calls Google's clients; a second call of it must do no harm.
      cannot: begins the sentence of an error, e.g. "the job taxi-1 cannot be submitted".
      place: where the calls go.
      patience: when a try is over, and when no further one is made.
      outage: called before each wait, with what the try ended in.

    Raises:
      SluiceError: when the service refuses, or is still away in the end.
    """

    def before_wait(state: tenacity.RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1 and (wrong := unknown_region(place.region)):
            raise wrong
        if outage is not None and problem is not None:
            outage(problem)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_outage),
        wait=tenacity.wait_exponential_jitter(patience.first_wait, patience.longest_wait, jitter=patience.first_wait),
        stop=tenacity.stop_after_delay(patience.altogether),
        before_sleep=before_wait,
        reraise=True,
    )
    with errors_in_one_sentence(cannot, place):
        return retrying(work)


@contextmanager
def errors_in_one_sentence(cannot: str, place: Place) -> Iterator[None]:
    """A block whose errors of Google's clients become the user's.

    Raises:
      SluiceError: in place of the client's error.
    """
    try:
        yield
    except CLIENT_ERRORS as problem:
        raise in_one_sentence(problem, cannot, place) from problem
