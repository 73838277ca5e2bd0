"""The catalogue: every check with what it catches, its statistic, its margin and its source. `gates list`, the page in
docs/ and the report are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

from gates.verdict.measurement import Measurement

# The modules that register the checks, in the order in which the checks run.
DATA_MODULES = (
    "gates.data.contamination.duplicates",
    "gates.data.contamination.near_duplicates",
    "gates.data.contamination.interpolated",
    "gates.data.contamination.images",
    "gates.data.contamination.units",
    "gates.data.contamination.undeclared_entity",
    "gates.data.contamination.preparation",
    "gates.data.leakage.features",
    "gates.data.leakage.combinations",
    "gates.data.leakage.formulas",
    "gates.data.leakage.flags",
    "gates.data.leakage.structure",
    "gates.data.leakage.labels",
    "gates.data.leakage.images",
    "gates.data.skew.classes",
    "gates.data.skew.schema",
    "gates.data.skew.columns",
    "gates.data.skew.numbers",
    "gates.data.skew.slices",
    "gates.data.skew.joint",
    "gates.data.skew.association",
    "gates.data.skew.keyed",
    "gates.data.skew.labels",
    "gates.data.skew.images",
)
MODEL_MODULES = (
    "gates.model.parity",
    "gates.model.independence",
    "gates.model.frozen_date",
    "gates.model.inputs",
    "gates.model.generalisation",
    "gates.model.recognition",
    "gates.model.soundness",
    "gates.model.transformed",
    "gates.model.constants",
    "gates.model.reference",
    "gates.model.regression",
    "gates.model.budgets",
)


class Gate(str, Enum):
    """Which gate runs a check."""

    DATA = "data_gate"
    MODEL = "model_gate"


class Need(str, Enum):
    """What a check needs; a check that lacks it is skipped, with these words as the reason."""

    HELD_OUT = "no eval or test split was given"
    SERVING = "no serving log was given"
    PREVIOUS = "no previous span was given"
    OTHER = "train alone was given: there is nothing to compare it with"
    LABEL = "no label was named"
    ENTITY = "no entity key was declared"
    TIME = "no time column was declared"
    IMAGE = "no column holds images"
    TRAIN_PREDICTIONS = "the model's predictions on train were not given"
    EVAL_PREDICTIONS = "the model's predictions on eval were not given"
    TEST_PREDICTIONS = "the model's predictions on test were not given"
    REPLAYS = "no signature was replayed"
    GOLDEN = "the export carries no golden requests"
    PROBES = "no optional field was probed"
    COMBINATIONS = "there are no two optional fields"
    REGROUPED = "no row was answered in other company"
    OPERATIONS = "the graph of the export was not read"
    LITERALS = "the literals of the export's graph were not read"
    LOADED = "no copy of the export was loaded"
    SLICES = "no slices are configured"
    BLESSED = "no model has been blessed before"
    REFERENCES = "no simple model was fitted"
    STUMP = "no single-feature model was fitted"
    IMPORTANCES = "no feature was permuted"
    TRANSFORMED = "the model reads no transformed feature of one value or a short vector"
    CONSTANTS = "the graph of the preprocessing holds no list of values"
    LATENCY = "no latency budget is configured"
    SIZE = "no size budget is configured"


class NotApplicable(Exception):  # noqa: N818 (it is an answer, not an error)
    """Raised by a check that cannot measure; the message is shown as the reason. A check of tier 1 then warns of data,
    and refuses under strict: nothing shows that they are sound."""


class NothingToJudge(NotApplicable):
    """Raised by a check that misses nothing: the data hold nothing that it is about, or a declaration settles it."""


@dataclass(frozen=True)
class Check:
    """One entry of the catalogue. `margin` is the effect that matters; `tier` 1 must be certain under `--strict`.
    `more_is_stricter`: the value must lie above the margin, not below."""

    name: str
    gate: Gate
    group: str
    catches: str
    statistic: str
    margin: float
    rule: str
    source: str
    needs: tuple[Need, ...]
    tier: int
    run: Callable[..., Iterable[Measurement]]
    more_is_stricter: bool = False

    def measure(self, evidence: Any, margin: float) -> list[Measurement]:
        """What the check measures of a gate's evidence, each with its name and margin.

        Raises:
          NotApplicable: when there is nothing to measure.
        """
        return [measured.named(self.name, margin) for measured in self.run(evidence, margin)]


_REGISTERED: dict[str, Check] = {}

Function = Callable[..., Iterable[Measurement]]


def check(
    *,
    gate: Gate,
    group: str,
    catches: str,
    statistic: str,
    margin: float,
    rule: str,
    source: str,
    needs: tuple[Need, ...] = (),
    tier: int = 2,
    more_is_stricter: bool = False,
) -> Callable[[Function], Function]:
    """Registers a check under its function's name.

    The function takes the gate's evidence (`gates.data.evidence.Data` or `gates.model.evidence.ModelEvidence`) and
    `margin`, and yields one Measurement for each comparison, also for a sound one: the number of comparisons decides
    how certain each must be. It leaves out its name and its margin: `Check.measure` fills them in. The exception
    NotApplicable says that there is nothing to measure.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        if name in _REGISTERED and _REGISTERED[name].run.__module__ != function.__module__:
            raise ValueError(f"two checks are called {name}")
        _REGISTERED[name] = Check(
            name, gate, group, catches, statistic, margin, rule, source, needs, tier, function, more_is_stricter
        )
        return function

    return register


def checks(gate: Gate | None = None) -> Iterator[Check]:
    """The checks of one gate, or all, in catalogue order."""
    for module in (*DATA_MODULES, *MODEL_MODULES):
        import_module(module)
    order = {module: place for place, module in enumerate((*DATA_MODULES, *MODEL_MODULES))}
    ordered = sorted(_REGISTERED.values(), key=lambda each: order.get(each.run.__module__, len(order)))
    return (each for each in ordered if gate is None or each.gate is gate)


def check_named(name: str) -> Check:
    """One check.

    Raises:
      KeyError: when there is no such check.
    """
    return {each.name: each for each in checks()}[name]


def as_json(each: Check) -> dict[str, Any]:
    """What `gates list --json` writes of a check."""
    return {
        "check": each.name,
        "gate": each.gate.value,
        "group": each.group,
        "catches": each.catches,
        "statistic": each.statistic,
        "margin": each.margin,
        "rule": each.rule,
        "source": each.source,
        "tier": each.tier,
        "needs": [need.value for need in each.needs],
    }
