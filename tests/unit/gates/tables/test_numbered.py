"""Columns that a name and a number call are one group, in the order of their numbers."""

import pytest

from gates.tables.numbered import may_be_image, numbered_columns


@pytest.mark.parametrize(
    ("columns", "group"),
    [
        (["pixel10", "pixel2", "pixel1"], ("pixel1", "pixel2", "pixel10")),
        (["pixel_1_0", "pixel_0_10", "pixel_0_2"], ("pixel_0_2", "pixel_0_10", "pixel_1_0")),
        (["pixel_3", "pixel_1"], ("pixel_1", "pixel_3")),
    ],
)
def test_orders_columns_by_their_numbers(columns: list[str], group: tuple[str, ...]) -> None:
    assert numbered_columns([*columns, "label", "pixels"]) == {"pixel": group}


def test_only_many_columns_in_a_square_may_be_an_image() -> None:
    assert [count for count in (9, 49, 63, 64, 65, 100, 784) if may_be_image(["f"] * count)] == [64, 100, 784]
