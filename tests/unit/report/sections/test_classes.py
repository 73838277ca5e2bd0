"""The report's section on classes: only of a model with several, every class with its intervals, limits as judged."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from gates.evaluation.limits import Limit
from gates.evaluation.measure import Scored, by_class, confusion, measure
from gates.evaluation.metrics import Evaluation
from report.evidence import Evidence
from report.page import render
from report.sections import classes, metrics
from tests.samples.report_runs import judged, pushed_run

NAMES = ("T-shirt/top", "Trouser", "<Pullover>", "Shirt & co")


def _evaluation(right: float = 0.85, onto: int | None = None, names: tuple[str, ...] = NAMES) -> Evaluation:
    """2,000 rows of which `right` are found; the others fall onto class `onto`, or anywhere. Shirts are hardest."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), 2000)
    found = rng.random(2000) < np.where(labels == len(names) - 1, right - 0.3, right)
    answers = np.where(found, labels, rng.integers(0, len(names), 2000) if onto is None else onto)
    scores = np.full((2000, len(names)), 0.1 / len(names)) + 0.9 * np.eye(len(names))[answers]
    scored = Scored(labels, scores / scores.sum(axis=1, keepdims=True))
    return Evaluation(
        0.95, measure(scored, ["accuracy"], [], 0.95), confusion(scored, names), classes=by_class(scored, names, 0.95)
    )


def _body(evaluation: Evaluation, at_least: float | None = None) -> str:
    if at_least is not None:
        evaluation = judged(evaluation, Limit("recall", at_least=at_least, class_name="*"))
    (section,) = classes.render(Evidence(evaluation=evaluation))
    return str(section.body)


def test_a_binary_model_has_no_such_section_and_its_matrix_where_it_was() -> None:
    record, taxi = pushed_run()
    assert classes.render(taxi) == []
    assert 'class="confusion"' in metrics.render(taxi).body
    several = dataclasses.replace(taxi, evaluation=_evaluation())
    assert 'class="confusion"' not in metrics.render(several).body
    page = render(record, several)
    assert '<section id="classes"' in page and '<section id="metrics"' in page


def test_every_class_has_its_figures_worst_first() -> None:
    evaluation = _evaluation()
    body = _body(evaluation)
    rows = re.findall(r'<th role="rowheader" scope="row">(.*?)</th>', body)
    assert len(rows) == 4 and rows[0] == "Shirt &amp; co"
    shirts = evaluation.classes[3]
    for figure in (shirts.recall.value, shirts.recall.lower, shirts.precision.upper, shirts.f1):
        assert f"{figure:.3f}" in body
    assert f"found least often: recall {shirts.recall.value:.3f}" in body


def test_names_are_escaped() -> None:
    body = _body(_evaluation())
    assert "<Pullover>" not in body and "&lt;Pullover&gt;" in body


def test_the_map_has_every_count_with_both_classes() -> None:
    evaluation = _evaluation()
    body = _body(evaluation)
    cells = re.findall(r'<td class="(\w+)" style="--part:(\d+)%" title="([^"]+)">', body)
    assert [kind for kind, _, _ in cells].count("right") == 4 and len(cells) == 16
    counts = evaluation.confusion.counts
    assert f"Shirt &amp; co taken for T-shirt/top in {counts[3][0]} of {sum(counts[3])} rows" in body
    shades = [int(shade) for kind, shade, _ in cells if kind == "right"]
    assert shades.index(min(shades)) == 3


def test_a_collapse_is_the_first_sentence() -> None:
    body = _body(_evaluation(right=0.6, onto=2))
    first = body[body.index('<p class="sentence') :].partition("</p>")[0]
    assert "sentence bad" in first and "&lt;Pullover&gt; is the answer for" in first
    assert "sentence bad" not in _body(_evaluation())


def test_a_class_that_misses_its_limit_is_marked_and_the_others_are_not() -> None:
    body = _body(_evaluation(), at_least=0.8)
    assert body.count("misses the limit") == 1
    assert "limit ≥ 0.8" in body
    assert _body(_evaluation(), at_least=0.1).count("misses the limit") == 0


def test_of_very_many_classes_those_with_most_errors_are_drawn() -> None:
    names = tuple(f"class {number}" for number in range(60))
    body = _body(_evaluation(names=names))
    assert "the 30 of 60 classes with most errors" in body
    assert len(re.findall(r'<td class="(?:right|wrong|none)"', body)) == 900
    assert len(re.findall(r'<th role="rowheader"', body)) == 60
