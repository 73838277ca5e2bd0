"""What a workload declares of its columns: the label, what is withheld, what is known too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Declared:
    """Declarations of the configuration or the schema about columns. All are optional."""

    label: str | None = None
    class_names: tuple[str, ...] = ()  # the names of the label's integers 0, 1, 2, …
    entity: str | None = None
    time: str | None = None
    split_by: str | None = None  # row, entity, time or column, as `split.by`
    withheld: frozenset[str] = frozenset()  # never features: known after the outcome, or excluded by hand
    known_after: Mapping[str, str] = field(default_factory=dict)  # column → the moment, after the prediction's
    moments_declared: bool = False  # whether it is declared from when columns are known
    not_at_serving: frozenset[str] = frozenset()  # by the schema's environments
    required: frozenset[str] = frozenset()  # columns that every row must have by the schema
    categorical: frozenset[str] = frozenset()  # numbers that are names by the schema (`int_domain.is_categorical`)
    analysed_splits: tuple[str, ...] | None = None  # the splits that Transform's analysers read
    readers_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # split → components that read it

    def called(self, class_: str) -> str:
        """A value of the label as a sentence names it."""
        known = class_.isdecimal() and int(class_) < len(self.class_names)
        return self.class_names[int(class_)] if known else class_
