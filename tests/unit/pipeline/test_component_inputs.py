"""The inputs of components arrive in the executor as they were on the pipeline's page."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from core.strict import Strict
from gates.verdict.catalogue import Gate, checks
from gates.verdict.settings import Tolerance
from pipeline.component_inputs import (
    EvaluatorInputs,
    GateInputs,
    LearningInputs,
    ReferencesInputs,
    ValidatorInputs,
)
from pipeline.components.pusher import PusherInputs
from pipeline.components.registrar import RegistrarInputs
from pipeline.components.rollout import RolloutInputs
from pipeline.components.schema_gen import SchemaGenInputs
from pipeline.config.load import load_workload
from pipeline.config.serving import RolloutConfig
from pipeline.config.workload import WorkloadConfig
from pipeline.features import FeatureInputs
from pipeline.platform import RolloutPlaces
from pipeline.splits import LEARNING
from registry.version_recipe import environment_of
from tests.samples.platforms import pretended_platform

CHECK = next(iter(checks(Gate.DATA))).name
WAIVED = (f"gates.checks.{CHECK}.waive.reason=agreed", f"gates.checks.{CHECK}.waive.expires=2099-01-31")


def everything(config: WorkloadConfig) -> list[Strict]:
    """What each component is given."""
    return [
        ValidatorInputs.of(config),
        SchemaGenInputs.of(config),
        GateInputs.of(config, LEARNING, strict=True),
        FeatureInputs.of(config, pretended_platform()),
        LearningInputs.of(config, pretended_platform(), "search"),
        LearningInputs.of(config, pretended_platform(), "training"),
        ReferencesInputs.of(config),
        EvaluatorInputs.of(config),
        RegistrarInputs.of(config, pretended_platform(), ["DataGate", "ModelGate"], "registry"),
        RolloutInputs.of(config, RolloutConfig(), RolloutPlaces("serving", "out")),
        PusherInputs(gates=["DataGate", "ModelGate"], destination="serving", keep_versions=5),
    ]


@pytest.mark.parametrize("workload", ["taxi", "fashion_mnist"])
@pytest.mark.parametrize("overrides", [(), WAIVED])
def test_all_of_it_comes_back_from_the_execution_property(workload: str, overrides: tuple[str, ...]) -> None:
    for given in everything(load_workload(workload, overrides)):
        text = given.to_property()
        assert type(given).from_property(text) == given
        assert json.loads(text).keys() == type(given).model_fields.keys()


def test_intervals_are_of_entities_where_the_split_is_by_entity_alone() -> None:
    keyed = ("data.entity_key=company",)
    by_row, by_entity = (load_workload("taxi", overrides) for overrides in (keyed, (*keyed, "split.by=entity")))
    for inputs in (EvaluatorInputs, ReferencesInputs):
        assert (inputs.of(by_row).entity, inputs.of(by_entity).entity) == (None, "company")


def test_columns_that_tables_may_lack_arrive_in_the_data_gate() -> None:
    named = ("data.ignore_columns=[company]", "split.by=column", "split.column=side")
    declared = GateInputs.of(load_workload("taxi", named), LEARNING).declared
    assert declared.absent_by_right == {"company", "side"}


def test_a_waiver_arrives_with_its_reason_and_its_day() -> None:
    given = GateInputs.of(load_workload("taxi", WAIVED), LEARNING)
    waiver = GateInputs.from_property(given.to_property()).settings.checks[CHECK].waive
    assert waiver is not None
    assert (waiver.reason, waiver.expires) == ("agreed", date(2099, 1, 31))


def test_a_tolerance_arrives_with_its_day_and_its_verdict_lasts_that_day() -> None:
    until = ("validator.tolerated={fare: {reason: mended soon, expires: 2099-01-31}, company: no name}",)
    given = ValidatorInputs.of(load_workload("taxi", until), strict=True)
    fare, company = (ValidatorInputs.from_property(given.to_property()).tolerated[name] for name in ("fare", "company"))
    assert (fare, company) == (Tolerance(reason="mended soon", expires=date(2099, 1, 31)), "no name")
    assert (given.strict, given.today) == (True, date.today().isoformat())
    plain = ValidatorInputs.of(load_workload("taxi", ("validator.tolerated={company: no name}",)))
    assert (plain.strict, plain.today) == (False, "")


def test_the_registry_shows_settings_in_the_order_of_their_names() -> None:
    given = RegistrarInputs.of(load_workload("taxi"), pretended_platform(), [], "registry")
    settings = given.recipe_settings()
    for section in (settings.data, settings.prediction, settings.split, settings.train):
        assert section and list(section) == sorted(section)
    facts = list(environment_of(given.provenance).facts())
    assert facts == ["code", "data_fingerprint", "git_commit", "lock_hash", "seed", "python", "system"]


def test_figures_from_outside_arrive_in_the_evaluator(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"auc": 0.71, "rows": 1500}')
    baseline = f"evaluator.baseline.metrics_file={tmp_path / 'metrics.json'}"
    given = EvaluatorInputs.of(load_workload("taxi", [baseline]))
    outside = EvaluatorInputs.from_property(given.to_property()).outside
    assert outside is not None
    assert (outside.figures, outside.rows, outside.source) == ({"auc": 0.71}, 1500, "metrics.json")
    assert outside == given.outside


def test_search_and_training_are_keyed_by_their_own_code() -> None:
    config = load_workload("taxi")
    search, training = (LearningInputs.of(config, pretended_platform(), purpose) for purpose in ("search", "training"))
    assert search.code == "code of models.wide_and_deep, models.search, pipeline.components.tuner"
    assert training.code == "code of models.wide_and_deep, models.training.run, pipeline.components.trainer"
    assert (search.durable_dir, training.durable_dir) == ("root/durable/search", "root/durable/training")
