"""The base of typed configuration: frozen, strict about types and keys, and one line of JSON for TFX."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

_CONFIG = "config"
Section = TypeVar("Section", bound="Strict")


class Strict(BaseModel):
    """A frozen model that refuses unknown keys; the string under a field is its documentation."""

    # strict: `epochs: true` is not 1, and `"10"` is not 10; allow_inf_nan: no limit can be met by NaN.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def to_property(self) -> str:
        """The text of an execution property. TFX compares it with that of the last run, so equal values must give equal
        text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def from_property(cls: type[Section], text: str) -> Section:
        """The inverse of `to_property`; the values are validated again."""
        return cls.model_validate_json(text)

    def to_custom_config(self) -> dict[str, str]:
        """The same as the dictionary that TFX passes to a user's function, such as `run_fn`."""
        return {_CONFIG: self.to_property()}

    @classmethod
    def from_custom_config(cls: type[Section], custom_config: Mapping[str, str]) -> Section:
        """The inverse of `to_custom_config`."""
        return cls.from_property(custom_config[_CONFIG])


def conflict(sentence: str, *at: str | int) -> PydanticCustomError:
    """Keys that do not go together; `at` is the path, below the section that raises, of the one to look at."""
    return PydanticCustomError("conflict", "{sentence}", {"sentence": sentence, "at": at})


def given_twice(items: Iterable[str]) -> list[str]:
    """The items that occur more than once."""
    return [item for item, count in Counter(items).items() if count > 1]
