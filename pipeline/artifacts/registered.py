"""Which version in the registry an artifact names, and the finding about what the registry says of its deployment."""

from __future__ import annotations

from tfx.types import Artifact

from gates.verdict.finding import Finding, Severity
from registry.backends import registry_at
from serving.rollout.order import Registered
from serving.rollout.registration import Unrecorded

NOTED = "noted_in_registry"


def registered_of(artifact: Artifact) -> Registered:
    """As the Registrar's output names it."""
    names = ("registry", "model", "version")
    place, model, version = (artifact.get_string_custom_property(name) for name in names)
    return Registered(place, model, version)


def is_altered(artifact: Artifact) -> bool:
    """Whether the files of a registered version are gone or not those that were registered; False where nothing was.

    Raises:
      SluiceError: when the registry cannot be used.
    """
    registered = registered_of(artifact)
    if not registered.version:
        return False
    registry = registry_at(registered.place)
    found = [each for each in registry.versions(registered.model) if each.version == registered.version]
    return not found or bool(registry.alteration(found[0]))


def noted(registered: Registered, deployment: str) -> Finding:
    """The registry says where the version is deployed."""
    reason = f"{registered.model} {registered.version} in the registry {registered.place} is noted as {deployment}."
    return _finding(registered.version, 1.0, Severity.INFO, reason, "Nothing to do.")


def not_noted(subject: str, unrecorded: Unrecorded) -> Finding:
    """The registry could not be changed. That warns and undoes nothing."""
    return _finding(subject, 0.0, Severity.WARN, unrecorded.reason, unrecorded.remedy)


def _finding(subject: str, value: float, severity: Severity, reason: str, remedy: str) -> Finding:
    return Finding(NOTED, subject, "recorded in the registry", value, 1.0, 1, severity, reason, remedy)
