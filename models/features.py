"""The input of a model: the features that Transform makes, with their types and sizes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

FeatureSpec = dict[str, Any]  # tf.io.FixedLenFeature and its kin by name


class CategoricalFeature(tf.io.FixedLenFeature):
    """One integer a row whose values 0 … `size` - 1 are names by the transformed schema."""

    size: int

    @classmethod
    def of_size(cls, size: int) -> CategoricalFeature:
        """The spec of a category with `size` values."""
        feature: CategoricalFeature = cls([], tf.int64)
        feature.size = size
        return feature


def transformed_feature_spec(transformed: tft.TFTransformOutput, label: str) -> tuple[FeatureSpec, FeatureSpec]:
    """The specs of the features and of the label."""
    spec = transformed.transformed_feature_spec()
    for feature in transformed.transformed_metadata.schema.feature:
        if feature.int_domain.is_categorical and feature.int_domain.min == 0 and spec[feature.name].shape == []:
            spec[feature.name] = CategoricalFeature.of_size(feature.int_domain.max + 1)
    return {name: spec[name] for name in spec if name != label}, {label: spec[label]}
