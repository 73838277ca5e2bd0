"""An export says what its classes are called and which inputs must have a value."""

from __future__ import annotations

from models.export.served_form import FILE, FOLDER, ServedForm
from tests.samples.taxi_training import trained


def test_the_form_of_the_taxi_export() -> None:
    form = ServedForm.loads((trained() / "model" / FOLDER / FILE).read_text())
    assert form == ServedForm("big_tipper", ["0", "1"], [])
    assert ServedForm.loads(form.dumps()) == form
