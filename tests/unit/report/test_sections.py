"""Each section shows its evidence, and one line without evidence."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from gates.evaluation.judgements import Decision, Judgement, LimitKind
from gates.evaluation.limits import Limit
from gates.evaluation.slices import Slice
from gates.verdict.finding import Finding, GateReport, Severity, Verdict
from report import page, wording
from report.evidence import Evidence, TunerTrial
from report.run_record import ComponentRecord, RolloutRecord, RolloutStepRecord
from report.scale import AxisScale
from report.sections import configuration, data, metrics, rollout, timing, training, tuning, verdict
from report.sections.slices import SHOWN, slice_groups
from tests.samples.report_runs import (
    HISTORY,
    VALIDATOR,
    estimate,
    pushed_run,
    refused_run,
    sample_evaluation,
    sample_record,
    taxi_statistics,
    words,
)


def measured(**changed: object) -> Evidence:
    return Evidence(**{"evaluation": sample_evaluation(), **changed})


def decided(decision: Decision, where: Slice, limit: float, kind: LimitKind = LimitKind.AT_LEAST) -> Judgement:
    return Judgement("auc", where, kind, limit, 200, 500, 0.5, 0.4, 0.6, decision, "So it is.")


def group(columns: str, evidence: Evidence):
    return next(g for g in slice_groups(evidence.evaluation) if g.columns == columns)


def test_the_verdict_names_outcome_reason_and_findings_gravest_first():
    text = words(verdict.render(*refused_run()).body)
    assert text.index("Refused") < text.index("auc is 0.668, and the limit is 0.70") < text.index("--explain")
    assert text.index("value_threshold") < text.index("unexpected_values")
    assert "0.639 limit 0.7" in text and "1,460" in text


def test_a_skipped_check_is_shown_with_its_reason():
    assert "drift (ExampleValidator) : no previous span" in words(verdict.render(*pushed_run()).body)


def test_a_rollout_shows_its_steps_with_shares_reasons_and_comparisons():
    step = RolloutStepRecord(
        at="2026-11-29 12:00:00",
        step="canary",
        share=10,
        outcome="failed",
        reason="It is <slow>.",
        compared=["share of slow answers: +0.2"],
    )
    record = RolloutRecord(id="00001-17", version="17", previous="16", step="rolled back", steps=[step])
    text = words(rollout.render(record).body)
    assert "Version 17 , after version 16: rolled back ." in text
    assert "canary 10 % failed It is &lt;slow&gt;." in text
    assert "1 comparison share of slow answers: +0.2" in text
    assert 'id="rollout"' in page.render(sample_record(rollout=record, outcome="undecided"), Evidence())
    assert 'id="rollout"' not in page.render(sample_record(), Evidence())


def test_gates_are_read_from_the_run_record_when_there_is_no_other_evidence():
    record = sample_record(gates=[VALIDATOR.to_json()])
    assert "unexpected_values" in verdict.render(record, Evidence()).body


def test_a_thousand_findings_do_not_bury_the_verdict():
    finding = VALIDATOR.findings[0]
    many = tuple(dataclasses.replace(finding, subject=f"column {index}") for index in range(1000))
    body = verdict.render(sample_record(), Evidence(gates=(dataclasses.replace(VALIDATOR, findings=many),))).body
    assert "960 further findings" in words(body)
    assert body.index("column 39<") < body.index("<details>") < body.index("column 40<")


@pytest.mark.parametrize(("rows", "words_after"), [(1, "row"), (2, "rows")])
def test_the_noun_behind_a_count_of_rows_follows_the_count(rows, words_after):
    report = dataclasses.replace(VALIDATOR, findings=(dataclasses.replace(VALIDATOR.findings[0], n=rows),))
    body = verdict.render(sample_record(), Evidence(gates=(report,))).body
    assert f'data-name="{words_after}">{rows}<' in body


def test_limits_are_drawn_where_they_stand_on_the_axis():
    body = metrics.render(measured(evaluation=sample_evaluation(blessed=None))).body
    figures = [0.668, 0.5, 0.676]
    half = 1.1 / math.sqrt(1460)
    scale = AxisScale.over([*figures, *(f - half for f in figures), *(f + half for f in figures), 0.55], 0, 1)
    assert f'<i class="lim" style="left:{scale.at(0.55)}%">' in body


def test_a_model_within_its_interval_of_the_trees_is_called_no_worse():
    text = words(metrics.render(measured()).body)
    assert (
        "no worse and no better than gradient-boosted trees, within its interval, on auc (0.668 against 0.676)" in text
    )


def test_a_model_beyond_its_interval_of_the_trees_is_called_worse_first_of_all():
    body = metrics.render(measured(evaluation=sample_evaluation(trees=0.75))).body
    sentences = re.findall(r'<p class="sentence[^"]*">(.*?)</p>', body)
    assert sentences[0] == (
        "The model is worse than gradient-boosted trees by more than its interval on auc (0.668 against 0.750)."
    )


def test_slices_are_sorted_worst_first_and_small_ones_stand_apart():
    companies = group("company", measured())
    assert [row.name for row in companies.plot.rows] == ["Taxi, Inc.", "(none)", "Flash Cab"]
    assert [row.name for row in companies.small] == ["Top Cab", "T.A.S. - Payment Only"]
    assert companies.least == 200


def test_a_slice_that_misses_its_limit_leads_and_is_counted():
    strict = measured(evaluation=sample_evaluation(limits=(Limit("auc", {"company": "Flash Cab"}, at_least=0.9),)))
    companies = group("company", strict)
    assert companies.plot.rows[0].name == "Flash Cab" and companies.plot.rows[0].state == "missed"
    text = words(metrics.render(strict).body)
    assert "1 missed" in text and "misses the limit" in text


@pytest.mark.parametrize(("decision", "is_doubtful"), [(Decision.DOUBTFUL, True), (Decision.MET, False)])
def test_a_slice_in_doubt_may_miss_its_limit(decision, is_doubtful):
    judgement = decided(decision, Slice.of({"company": "Flash Cab"}), 0.9)
    doubtful = measured(evaluation=dataclasses.replace(sample_evaluation(), judgements=(judgement,)))
    text = words(metrics.render(doubtful).body)
    assert ("may miss the limit: too few rows to be sure" in text) is is_doubtful
    assert "misses the limit" not in text and "missed" not in text


def test_slices_with_a_limit_stand_open_and_so_does_the_first_of_each_column():
    assert group("company", measured()).opened
    assert group("trip_start_hour", measured()).opened


def test_of_very_many_slices_the_worst_are_drawn_and_the_rest_listed():
    many = tuple(estimate("auc", Slice.of({"zip": index}), index / 500, 400) for index in range(300))
    zips = group("zip", measured(evaluation=dataclasses.replace(sample_evaluation(), estimates=many)))
    assert (len(zips.plot.rows), len(zips.more)) == (SHOWN, 300 - SHOWN)
    assert zips.plot.rows[0].name == "0"


def test_a_figure_that_could_not_be_computed_has_no_dot():
    last = group("company", measured()).small[-1]
    assert last.dot is None and "n/a" in metrics.render(measured()).body


def test_the_change_against_the_blessed_model_is_judged():
    behind = measured(evaluation=sample_evaluation(blessed=0.8))
    assert "at most 0.05 behind: missed" in words(metrics.render(behind).body)
    assert "There was no blessed model" in metrics.render(measured(evaluation=sample_evaluation(blessed=None))).body


def test_the_confusion_matrix_gives_counts_and_shares_of_its_rows():
    assert "1,128 97.7 % 27 2.3 % 1,155" in words(metrics.render(measured()).body)


def test_curves_of_train_and_eval_are_drawn_and_the_best_epoch_is_named():
    body = training.render(HISTORY).body
    assert body.count("<polyline") == 4
    assert "lowest after epoch 3" in words(body)


TRAINING_RECORD = {
    "steps": 16_890,
    "images_per_second": 1234.5,
    "devices": ["CPU: a processor, 2 cores"],
    "mixed_precision": False,
    "resumed_from_epoch": 4,
    "utilisation": {"cpu": 0.91, "gpu": None, "memory": 0.12, "input_stall": 0.31},
    "advice": ["Training waited for its input."],
    "parameters": 61_706,
}


def test_the_load_of_the_machine_is_shown_with_advice():
    text = words(training.render(HISTORY, TRAINING_RECORD).body)
    assert "CPU: a processor, 2 cores" in text
    assert "CPU busy 91 % Memory at most 12 % Rows a second 1,234 Waited for input 31 %" in text
    assert "Killed after epoch 4, and continued from its checkpoint. Training waited for its input." in text
    assert "GPU" not in text


def test_what_was_not_measured_in_a_short_training_is_left_out():
    shares = {**TRAINING_RECORD["utilisation"], "input_stall": None}
    text = words(training.render(HISTORY, {**TRAINING_RECORD, "images_per_second": None, "utilisation": shares}).body)
    assert "Memory at most 12 %" in text
    assert "Rows a second" not in text and "Waited for input" not in text


def test_a_learning_rate_is_drawn_where_it_fell():
    fell = training.render({**HISTORY, "learning_rate": [1e-3, 1e-3, 2e-4]}).body
    stayed = training.render({**HISTORY, "learning_rate": [1e-3, 1e-3, 1e-3]}).body
    assert "learning_rate over" in fell
    assert "learning_rate" not in stayed


def test_a_loss_that_is_not_finite_is_shown_in_words():
    body = training.render({"loss": [0.5, math.nan, math.nan], "val_loss": [0.5, 0.6, math.inf]}).body
    assert "train: not a finite number from epoch 2." in body
    assert "eval: not a finite number from epoch 3." in body


def test_the_chosen_trial_comes_first():
    trials = [TunerTrial("01", {"dropout": 0.5}, 0.6), TunerTrial("02", {"dropout": 0.1}, 0.7, chosen=True)]
    text = words(tuning.render(trials).body)
    assert text.index("02 chosen") < text.index("01 0.600")


def test_features_with_findings_come_first_then_the_label():
    body = data.render(pushed_run()[1], (VALIDATOR,)).body
    assert re.findall(r"<h3>(.*?)</h3>", body)[:2] == ["company", "big_tipper"]
    assert "1 of 300 values of company in eval is not in the schema." in body
    assert "3 rows could not be used" in words(body)


def test_a_finding_stands_with_its_column_and_not_with_its_subject():
    about = Finding("x", "fare in serving", "x", 1, 0, 1, Severity.WARN, "Seen.", "None.", column="fare")
    other = Finding("x", "company in words", "x", 1, 0, 1, Severity.WARN, "Seen.", "None.")
    body = data.render(pushed_run()[1], (GateReport("DataGate", Verdict.PASS, (about, other)),)).body
    assert re.findall(r"<h3>(.*?)</h3>", body)[:2] == ["fare", "big_tipper"]


def test_a_finding_for_information_moves_no_feature():
    finding = Finding("rows", "fare", "rows", 1, 0, 1, Severity.INFO, "Seen.", "None.")
    body = data.render(pushed_run()[1], (GateReport("ExampleValidator", Verdict.PASS, (finding,)),)).body
    assert re.findall(r"<h3>(.*?)</h3>", body)[0] == "big_tipper"


def test_one_split_alone_is_drawn_alone():
    body = data.render(Evidence(statistics={"train": taxi_statistics()["train"]}), ()).body
    assert "--splits:1" in body and 'class="hist eval"' not in body


def test_the_longest_component_has_the_longest_bar_and_states_are_named():
    body = timing.render(sample_record()).body
    assert re.findall(r'<tr class="(\w+)"><th scope="row">(\w+)</th>.*?width:([\d.]+)%', body)[-1] == (
        "ran",
        "Pusher",
        "100.0",
    )
    assert '<tr class="reused"><th scope="row">SchemaGen' in body
    assert '<tr class="skipped"><th scope="row">Tuner' in body


def test_a_run_of_no_time_at_all_can_be_drawn():
    record = sample_record(components=[ComponentRecord(name="ExampleGen", seconds=0, state="reused")], seconds=0.0)
    assert "width:0.0%" in timing.render(record).body


@pytest.mark.parametrize(
    "section",
    [
        metrics.render(Evidence()),
        training.render({}),
        data.render(Evidence(), ()),
        timing.render(sample_record(components=[])),
        configuration.render(None),
    ],
    ids=lambda section: section.anchor,
)
def test_a_section_without_evidence_is_not_reached(section):
    assert words(section.body).strip().startswith("Not reached: ")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.figure(12055.0), "12,055"),
        (wording.figure(0.00213), "0.00213"),
        (wording.figure(-87.633308037), "\u221287.63"),
        (wording.figure(math.nan), "n/a"),
        (wording.figure(1e-9), "1.00e\u221209"),
        (wording.share(0.0), "0\u00a0%"),
        (wording.share(0.00001), "<0.1\u00a0%"),
        (wording.share(0.99999), ">99.9\u00a0%"),
        (wording.share(0.2251), "22.5\u00a0%"),
        (wording.duration(187), "3\u00a0min 07\u00a0s"),
        (wording.duration(59.97), "1\u00a0min 00\u00a0s"),
        (wording.duration(7322), "2\u00a0h 02\u00a0min"),
        (wording.size(1_180_000_000), "1.1\u00a0GiB"),
        (wording.plural(1, "check"), "1\u00a0check"),
        (wording.plural(1200, "check"), "1,200\u00a0checks"),
    ],
)
def test_figures_are_written_for_people(written, expected):
    assert written == expected


@pytest.mark.parametrize("values", [[0.5, 0.5], [], [math.nan], [1e9, 1e9 + 1], [-3.0, 1e-9]])
def test_an_axis_holds_its_values_and_has_ticks_within(values):
    scale = AxisScale.over(values)
    assert scale.low < scale.high
    assert all(0 <= scale.at(value) <= 100 for value in values if math.isfinite(value))
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks())


def test_an_axis_of_shares_does_not_leave_nought_to_one():
    scale = AxisScale.over([0.0, 1.0], 0.0, 1.0)
    assert (scale.low, scale.high) == (0.0, 1.0)


def test_a_limit_on_overall_is_not_drawn_on_slices():
    only_overall = measured(evaluation=sample_evaluation(limits=(Limit("auc", at_least=0.55),)))
    assert not any(row.limits for row in group("company", only_overall).plot.rows)
