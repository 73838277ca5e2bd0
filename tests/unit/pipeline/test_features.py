"""What reaches the features, what is kept from them, and that nothing differs between one run and the next."""

import pytest
import tensorflow as tf

from core.errors import SluiceError
from pipeline.features import preprocessing_fn
from tests.samples.taxi_transformed import TAXI, prepared

GIVEN = TAXI.to_custom_config()


def columns() -> dict[str, tf.Tensor]:
    return {"fare": tf.constant([1.0, 2.0]), "tips": tf.constant([0.0, 1.0]), "big_tipper": tf.constant([[0], [1]])}


def test_features_never_see_the_label_or_a_withheld_column(monkeypatch: pytest.MonkeyPatch) -> None:
    from preprocessing import taxi

    seen: list[set[str]] = []
    monkeypatch.setattr(taxi, "preprocessing_fn", lambda inputs: seen.append(set(inputs)) or {})
    preprocessing_fn(columns(), TAXI.model_copy(update={"withheld": ["tips"]}).to_custom_config())
    assert seen == [{"fare"}]


def test_label_comes_out_dense_under_its_raw_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from preprocessing import taxi

    monkeypatch.setattr(taxi, "preprocessing_fn", lambda inputs: {})
    sparse = tf.SparseTensor([[0, 0], [1, 0]], tf.constant([0, 1], tf.int64), [2, 1])
    for label in (sparse, tf.constant([0, 1], tf.int64), tf.constant([[0], [1]], tf.int64)):
        assert preprocessing_fn({"big_tipper": label}, GIVEN)["big_tipper"].numpy().tolist() == [0, 1]


def test_refuses_a_feature_that_is_called_like_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    from preprocessing import taxi

    monkeypatch.setattr(taxi, "preprocessing_fn", lambda inputs: {"big_tipper": inputs["fare"]})
    with pytest.raises(SluiceError, match="which is the label"):
        preprocessing_fn(columns(), GIVEN)


def test_transform_names_no_withheld_column_among_its_features() -> None:
    features = {feature.name for feature in prepared().transformed.transformed_metadata.schema.feature}
    assert "big_tipper" in features
    assert not {name for name in features if name.startswith(("tips", "payment_type"))}
