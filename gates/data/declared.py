"""What a workload declares of its columns: the label, what is withheld, what is known too late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import PlainSerializer, model_validator

from core.strict import Strict, conflict, given_twice
from gates.tables.numbered import numbered_columns

# A set has no order of its own, and a cache key must have one.
Names = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


class PredictionConfig(Strict):
    """When a prediction is made, and hence which columns it may use."""

    moments: list[str] = ["request", "outcome"]
    """The life of a row, first moment first."""
    made_at: str = "request"
    """The moment at which a prediction is made."""
    known_from: dict[str, list[str]] = {}
    """Columns by the moment from which they are known; those not named are known from the first.
    Columns that become known after `made_at` never reach the features."""
    never: list[str] = []
    """Columns that are known in time and still must not be features, e.g. proxies of the label."""

    @model_validator(mode="after")
    def _moments_exist(self) -> PredictionConfig:
        for path in (("made_at",), *(("known_from", moment) for moment in self.known_from)):
            moment = self.made_at if path == ("made_at",) else path[-1]
            if moment not in self.moments:
                known = ", ".join(self.moments)
                raise conflict(f"`{moment}` is not one of `prediction.moments` ({known})", *path)
        return self

    @model_validator(mode="after")
    def _each_thing_once(self) -> PredictionConfig:
        if twice := given_twice(self.moments):
            raise conflict(f"`prediction.moments` names {twice[0]} twice", "moments")
        if twice := given_twice(column for columns in self.known_from.values() for column in set(columns)):
            raise conflict(f"`prediction.known_from` gives the column {twice[0]} two moments", "known_from")
        return self

    def known_after(self) -> dict[str, str]:
        """The columns that become known after the prediction is made, each with its moment."""
        too_late = self.moments[self.moments.index(self.made_at) + 1 :]
        return {
            column: moment for moment, columns in self.known_from.items() if moment in too_late for column in columns
        }

    def withheld_columns(self) -> list[str]:
        """The columns that features must not see, sorted."""
        return sorted({*self.known_after(), *self.never})


class Declared(Strict, strict=False):
    """What the configuration or the schema says about columns. All optional: a first look has none of it."""

    label: str | None = None
    class_names: tuple[str, ...] = ()
    """What the label's integers 0, 1, 2, … are called."""
    classes: int = 0
    """How many classes the model tells apart, numbered from 0; 0: not declared."""
    label_kind: Literal["classes", "quantity"] | None = None
    """What the model makes of the label; None: the values decide (`gates.data.target`)."""
    pixel_columns: tuple[str, ...] = ()
    """Images whose pixels are numbered columns: `pixel` for `pixel1`, `pixel2`, …"""
    entity: str | None = None
    time: str | None = None
    split_by: str | None = None
    """row, entity, time or column, as `split.by`."""
    withheld: Names = frozenset()
    """Never features: known after the outcome, or excluded by hand."""
    absent_by_right: Names = frozenset()
    """Columns that tables may lack although the configuration names them: `data.ignore_columns`, `split.column`."""
    known_after: Mapping[str, str] = {}
    """Column → the moment, after the prediction's."""
    moments_declared: bool = False
    """Whether the configuration declares from when columns are known."""
    not_at_serving: Names = frozenset()
    """By the schema's environments."""
    required: Names = frozenset()
    """Columns that the schema says every row must have."""
    categorical: Names = frozenset()
    """Numbers that the schema says are names (`int_domain.is_categorical`)."""
    analysed_splits: tuple[str, ...] | None = None
    """What Transform's analysers read."""
    readers_of: Mapping[str, tuple[str, ...]] = {}
    """Split → components that read it."""

    @property
    def never_pixels(self) -> frozenset[str | None]:
        """Columns that are no pixels of an image, even where they are called like one."""
        return self.withheld | {self.label, self.entity, self.time}

    def images_in(self, columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The declared images among these columns, each with the columns of its pixels: neither the label, entity nor
        time, nor what is withheld, even where it is called like a pixel."""
        if not self.pixel_columns:
            return {}
        never = self.never_pixels
        numbered = numbered_columns(column for column in columns if column not in never)
        return {name: numbered[name.rstrip("_")] for name in self.pixel_columns if name.rstrip("_") in numbered}

    def called(self, class_: str) -> str:
        """A value of the label as a sentence names it."""
        known = class_.isdecimal() and int(class_) < len(self.class_names)
        return self.class_names[int(class_)] if known else class_
