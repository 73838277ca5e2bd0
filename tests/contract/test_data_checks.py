"""The contract of every check of the DataGate; a new check inherits these tests by naming its fault."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from gates.data.declared import Declared
from gates.data.gate import judge_data
from gates.verdict.catalogue import Gate, check_named, checks
from gates.verdict.finding import Finding, GateReport, Severity
from gates.verdict.settings import CheckSettings, GateSettings, Waiver
from tests.samples.skew import DECLARED, assigned, data_of

Frames = dict[str, pd.DataFrame]  # by train, eval, test, serving and previous
TODAY = date(2026, 11, 21)


class DataCheckContract(ABC):
    """Subclasses name a check, give sound tables and tables with its fault, and inherit each test."""

    check: ClassVar[str]
    severity: ClassVar[Severity] = Severity.BLOCK  # of the finding, where the check is certain
    declared: ClassVar[Declared] = DECLARED

    @abstractmethod
    def sound(self) -> Frames:
        """Tables without the fault."""

    @abstractmethod
    def faulty(self) -> Frames:
        """Tables with the fault and no other."""

    def judged(self, frames: Frames, **configured: object) -> GateReport:
        """What the gate says when this check alone runs, configured so."""
        others = {each.name: CheckSettings(enabled=False) for each in checks(Gate.DATA)}
        settings = GateSettings(checks={**others, self.check: CheckSettings(**configured)})
        return judge_data(data_of(declared=self.declared, **frames), settings, today=TODAY)

    def found(self, report: GateReport) -> list[Finding]:
        """What this check warns of or refuses."""
        return [each for each in report.findings if each.check == self.check and each.severity is not Severity.INFO]

    def test_finds_its_fault_and_no_other_check_refuses(self) -> None:
        report = judge_data(data_of(declared=self.declared, **self.faulty()), today=TODAY)
        assert {each.severity for each in self.found(report)} == {self.severity}
        assert {each.check for each in report.of(Severity.BLOCK)} <= {self.check}

    def test_lets_sound_data_pass(self) -> None:
        report = self.judged(self.sound())
        assert report.checks_run == (self.check,)
        assert self.found(report) == []

    def test_reason_and_remedy_are_sentences(self) -> None:
        for each in self.found(self.judged(self.faulty())):
            assert each.subject
            assert each.n > 0
            assert each.reason.endswith((".", ")"))
            assert each.remedy not in ("", "Nothing to do.")

    def test_the_order_of_rows_changes_nothing(self) -> None:
        rng = np.random.default_rng(0)
        shuffled = {name: frame.iloc[rng.permutation(len(frame))] for name, frame in self.faulty().items()}
        assert self.judged(shuffled).findings == self.judged(self.faulty()).findings

    def test_a_threshold_that_no_effect_exceeds_lets_the_fault_pass(self) -> None:
        largest = max(each.value for each in self.found(self.judged(self.faulty())))
        assert self.found(self.judged(self.faulty(), threshold=2 * largest + 1)) == []

    def test_a_waiver_turns_a_refusal_into_a_warning_with_its_reason(self) -> None:
        waiver = Waiver(reason="agreed with the owner of the data", expires=date(2026, 12, 31))
        waived = self.found(self.judged(self.faulty(), waive=waiver))
        assert {each.severity for each in waived} == {Severity.WARN}
        if self.severity is Severity.BLOCK:
            assert all("agreed with the owner" in each.reason for each in waived)

    def test_is_skipped_and_named_where_it_is_switched_off(self) -> None:
        report = self.judged(self.faulty(), enabled=False)
        assert self.found(report) == []
        assert self.check in {each.check for each in report.checks_skipped}

    def test_the_catalogue_holds_what_it_catches_and_the_source_of_its_rule(self) -> None:
        entry = check_named(self.check)
        assert all((entry.catches, entry.statistic, entry.rule, entry.source))


class TestExactDuplicates(DataCheckContract):
    """Of contamination: rows on both sides of a split."""

    check = "exact_duplicates"

    def sound(self) -> Frames:
        train, held_out = assigned((3_000, 600))
        return {"train": train, "eval": held_out}

    def faulty(self) -> Frames:
        train, held_out = assigned((3_000, 600))
        return {"train": train, "eval": pd.concat([held_out.iloc[60:], train.iloc[:60]])}


class TestSingleFeature(DataCheckContract):
    """Of leakage: a column that is the label in disguise."""

    check = "single_feature"

    def sound(self) -> Frames:
        return {"train": assigned((3_000,))[0]}

    def faulty(self) -> Frames:
        [train] = assigned((3_000,))
        noise = np.random.default_rng(0).normal(scale=0.2, size=len(train))
        return {"train": train.assign(receipt=train["big_tipper"] + noise)}


class TestSchemaColumns(DataCheckContract):
    """Of skew: a column that the other side lacks."""

    check = "schema_columns"

    def sound(self) -> Frames:
        train, held_out = assigned((3_000, 600))
        return {"train": train, "eval": held_out}

    def faulty(self) -> Frames:
        train, held_out = assigned((3_000, 600))
        return {"train": train, "eval": held_out.drop(columns="fare")}
