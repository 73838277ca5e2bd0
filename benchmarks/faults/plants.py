"""The register of planted faults: small functions that each poison a clean case, with the checks that must refuse
it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.faults.case import Case, assign
from benchmarks.faults.tables import TableSource

if TYPE_CHECKING:
    from benchmarks.faults.model_case import ModelCase

MODULES = ("contamination", "leakage", "serving", "labels", "images", "model", "made_rows", "answers", "siblings")

# A case of tables or of a model.
Clean = Callable[[TableSource, int, int | None], Any]
Poison = Callable[..., Any]


@dataclass(frozen=True)
class Plant:
    """One fault. `family` is its kind of finding; at least one of the checks (or of the kind) in `expects` must
    refuse it; a blocking finding of another kind is a false alarm, unless `also` declares that the fault is truly
    of that kind too.

    `doses` fall from obvious to hardly visible; `headline` must be caught. `on`: its tables, the first with the dose
    curve. `listed`: whether it is one of the faults that the gates were
    specified against; the others were added later.
    """

    name: str
    family: str
    poison: Poison
    catches: str
    expects: frozenset[str]
    also: frozenset[str]
    doses: tuple[float, ...]
    headline: float
    unit: str
    on: tuple[str, ...]
    listed: bool
    clean: Clean
    rows: int | None

    def case(
        self, source: TableSource, seed: int, dose: float | None = None, rows: int | None = None
    ) -> Case | ModelCase:
        """The poisoned case."""
        clean = self.clean(source, seed, rows or self.rows)
        if len(self.doses) == 1:
            return self.poison(clean)
        return self.poison(clean, self.headline if dose is None else dose)

    def fits(self, source: TableSource) -> bool:
        """Whether it is tried on this table."""
        return source.name in self.on


_PLANTS: dict[str, Plant] = {}


def assigned(source: TableSource, seed: int, rows: int | None) -> Case:
    """The clean case that most plants start from: 10,000 train rows, 2,500 eval, 2,500 serving."""
    return assign(source, seed, rows=rows or 15_002)


def plant(
    *,
    family: str,
    expects: Sequence[str],
    also: Sequence[str] = (),
    doses: Sequence[float] = (1.0,),
    headline: float | None = None,
    unit: str = "",
    on: Sequence[str] = ("taxi", "flights"),
    listed: bool = True,
    clean: Clean = assigned,
    rows: int | None = None,
) -> Callable[[Poison], Poison]:
    """Registers a function `(case, dose) -> case`, or `(case) -> case` where there is one dose, as a fault."""

    def register(poison: Poison) -> Poison:
        name = poison.__name__
        if name in _PLANTS:
            raise ValueError(f"two plants are called {name}")
        summary = (poison.__doc__ or "").strip().split("\n")[0].rstrip(".")
        if not summary or (headline is not None and headline not in doses):
            raise ValueError(f"{name} lacks a docstring, or its headline is none of its doses")
        _PLANTS[name] = Plant(
            name=name,
            family=family,
            poison=poison,
            catches=summary,
            expects=frozenset(expects),
            also=frozenset(also),
            doses=tuple(doses),
            headline=doses[0] if headline is None else headline,
            unit=unit,
            on=tuple(on),
            listed=listed,
            clean=clean,
            rows=rows,
        )
        return poison

    return register


def plants() -> list[Plant]:
    """Every plant, in the order of the families."""
    for module in MODULES:
        import_module(f"benchmarks.faults.planted.{module}")
    return list(_PLANTS.values())
