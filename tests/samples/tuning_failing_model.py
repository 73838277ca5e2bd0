"""The model of tuning_model.py, searched where every point but one goes wrong."""

from tests.samples.tuning_model import build_model
from tests.samples.tuning_model import troubled_space as search_space

__all__ = ["build_model", "search_space"]
