"""Robust regression."""

from __future__ import annotations

import numpy as np

from gates.tables.table import Floats

_ROUNDS = 20
# Residuals below this part of their median count as none.
_FLOOR = 0.1


def least_absolute(design: Floats, label: Floats) -> Floats:
    """Coefficients of the least sum of absolute residuals, by iteratively reweighted least squares
    (Schlossmacher 1973).

    Where a law holds exactly in most rows it is found, whatever the others hold.
    """
    found = np.linalg.lstsq(design, label, rcond=None)[0]
    for _ in range(_ROUNDS):
        size = np.abs(label - design @ found)
        weight = 1 / np.sqrt(np.maximum(size, max(_FLOOR * float(np.median(size)), 1e-12)))
        found = np.linalg.lstsq(design * weight[:, None], label * weight, rcond=None)[0]
    return np.asarray(found, np.float64)
