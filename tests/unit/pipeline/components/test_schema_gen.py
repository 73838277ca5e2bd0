"""The schema proposed on a first run: what it allows, what it keeps out of serving."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv
from tfx.types import standard_artifacts

from core.errors import SluiceError
from gates.schema.anomalies import Validated, schema_findings
from gates.schema.proposal import propose_schema, unseen_mass
from pipeline.artifacts.schema import read_schema
from pipeline.components.schema_gen import SchemaGen, SchemaGenInputs, curated_text
from tests.samples import taxi_artifacts as samples


@pytest.mark.parametrize("seed", range(8))
def test_clean_splits_of_real_rides_never_alarm(seed: int) -> None:
    assigned = samples.assign(samples.rides(), seed, weights=(0.85, 0.1, 0.05))
    splits = {name: samples.statistics_of(frame) for name, frame in assigned.items()}
    schema = samples.proposed(splits)
    for name, statistics in splits.items():
        anomalies = tfdv.validate_statistics(statistics, schema, environment="TRAINING")
        seen = Validated(name, "TRAINING", statistics.datasets[0], anomalies)
        assert schema_findings([seen], schema, seen, {}) == []


def test_schema_inferred_by_tfdv_alone_does_alarm_on_them() -> None:
    splits = {name: samples.statistics_of(frame) for name, frame in samples.assign(samples.rides()).items()}
    inferred = tfdv.infer_schema(splits["train"], infer_feature_shape=False)
    assert tfdv.validate_statistics(splits["test"], inferred).anomaly_info


def test_label_and_withheld_columns_are_kept_out_of_serving(tmp_path: Path) -> None:
    statistics = samples.write_statistics(samples.assign(samples.rides().head(2000)), tmp_path / "statistics")
    schema_artifact = samples.artifact(standard_artifacts.Schema, tmp_path / "schema")
    given = SchemaGenInputs(label=samples.LABEL, withheld=["payment_type", "tips"])
    SchemaGen.test_call(statistics=statistics, schema=schema_artifact, config=given.to_property(), code="")
    schema = read_schema(schema_artifact.uri)
    assert list(schema.default_environment) == ["TRAINING", "SERVING"]
    kept_out = {feature.name for feature in schema.feature if "SERVING" in feature.not_in_environment}
    assert kept_out == {"big_tipper", "payment_type", "tips"}


def test_a_column_of_mostly_new_values_has_no_closed_domain() -> None:
    frame = samples.rides().head(90)
    frame["note"] = [f"ride {i}" for i in range(90)]
    statistics = samples.statistics_of(frame)
    inferred = tfdv.infer_schema(statistics)
    assert "note" in {domain.name for domain in inferred.string_domain}
    schema = propose_schema(inferred, statistics.datasets[0], samples.LABEL, samples.WITHHELD, 90)
    assert "note" not in {domain.name for domain in schema.string_domain}


def test_a_column_of_times_has_no_closed_domain() -> None:
    frame = samples.rides().head(90)
    frame["day"] = [f"{1 + i % 28:02}.02.2013" for i in range(90)]
    frame["version"] = [f"1.2.{i % 28}" for i in range(90)]
    statistics = samples.statistics_of(frame)
    schema = propose_schema(tfdv.infer_schema(statistics), statistics.datasets[0], samples.LABEL, samples.WITHHELD, 90)
    assert {"day", "version"} & {domain.name for domain in schema.string_domain} == {"version"}


def test_unseen_mass_grows_with_values_seen_once() -> None:
    assert unseen_mass({"a": 5000, "b": 5000}) < 0.001
    assert 0.01 < unseen_mass({"a": 990, **{f"rare {i}": 1 for i in range(10)}}) < 0.03
    assert unseen_mass({}) == 1.0


def test_a_missing_or_broken_curated_schema_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match=r"schema.pbtxt: the curated schema does not exist\."):
        curated_text(str(tmp_path / "schema.pbtxt"))
    (tmp_path / "schema.pbtxt").write_text('feature { nam: "fare" }')
    with pytest.raises(SluiceError, match="is not a schema in protobuf text format: 1:11"):
        curated_text(str(tmp_path / "schema.pbtxt"))
