"""An answer must depend on the features of its own row alone; the exports are real ones, loaded from a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gates.model.evidence import Budgets, ModelEvidence, Operation, Regrouped
from gates.model.gate import judge_model
from gates.verdict.finding import Finding, GateReport, Severity
from tests.samples.planted_exports import Rides, evidence_of, filled, replayed

CHECKS = {"row_alone", "self_contained", "loads_elsewhere", "missing_together", "optional_fields"}


def _judged(rides: Rides, folder: Path) -> GateReport:
    return judge_model(evidence_of(replayed(rides.export(folder / "export"), folder)))


def _blocking(report: GateReport) -> dict[str, Finding]:
    return {each.check: each for each in report.findings if each.severity is Severity.BLOCK}


def _sound(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    return model.weight * filled(fare) - 0.02 * tf.cast(tf.clip_by_value(hour, 0, 23), tf.float32)


def _with_table(model: Any, fare: Any, hour: Any, company: Any) -> Any:
    """A table from an asset, a loop and an assertion: all of them stateful operations, none harmful."""
    with tf.control_dependencies([tf.debugging.assert_rank(fare, 1)]):
        known = tf.cast(model.table.lookup(company), tf.float32)
    looped = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x + known), (0, known))
    return _sound(model, fare, hour, company) + looped[1]


def _table_of(folder: Path) -> Callable[[Any], None]:
    def prepare(model: Any) -> None:
        words = folder / "companies.txt"
        words.write_text("Blue\nRed\n")
        model.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                str(words),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            1,
        )

    return prepare


def test_a_sound_export_passes_every_check(tmp_path: Path) -> None:
    report = _judged(Rides(_sound), tmp_path)
    assert not _blocking(report)
    assert {each.check for each in report.findings} >= CHECKS


def test_a_table_from_an_asset_of_the_export_passes_without_the_file_that_it_came_from(tmp_path: Path) -> None:
    export = Rides(_with_table, _table_of(tmp_path)).export(tmp_path / "export")
    (tmp_path / "companies.txt").unlink()
    found = replayed(export, tmp_path)
    assert not _blocking(judge_model(evidence_of(found))), found.errors


def _centred(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    fare = filled(fare)
    return model.weight * (fare - tf.reduce_mean(fare))


def _normalised(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    mean, variance = tf.nn.moments(filled(fare), [0])
    return (filled(fare) - mean) * tf.math.rsqrt(variance + 1e-3)


def _dropped_by_place(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    kept = tf.random.stateless_uniform(tf.shape(fare), [1, 2]) < 0.9
    return tf.where(kept, _sound(model, fare, hour, company), 0.0)


def _ranked(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    return 0.01 * tf.cast(tf.argsort(tf.argsort(filled(fare))), tf.float32)


def _filled_from_the_batch(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    """Only where a fare is missing, which none of the replayed rows' is."""
    missing = tf.math.is_nan(fare)
    mean = tf.math.divide_no_nan(tf.reduce_sum(filled(fare)), tf.reduce_sum(tf.cast(~missing, tf.float32)))
    return model.weight * tf.where(missing, mean, filled(fare))


def _otherwise_when_alone(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    return tf.where(tf.size(fare) > 1, _sound(model, fare, hour, company), 0.0)


@pytest.mark.parametrize(
    "answer",
    [_centred, _normalised, _dropped_by_place, _ranked, _filled_from_the_batch, _otherwise_when_alone],
    ids=lambda each: each.__name__,
)
def test_refuses_answers_that_depend_on_the_other_rows_or_on_the_place(answer: Any, tmp_path: Path) -> None:
    blocking = _blocking(_judged(Rides(answer), tmp_path))
    assert set(blocking) == {"row_alone"}
    assert "otherwise" in blocking["row_alone"].reason


def _counted(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    calls = model.calls.assign_add(1)
    return _sound(model, fare, hour, company) + tf.where(calls > 1_000, 1.0, 0.0)


def _by_the_clock(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    return _sound(model, fare, hour, company) + tf.cast(tf.timestamp() / 3.2e7 - 55.0, tf.float32)


def _by_chance(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    return _sound(model, fare, hour, company) + 1e-7 * tf.random.uniform(tf.shape(fare))


def _within_a_branch(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
    """Acts only on fares that no test row has."""
    sound = _sound(model, fare, hour, company)
    late = lambda: sound + tf.cast(tf.timestamp() > 2e9, tf.float32)  # noqa: E731
    return tf.cond(tf.reduce_max(fare) > 1e6, late, lambda: sound)


@pytest.mark.parametrize(
    ("answer", "subject", "kind"),
    [
        (_counted, "earlier calls", "AssignAddVariableOp"),
        (_by_the_clock, "clock", "Timestamp"),
        (_by_chance, "chance", "RandomUniform"),
        (_within_a_branch, "clock", "Timestamp"),
    ],
)
def test_refuses_a_graph_that_reads_what_is_no_feature(answer: Any, subject: str, kind: str, tmp_path: Path) -> None:
    blocking = _blocking(_judged(Rides(answer), tmp_path))
    found = blocking.pop("self_contained")
    assert found.subject == subject and f"`{kind}`" in found.reason
    assert set(blocking) <= {"row_alone"}


def test_refuses_a_graph_that_reads_a_file_outside_the_export(tmp_path: Path) -> None:
    (tmp_path / "rate.txt").write_text("0.5")

    def answer(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
        return _sound(model, fare, hour, company) + tf.strings.to_number(tf.io.read_file(str(tmp_path / "rate.txt")))

    found = _blocking(_judged(Rides(answer), tmp_path))
    assert set(found) == {"self_contained"} and found["self_contained"].subject == "files"


def test_refuses_a_table_that_learns_while_it_serves(tmp_path: Path) -> None:
    def prepare(model: Any) -> None:
        model.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, 0.0)

    def answer(model: Any, fare: Any, hour: Any, company: Any) -> Any:
        seen = model.table.lookup(company)
        with tf.control_dependencies([model.table.insert(company, seen + 1e-9)]):
            return _sound(model, fare, hour, company) + tf.identity(seen)

    found = _blocking(_judged(Rides(answer, prepare), tmp_path))
    assert found["self_contained"].subject == "earlier calls"


def test_refuses_a_python_function_that_the_export_does_not_hold(tmp_path: Path) -> None:
    def answer(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
        doubled = tf.numpy_function(lambda x: np.float32(2) * x, [filled(fare)], tf.float32)
        return _sound(model, tf.ensure_shape(doubled, [None]), hour, company)

    found = _blocking(_judged(Rides(answer), tmp_path))
    assert found["self_contained"].subject == "python"


def test_refuses_no_number_where_two_fields_are_missing_together(tmp_path: Path) -> None:
    def answer(model: Rides, fare: Any, hour: Any, company: Any) -> Any:
        there = tf.cast(~tf.math.is_nan(fare), tf.float32) + tf.cast(hour >= 0, tf.float32)
        return _sound(model, fare, hour, company) * there / there

    found = _blocking(_judged(Rides(answer), tmp_path))
    assert set(found) == {"missing_together"}
    assert "`fare` and `hour` are missing together" in found["missing_together"].reason


def test_an_export_that_cannot_be_loaded_is_refused_with_its_reason(tmp_path: Path) -> None:
    export = Path(Rides(_sound).export(tmp_path / "export"))
    for file in (export / "variables").iterdir():
        file.unlink()
    found = _blocking(judge_model(evidence_of(replayed(str(export), tmp_path))))
    assert set(found) == {"loads_elsewhere"}
    assert "cannot be used in an empty folder" in found["loads_elsewhere"].reason


@pytest.mark.parametrize(
    ("kind", "stateful", "outside", "refused"),
    [
        ("MatMul", False, False, False),
        ("SomethingNewV7", True, False, True),  # what is not known to be harmless
        ("ReadFile", False, False, True),  # TensorFlow does not call it stateful
        ("LookupTableFindV2", True, False, False),
        ("StatelessRandomUniformV2", False, False, False),
        ("InitializeTableFromTextFileV2", True, False, False),
        ("InitializeTableFromTextFileV2", True, True, True),
        ("AssignVariableOp", True, False, False),
        ("Timestamp", True, False, True),
    ],
)
def test_what_an_initialiser_may_do(kind: str, stateful: bool, outside: bool, refused: bool) -> None:
    operation = Operation("initialiser", kind, "node", stateful, outside)
    assert bool(_blocking(judge_model(ModelEvidence(operations=(operation,))))) == refused


@pytest.mark.parametrize(
    ("off", "same_machine", "refused"), [(1e-6, True, False), (5e-5, True, True), (5e-5, False, False)]
)
def test_rounding_in_other_batches_passes(off: float, same_machine: bool, refused: bool) -> None:
    whole = np.full((20, 1), 0.5)
    rows = np.arange(5)
    given = Regrouped("serving_default", "alone", whole[rows], whole[rows] + off, rows, whole)
    report = judge_model(ModelEvidence(regrouped=(given,), budgets=Budgets(same_machine=same_machine)))
    assert bool(_blocking(report)) == refused


FEWER = {
    "one for all": (lambda model, fare, hour, company: model.weight * tf.reduce_mean(filled(fare), keepdims=True), 1),
    "none where the fare is missing": (
        lambda model, fare, hour, company: model.weight * tf.boolean_mask(fare, ~tf.math.is_nan(fare)),
        0,
    ),
}


@pytest.mark.parametrize("fewer", FEWER)
def test_fewer_answers_than_rows_are_refused_and_no_error_of_ours(fewer: str, tmp_path: Path) -> None:
    answer, place = FEWER[fewer]
    finding = _blocking(_judged(Rides(answer), tmp_path))["row_alone"]
    where = ("some fields missing: ", "in another order: ")[place]
    assert f"{where}all rows together have no more than " in finding.reason
