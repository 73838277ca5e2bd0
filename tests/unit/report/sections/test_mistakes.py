"""Images that were taken for another class, by their class."""

from __future__ import annotations

from report.page import render
from report.sections import mistakes
from tests.samples.report_runs import pictured_run, pushed_run, words


def test_each_image_stands_below_its_class_with_the_answer_and_its_probability() -> None:
    found = pictured_run()[1].mistakes
    body = str(mistakes.render(found).body)
    assert body.count("<img") == len(found) and all(f"base64,{each.image}" in body for each in found)
    text = words(body)
    assert text.index("Shirt") < text.index("Coat 90 %") < text.index("Ankle boot") < text.index("T-shirt/top 60 %")
    assert "of 20 classes at most" in text


def test_only_a_model_of_images_has_the_section() -> None:
    assert "Mistakes" in render(*pictured_run())
    assert "Mistakes" not in render(*pushed_run())
