"""What is declared of columns: images of numbered columns, and how a class is called."""

from gates.data.declared import Declared

COLUMNS = [f"pixel{i}" for i in range(6)]


def test_without_a_declaration_no_column_is_a_pixel() -> None:
    assert Declared().images_in(COLUMNS) == {}


def test_label_entity_time_and_withheld_columns_are_never_pixels() -> None:
    withheld = frozenset({"pixel4"})
    apart = Declared(label="pixel0", entity="pixel1", time="pixel2", withheld=withheld, pixel_columns=("pixel_",))
    assert apart.images_in(COLUMNS) == {"pixel_": ("pixel3", "pixel5")}


def test_classes_are_called_by_their_names_where_these_are_known() -> None:
    named = Declared(class_names=("no", "yes"))
    assert [named.called(each) for each in ("0", "1", "2", "maybe")] == ["no", "yes", "2", "maybe"]
