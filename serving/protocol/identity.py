"""How an answer names who gave it: as Vertex does, in its body and in its headers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import orjson


@dataclass(frozen=True)
class Identity:
    """A deployed model; `version` is its folder."""

    deployed_id: str
    model: str
    version: str

    @cached_property
    def headers(self) -> dict[str, str]:
        """Of an answer."""
        return {
            "X-Vertex-AI-Deployed-Model-Id": self.deployed_id,
            "X-Vertex-AI-Model": self.model,
            "X-Vertex-AI-Model-Version-Id": self.version,
        }

    def named(self, answer: bytes) -> bytes:
        """The object of an answer, with the ids at its end."""
        return answer[:-1] + self._end

    @cached_property
    def _end(self) -> bytes:
        ids = {"deployedModelId": self.deployed_id, "model": self.model, "modelVersionId": self.version}
        return b"," + orjson.dumps(ids)[1:]
