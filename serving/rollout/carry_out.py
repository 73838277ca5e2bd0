"""A rollout from its order: the endpoint, the record of its answers, the golden requests and the registry are found by
their places. The pipeline does it after a push, and `python -m serving.rollout` when a person finishes a rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.backends import endpoint_at
from serving.contract import ModelVersion
from serving.log.answer_source import answer_source_at
from serving.rollout.order import RolloutOrder
from serving.rollout.record import Rollout
from serving.rollout.registration import Registration, Unrecorded
from serving.rollout.run import RolloutTools, roll_out
from serving.rollout.store import RolloutStore


@dataclass(frozen=True)
class CarriedOut:
    """How far the rollout came. `unrecorded`: what the registry does not say of it, or of one that it replaced."""

    rollout: Rollout
    unrecorded: Unrecorded | None = None


def carry_out(
    candidate: ModelVersion,
    order: RolloutOrder,
    store: RolloutStore,
    show: Callable[[Rollout], None] | None = None,
) -> CarriedOut:
    """Rolls out until it is over or undecided; `show` is called with the rollout after each step.

    Raises:
      SluiceError: when another rollout is under way, the endpoint is not there, or the golden requests cannot be read.
    """
    from serving.rollout.golden_file import read_golden  # imports TensorFlow

    registration = Registration()

    def note(rollout: Rollout) -> None:
        registration.record(rollout)
        if show is not None:
            show(rollout)

    endpoint = endpoint_at(order.endpoint, candidate.model)
    tools = RolloutTools(
        endpoint=endpoint,
        answers=answer_source_at(endpoint.answers_at),
        golden=read_golden(order.saved_model),
        store=store,
        order=order,
        note=note,
    )
    rollout = roll_out(candidate, order.plan, tools)
    registration.record(rollout)
    return CarriedOut(rollout, registration.unrecorded)
