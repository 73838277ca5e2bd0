"""What every section of the configuration is made of: strict models, and types that say in words what they want."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


@dataclass(frozen=True)
class InWords:
    """Says what a type wants when its pattern would not."""

    words: str


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$"), InWords("a name of a-z, 0-9 and _ that starts with a letter")
]
Text = Annotated[str, Field(pattern=r"\S"), InWords("text that is not empty")]
ModulePath = Annotated[
    str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"), InWords("a dotted module path such as models.wide_and_deep")
]
Bucket = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$"), InWords("a bucket's name, without gs:// and folders")
]
Seed = Annotated[int, Field(ge=0, lt=2**32), InWords("a whole number from 0 to 4294967295")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Source = Annotated[Text | list[Text], InWords("text that is not empty, or a list of such texts")]
Scalar = bool | int | float | str
Hyperparameter = Annotated[Scalar | list[Scalar], InWords("true or false, a number, text, or a list of these")]
SliceValue = str | int
Setting = Annotated[Any, InWords("what may stand under that key")]


class Strict(BaseModel):
    """A frozen model that refuses unknown keys; the string under a field is its documentation."""

    # strict: `epochs: true` is not 1, and `"10"` is not 10; allow_inf_nan: no limit can be met by NaN.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def conflict(sentence: str, *at: str | int) -> PydanticCustomError:
    """Keys that do not go together; `at` is the path, below the section that raises, of the one to look at."""
    return PydanticCustomError("conflict", "{sentence}", {"sentence": sentence, "at": at})


def given_twice(items: Iterable[str]) -> list[str]:
    """The items that occur more than once."""
    return [item for item, count in Counter(items).items() if count > 1]
