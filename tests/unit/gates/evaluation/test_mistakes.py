"""Which rows of test are shown as mistakes."""

from __future__ import annotations

import numpy as np

from gates.evaluation.measure import Scored
from gates.evaluation.mistakes import CLASSES, OF_A_CLASS, Mistake, mistakes

NAMES = ("Shirt", "Coat", "Bag")


def test_the_surest_mistakes_of_the_class_with_most_errors_come_first() -> None:
    labels = np.array([0, 1, 1, 2, 1])
    chances = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.1, 0.0, 0.9]])
    assert mistakes(Scored(labels, chances), NAMES) == [
        Mistake(4, "Coat", "Bag", 0.9),
        Mistake(1, "Coat", "Shirt", 0.6),
        Mistake(0, "Shirt", "Coat", 0.7),
    ]


def test_two_classes_with_one_probability_are_shown_alike() -> None:
    found = mistakes(Scored(np.array([0, 1, 1, 0]), np.array([0.9, 0.8, 0.25, 0.1])))
    assert found == [Mistake(0, "0", "1", 0.9), Mistake(2, "1", "0", 0.75)]


def test_a_handful_of_a_class_and_not_every_class_are_shown() -> None:
    labels = np.repeat(np.arange(30), 10)
    found = mistakes(Scored(labels, np.eye(30)[(labels + 1) % 30]))
    assert len(found) == CLASSES * OF_A_CLASS and len({each.truth for each in found}) == CLASSES


def test_a_row_without_a_class_or_a_prediction_is_no_mistake() -> None:
    chances = np.array([[0.9, 0.1], [np.nan, np.nan], [0.8, 0.2]])
    assert mistakes(Scored(np.array([7.0, 1.0, 0.0]), chances)) == []


def test_a_mistake_survives_json() -> None:
    mistake = Mistake(3, "Shirt", "Coat", 0.75, "iVBORw0KGgo=")
    assert Mistake.from_json(mistake.to_json()) == mistake
