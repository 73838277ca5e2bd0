"""Simple models to compare with: reproducible, on what serving has, with the candidate's own intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tfx.types import Artifact, standard_artifacts

from gates.evaluation.metrics import Reference
from gates.evaluation.reference_models import boosted_trees
from pipeline.artifacts.evaluation import ReferencesArtifact, read_references
from pipeline.artifacts.examples import sample
from pipeline.artifacts.schema import served_features
from pipeline.component_inputs import ReferencesInputs
from pipeline.components.references import References
from tests.samples import taxi_artifacts as samples

FRAMES = samples.assign(samples.rides(), seed=2)
GIVEN = ReferencesInputs(label=samples.LABEL, withheld=["payment_type", "tips"], confidence=0.95)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Artifact]]:
    home = tmp_path_factory.mktemp("references")
    schema = samples.proposed({name: samples.statistics_of(frame) for name, frame in FRAMES.items()})
    (home / "schema").mkdir()
    (home / "schema/schema.pbtxt").write_text(text_format.MessageToString(schema))
    return {
        "examples": [samples.write_examples(FRAMES, home / "examples")],
        "schema": [samples.artifact(standard_artifacts.Schema, home / "schema")],
    }


def _references(inputs: dict[str, list[Artifact]], uri: Path, given: ReferencesInputs = GIVEN) -> dict[str, Reference]:
    output = samples.artifact(ReferencesArtifact, uri)
    artifacts = {name: each for name, [each] in inputs.items()}
    References.test_call(**artifacts, references=output, config=given.to_property(), code="")
    return {reference.name: reference for reference in read_references(output.uri)}


def _value(reference: Reference, metric: str) -> float:
    return next(each.value for each in reference.estimates if each.metric == metric)


def test_majority_class_is_right_as_often_as_its_class_occurs(
    inputs: dict[str, list[Artifact]], tmp_path: Path
) -> None:
    majority = _references(inputs, tmp_path)["majority class"]
    assert _value(majority, "accuracy") == pytest.approx(1 - FRAMES["test"][samples.LABEL].mean())
    assert _value(majority, "auc") == 0.5


def test_trees_beat_chance_without_seeing_what_is_withheld(inputs: dict[str, list[Artifact]], tmp_path: Path) -> None:
    trees = _references(inputs, tmp_path)["gradient-boosted trees"]
    auc = next(each for each in trees.estimates if each.metric == "auc")
    assert auc.n == len(FRAMES["test"])
    assert auc.lower > 0.5
    assert auc.value < 0.9  # payment_type alone would give 0.93


def test_intervals_are_of_entities_where_these_were_assigned(inputs: dict[str, list[Artifact]], tmp_path: Path) -> None:
    by_row = _references(inputs, tmp_path / "rows")["majority class"]
    by_company = GIVEN.model_copy(update={"entity": "company"})
    by_entity = _references(inputs, tmp_path / "entities", by_company)["majority class"]
    narrow, wide = (
        next(each for each in found.estimates if each.metric == "accuracy") for found in (by_row, by_entity)
    )
    assert wide.value == narrow.value
    assert wide.upper - wide.lower > narrow.upper - narrow.lower


def test_the_same_data_gives_the_same_figures(inputs: dict[str, list[Artifact]], tmp_path: Path) -> None:
    assert _references(inputs, tmp_path / "a") == _references(inputs, tmp_path / "b")


def test_only_columns_of_a_request_are_features() -> None:
    schema = samples.proposed({name: samples.statistics_of(frame) for name, frame in FRAMES.items()})
    features = served_features(schema, {samples.LABEL})
    assert features == ["company", "dropoff_latitude", "fare", "trip_miles", "trip_start_hour"]


@pytest.mark.parametrize(("rows", "most"), [(10, 100), (100, 100), (1000, 100), (12345, 500)])
def test_a_sample_is_spread_over_all_rows(rows: int, most: int) -> None:
    batches = (np.arange(start, min(start + 64, rows)) for start in range(0, rows, 64))
    taken = sample(batches, most).astype(int)
    assert len(taken) == min(rows, most)
    assert np.all(np.diff(taken) > 0)
    assert taken[0] == 0
    assert taken[-1] >= rows - 3 * max(1, rows // most)
    assert np.diff(taken).max(initial=1) <= 4 * max(1, rows // most)


def test_trees_take_categories_never_seen_and_missing_values() -> None:
    rng = np.random.default_rng(0)
    train = {"town": rng.choice(np.array(["a", "b", None], dtype=object), 400), "x": rng.normal(size=400)}
    labels = (train["town"] == "a").astype(int)
    test = {"town": np.array(["a", "b", "new", None], dtype=object), "x": np.array([0.0, np.nan, 0.0, 0.0])}
    known, other, new, missing = boosted_trees(train, labels, test, classes=2)[:, 1]
    assert known > 0.9
    assert max(other, new, missing) < 0.1
