"""A version that a person has brought to all traffic goes into the cloud's own model registry, too. In a job, the exit
handler does it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping

from core.errors import SluiceError
from registry.backends import registry_at
from registry.index import altered_version
from serving.rollout.record import Phase, Rollout
from serving.rollout.registration import Unrecorded

# By the part before `://` of the place of an endpoint. What speaks to Google Cloud lies in a room above this one, which
# may not be imported here: it is named by its dotted path. It is given the place, the registered version and its push.
BACKENDS: Mapping[str, str] = {"vertex": "cloud.registered_models:upload_registered"}


def upload_finished(rollout: Rollout, again: str) -> Unrecorded | None:
    """Uploads a version that has all traffic, where the rollout was ordered so. A failure undoes nothing: the result
    says what is missing, and names the command `again`."""
    order = rollout.order
    if rollout.phase is not Phase.DONE or order is None or order.registered is None or not order.uploads:
        return None
    registered = order.registered
    try:
        backend = BACKENDS.get(order.endpoint.partition("://")[0])
        if backend is None:
            known = ", ".join(f"{name}://…" for name in BACKENDS)
            raise SluiceError(f"no model registry belongs to {order.endpoint}; an endpoint that has one is {known}.")
        registry = registry_at(registered.place)
        version = registry.find(registered.model, registered.version)
        if alteration := registry.alteration(version):
            raise altered_version(version.model, version.version, version.location, alteration)
        pkgutil.resolve_name(backend)(order.endpoint, version, f"pushed-{rollout.candidate.version}")
    except SluiceError as problem:
        sentence = f"version {registered.version} of {registered.model} has all traffic, but {problem.headline}"
        return Unrecorded(sentence, f"{problem.next_command}    Then:  {again}".strip())
    return None
