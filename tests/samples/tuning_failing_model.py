"""The model of tuning_samples, searched where every point but one goes wrong."""

from tests.samples.tuning import build_model
from tests.samples.tuning import troubled_space as search_space

__all__ = ["build_model", "search_space"]
