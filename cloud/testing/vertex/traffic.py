"""The rules of an endpoint's traffic split, in percent by the id of a deployed model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from google.api_core import exceptions

from cloud.testing.vertex.validation import invalid_argument

# Stands for the model that is being deployed, which has no id yet.
NEW_MODEL = "0"


def checked(split: Mapping[str, int], deployed: Collection[str]) -> dict[str, int]:
    """The split, when it is empty (no model receives traffic) or adds up to 100 over models that are deployed.

    Raises:
        InvalidArgument: it does not.
    """
    unknown = [each for each in split if each not in deployed]
    if unknown:
        raise invalid_argument([("traffic_split", f"DeployedModel ID(s) {unknown} do not exist.")])
    if split and (sum(split.values()) != 100 or min(split.values()) < 0):
        raise invalid_argument(
            [("traffic_split", f"Traffic split percentages must add up to 100, not {sum(split.values())}.")]
        )
    return dict(split)


def after_deploying(
    current: Mapping[str, int], requested: Mapping[str, int], new: str, deployed: list[str]
) -> dict[str, int]:
    """The split once `new` is deployed: as requested with `0` for the new model, or unchanged without a request."""
    if not requested:
        return dict(current)
    return checked({new if name == NEW_MODEL else name: share for name, share in requested.items()}, [*deployed, new])


def after_undeploying(
    current: Mapping[str, int], requested: Mapping[str, int], going: str, deployed: list[str]
) -> dict[str, int]:
    """The split once `going` is no longer deployed.

    Raises:
        FailedPrecondition: the model has traffic and nothing takes it away.
    """
    rest = [name for name in deployed if name != going]
    if not rest:
        return {}
    if (requested or current).get(going):
        raise exceptions.FailedPrecondition(
            f"DeployedModel {going} still has {(requested or current)[going]} % of the traffic."
        )
    return checked({name: share for name, share in (requested or current).items() if name != going}, rest)
