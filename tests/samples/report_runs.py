"""Runs with everything in them that a report may show."""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import io
import math
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tensorflow_metadata.proto.v0 import statistics_pb2

from gates.evaluation.limits import Limit
from gates.evaluation.metrics import ConfusionMatrix, Evaluation, MetricEstimate, Reference
from gates.evaluation.mistakes import Mistake
from gates.evaluation.slices import OVERALL, Slice
from gates.evaluation.thresholds import judge_thresholds
from gates.verdict.finding import Finding, GateReport, RowSample, Severity, SkippedCheck, Verdict
from report.evidence import Evidence, TunerTrial, UnusableRows
from report.run_record import ComponentRecord, RunRecord

EVIL = "<script>alert('x')</script>\"><img src=//evil.example/x onerror=alert(1)>"


TAXI_CSV = Path(importlib.util.find_spec("tfx").origin).parent / "examples/chicago_taxi_pipeline/data/simple/data.csv"
Feature = statistics_pb2.FeatureNameStatistics
BUCKETS = 10
COMPANIES = (("Flash Cab", 503, 0.71), ("Taxi, Inc.", 382, 0.56), ("", 240, 0.66), ("Top Cab", 17, 0.41))
LIMITS = (
    Limit("auc", at_least=0.55, no_worse_than_blessed_by=0.05),
    Limit("auc", {"company": "*"}, at_least=0.5, min_examples=200),
)
HISTORY = {
    "loss": [0.56, 0.51, 0.49, 0.48],
    "val_loss": [0.52, 0.497, 0.4925, 0.4933],
    "auc": [0.55, 0.61, 0.65, 0.66],
    "val_auc": [0.6, 0.63, 0.65, 0.66],
}
VALIDATOR = GateReport(
    "ExampleValidator",
    Verdict.PASS,
    findings=(
        Finding(
            check="unexpected_values",
            subject="company",
            statistic="share of values outside the domain",
            value=0.0021,
            threshold=0.01,
            n=300,
            severity=Severity.WARN,
            reason="1 of 300 values of company in eval is not in the schema.",
            remedy="Add it to `company` in schema/taxi/schema.pbtxt if it is here to stay.",
        ),
    ),
    checks_run=("schema", "environment_serving"),
    checks_skipped=(SkippedCheck("drift", "no previous span"),),
    seconds=0.4,
)
REFUSAL = Finding(
    check="value_threshold",
    subject=OVERALL.name,
    statistic="auc",
    value=0.639,
    threshold=0.7,
    n=1460,
    severity=Severity.BLOCK,
    reason="auc is 0.668 (0.639 to 0.697); the limit is 0.70.",
    remedy="Bring better features, or lower `evaluator.thresholds`.",
)
TAXI_COLUMNS = ("fare", "payment_type", "pickup_latitude")
STATES = {"SchemaGen": "reused", "Tuner": "skipped"}
COMPONENTS = ("ExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Tuner", "Trainer", "Evaluator", "Pusher")


@cache
def taxi_frame() -> pd.DataFrame:
    # The file is sorted: a slice of it would make splits that differ.
    frame = pd.read_csv(TAXI_CSV).sample(3000, random_state=0, ignore_index=True)
    return frame.assign(big_tipper=(frame.tips > 0.2 * frame.fare).astype("int64"))


def statistics_of(frame: pd.DataFrame) -> statistics_pb2.DatasetFeatureStatistics:
    """What StatisticsGen says of the frame, as far as the report reads it."""
    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=len(frame))
    for name in frame.columns:
        feature = dataset.features.add()
        feature.path.step.append(name)
        known = frame[name].dropna()
        if frame[name].dtype == object:
            _describe_text(feature, known, len(frame))
        else:
            _describe_numbers(feature, known, len(frame))
    return dataset


def _describe_text(feature: Feature, known: pd.Series, rows: int) -> None:
    feature.type = Feature.STRING
    _count(feature.string_stats.common_stats, len(known), rows)
    counts = known.value_counts()
    feature.string_stats.unique = len(counts)
    for rank, (value, count) in enumerate(counts.items()):
        feature.string_stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=count)


def _describe_numbers(feature: Feature, known: pd.Series, rows: int) -> None:
    feature.type = Feature.INT if known.dtype.kind == "i" else Feature.FLOAT
    stats = feature.num_stats
    _count(stats.common_stats, len(known), rows)
    if known.empty:
        return
    stats.mean, stats.median = known.mean(), known.median()
    # As TFDV does it: a constant is one bucket without width.
    constant = known.min() == known.max()
    counts, edges = ([len(known)], [known.min()] * 2) if constant else np.histogram(known, bins=BUCKETS)
    equal = stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        equal.buckets.add(low_value=low, high_value=high, sample_count=count)
    quantiles = stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
    ends = np.quantile(known, np.linspace(0, 1, BUCKETS + 1))
    for low, high in pairwise(ends):
        quantiles.buckets.add(low_value=low, high_value=high, sample_count=len(known) / BUCKETS)


def _count(common: statistics_pb2.CommonStatistics, known: int, rows: int) -> None:
    common.num_non_missing = common.tot_num_values = known
    common.num_missing = rows - known
    common.min_num_values = common.max_num_values = 1


@cache
def taxi_statistics() -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    frame = taxi_frame()
    return {
        "train": statistics_of(frame[:2400]),
        "eval": statistics_of(frame[2400:2700]),
        "test": statistics_of(frame[2700:]),
    }


def estimate(metric: str, where: Slice, value: float, n: int = 1460, blessed: float | None = None) -> MetricEstimate:
    half = 1.1 / math.sqrt(n)
    change = None if blessed is None else value - blessed
    ends = (None, None) if change is None else (change - half / 2, change + half / 2)
    return MetricEstimate(metric, where, n, value, value - half, value + half, blessed, change, *ends)


def judged(evaluation: Evaluation, *limits: Limit) -> Evaluation:
    """As the Evaluator leaves it."""
    return dataclasses.replace(evaluation, judgements=judge_thresholds(evaluation, limits).judgements)


def sample_evaluation(
    auc: float = 0.668, blessed: float | None = 0.671, trees: float = 0.676, limits: tuple[Limit, ...] = LIMITS
) -> Evaluation:
    evaluation = Evaluation(
        confidence=0.95,
        estimates=(
            estimate("auc", OVERALL, auc, blessed=blessed),
            estimate("accuracy", OVERALL, 0.791),
            estimate("loss", OVERALL, 0.487),
            *(estimate("auc", Slice.of({"company": name}), value, n) for name, n, value in COMPANIES),
            *(estimate("auc", Slice.of({"trip_start_hour": hour}), 0.55 + hour / 100, 60) for hour in range(24)),
            estimate("auc", Slice.of({"company": "T.A.S. - Payment Only"}), math.nan, 1),
        ),
        confusion=ConfusionMatrix(("0", "1"), ((1128, 27), (268, 37))),
        references=(
            Reference("majority class", (estimate("auc", OVERALL, 0.5), estimate("accuracy", OVERALL, 0.79))),
            Reference("gradient-boosted trees", (estimate("auc", OVERALL, trees),)),
        ),
        notes=("AUC intervals by DeLong.",),
    )
    return judged(evaluation, *limits)


def sample_record(**changed: object) -> RunRecord:
    record = RunRecord(
        run_id="2026-11-20T16-02-11",
        workload="taxi",
        outcome="pushed",
        exit_code=0,
        reason="Every gate passed and every threshold was met.",
        pushed_version="1763654531",
        pushed_to="out/serving/taxi",
        components=[
            ComponentRecord(name=name, seconds=1.5 * place, state=STATES.get(name, "ran"))
            for place, name in enumerate(COMPONENTS)
        ],
        gates=[],
        metrics={},
        rows={"train": 2400, "eval": 300, "test": 300},
        seconds=44.3,
        peak_memory_bytes=1_180_000_000,
        seed=7,
        data_fingerprint="9f7c2a51d0be4a31",
        git_commit="4be12c07",
        lock_hash="77aa01e2",
    )
    return record.model_copy(update=changed)


def pushed_run() -> tuple[RunRecord, Evidence]:
    evidence = Evidence(
        statistics=taxi_statistics(),
        label="big_tipper",
        unusable_rows=UnusableRows(3, "out/taxi/unusable_rows.csv"),
        gates=(VALIDATOR, GateReport("evaluator", Verdict.PASS, checks_run=("value_threshold",))),
        evaluation=sample_evaluation(),
        history=HISTORY,
        lineage={"data fingerprint": "9f7c2a51d0be4a31", "model": "out/taxi/Trainer/model/7", "champion": None},
        config_yaml="name: taxi\n",
    )
    return sample_record(), evidence


def refused_run() -> tuple[RunRecord, Evidence]:
    record = sample_record(
        outcome="refused",
        exit_code=2,
        reason="Evaluator refused the model: auc is 0.668, and the limit is 0.70.",
        pushed_version=None,
        pushed_to=None,
    )
    evidence = dataclasses.replace(
        pushed_run()[1],
        gates=(VALIDATOR, GateReport("evaluator", Verdict.FAIL, (REFUSAL,), ("value_threshold",))),
        evaluation=sample_evaluation(limits=(dataclasses.replace(LIMITS[0], at_least=0.7), LIMITS[1])),
        next_command="Next:  python runners/local_runner.py --explain evaluator.thresholds",
    )
    return record, evidence


def proven_run() -> tuple[RunRecord, Evidence]:
    """A finding on a column of numbers, with a sample of its rows, beside tables of every kind."""
    finding = dataclasses.replace(
        VALIDATOR.findings[0],
        subject="fare",
        severity=Severity.BLOCK,
        sample=RowSample("Rows with the largest fares", TAXI_COLUMNS, (("25.15", "Cash", "41.88"),) * 2),
    )
    trials = (TunerTrial("1", {"dropout": 0.2}, 0.5, chosen=True), TunerTrial("2", {"dropout": 0.3}, None))
    record, evidence = refused_run()
    gates = (dataclasses.replace(VALIDATOR, findings=(finding,)), *evidence.gates[1:])
    return record, dataclasses.replace(evidence, gates=gates, trials=trials)


def pictured_run() -> tuple[RunRecord, Evidence]:
    """A model of images, with those that it takes for another class."""
    mistakes = tuple(
        Mistake(row, truth, answer, 0.9 - row / 20, _image())
        for row, (truth, answer) in enumerate([("Shirt", "Coat")] * 6 + [("Ankle boot", "T-shirt/top")] * 2)
    )
    record, evidence = pushed_run()
    return record, dataclasses.replace(evidence, mistakes=mistakes)


def _image() -> str:
    stored = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(stored, "PNG")
    return base64.b64encode(stored.getvalue()).decode()


def hostile_run():
    """Names, values, sentences and configuration that try to break out of the page."""
    frame = pd.DataFrame({EVIL: [EVIL, "b"] * 20, f"number {EVIL}": np.arange(40.0)})
    finding = dataclasses.replace(
        VALIDATOR.findings[0], subject=EVIL, check=EVIL, statistic=EVIL, reason=f"Seen `{EVIL}` here.", remedy=EVIL
    )
    evaluation = dataclasses.replace(
        sample_evaluation(),
        estimates=(estimate("auc", OVERALL, 0.6), estimate("auc", Slice.of({EVIL: EVIL}), 0.5)),
        confusion=ConfusionMatrix((EVIL, "b"), ((1, 2), (3, 4))),
        notes=(EVIL,),
    )
    evidence = Evidence(
        statistics={"train": statistics_of(frame)},
        gates=(GateReport(EVIL, Verdict.PASS, (finding,)),),
        unusable_rows=UnusableRows(1, EVIL),
        evaluation=evaluation,
        history={EVIL: [1.0, 2.0]},
        trials=(TunerTrial(EVIL, {EVIL: EVIL}, 0.5),),
        mistakes=(Mistake(0, EVIL, EVIL, 0.5, _image()),),
        lineage={EVIL: EVIL},
        config_yaml=f"</code></pre>{EVIL}",
        next_command=EVIL,
    )
    return sample_record(run_id=EVIL, workload=EVIL, reason=EVIL, pushed_to=EVIL), evidence


def wide_run(columns: int = 500):
    """Very many columns, one of the last of them with a finding."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"column_{index:03d}": rng.normal(size=50) for index in range(columns)})
    finding = dataclasses.replace(VALIDATOR.findings[0], subject="column_450")
    statistics = {split: statistics_of(frame) for split in ("train", "eval", "test")}
    report = dataclasses.replace(VALIDATOR, findings=(finding,))
    return sample_record(), Evidence(statistics=statistics, gates=(report,))


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).replace("\u00a0", " ")
