"""What callers may do in the local cloud: everything, but for what a test takes away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from google.api_core import exceptions


@dataclass(frozen=True)
class Denial:
    """A right that is taken away; each part is a shell pattern."""

    right: str
    resource: str
    caller: str


@dataclass
class Access:
    """Who may do what. A caller is the address of an account, "" for one that came without credentials."""

    denials: list[Denial] = field(default_factory=list)

    def deny(self, right: str, resource: str = "*", caller: str = "*") -> None:
        """Takes a right away, for example `storage.objects.create` on `buckets/my-bucket`."""
        self.denials.append(Denial(right, resource, caller))

    def granted(self, rights: Iterable[str], resource: str, caller: str) -> list[str]:
        """Those of `rights` that the caller has on `resource`, as the services' testIamPermissions answer."""
        return [right for right in rights if not self._is_denied(right, resource, caller)]

    def require(self, right: str, resource: str, caller: str) -> None:
        """Does nothing when the caller has the right.

        Raises:
            PermissionDenied: it was taken away.
        """
        if self._is_denied(right, resource, caller):
            who = f"{caller or 'Anonymous caller'} does not have {right} access"
            raise exceptions.PermissionDenied(
                f"{who} to {resource}. Permission '{right}' denied on resource (or it may not exist)."
            )

    def _is_denied(self, right: str, resource: str, caller: str) -> bool:
        return any(
            fnmatchcase(right, each.right) and fnmatchcase(resource, each.resource) and fnmatchcase(caller, each.caller)
            for each in self.denials
        )
