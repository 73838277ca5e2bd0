"""Features as scikit-learn's gradient boosting can be fitted on them, whatever its version."""

from __future__ import annotations

import numpy as np

from gates.statistics.intervals import Floats


def with_values(features: Floats) -> Floats:
    """The features [rows, features], those that are missing in every row as zero: no tree can split by either, and
    newer releases of scikit-learn fail on a feature without a value."""
    empty = np.isnan(features).all(axis=0) if len(features) else np.zeros(features.shape[1], dtype=bool)
    return np.where(empty, 0.0, features) if empty.any() else features
