"""The price file: what a vCPU, a GPU, a run costs, each with its source and date. The figures are in
`data/prices.yaml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from core.errors import SluiceError
from core.strict import Strict, given_twice
from core.yaml_document import Document, read_document

PRICE_FILE = Path(__file__).parent / "data" / "prices.yaml"
OLD_AFTER_DAYS = 180

Unit = Literal["vCPU h", "GiB h", "GPU h", "machine h", "GiB", "run"]


class Price(Strict):
    """One line of a price list, in the file's currency."""

    name: str
    """What programs look it up by, e.g. `training/n1/vcpu`."""
    what: str
    """The same for people."""
    unit: Unit
    """What one of it is."""
    base: float = Field(gt=0)
    """The price that was read."""
    factor: float = Field(default=1.0, gt=0)
    """What it is multiplied by: 1.15 makes the price of Compute Engine that of Vertex AI."""
    fee: float = Field(default=0.0, ge=0)
    """What is added to it: the management fee where the page lists it as a line of its own."""
    region: str | None
    """Where it holds; null: everywhere."""
    source: str
    """Where `base` was read."""
    date: str
    """When it was read, or the day of the list."""
    derived: bool = False
    """Whether the price was computed by the rule and not read as it stands."""

    @property
    def price(self) -> float:
        """The price of one unit."""
        return self.base * self.factor + self.fee

    @field_validator("date")
    @classmethod
    def _is_a_date(cls, text: str) -> str:
        date.fromisoformat(text)
        return text

    @model_validator(mode="after")
    def _is_marked_when_derived(self) -> Price:
        if self.factor != 1.0 and self.fee:
            # The page lists GPUs of the A100 and H100 class without the fee, all others with it.
            raise PydanticCustomError("price", "has a factor and a fee: the management fee would be counted twice")
        if (self.factor != 1.0 or self.fee) and not self.derived:
            raise PydanticCustomError("price", "has a factor or a fee, so its price is derived: `derived: true`")
        return self


class Prices(Strict):
    """The whole file."""

    version: int
    """Goes up by one with every change."""
    checked_on: date
    """When all prices were last looked through."""
    currency: Literal["USD"]
    """Of every price."""
    elsewhere_at_most: float = Field(ge=1.0)
    """How many times the price of the file's region another region takes at most."""
    elsewhere_source: str
    """Where that was read."""
    prices: list[Price]
    """One a line of a price list."""
    shown_name: str = PRICE_FILE.name

    @field_validator("checked_on", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return date.fromisoformat(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_each_price_once(self) -> Prices:
        if twice := given_twice(f"{each.name} in {each.region or 'every region'}" for each in self.prices):
            raise PydanticCustomError("price", "has the price {name} twice", {"name": twice[0]})
        return self

    def find(self, name: str, region: str) -> Price | None:
        """The price in the region, else that of everywhere, else that of another region; None when there is none."""
        found = {each.region: each for each in self.prices if each.name == name}
        return found.get(region) or found.get(None) or next(iter(found.values()), None)

    def is_old(self, price: Price) -> bool:
        """Whether a price was read more than half a year before the file was last looked through."""
        return (self.checked_on - date.fromisoformat(price.date)).days > OLD_AFTER_DAYS

    def old_age_warning(self, today: date) -> str:
        """A sentence when the file was looked through more than half a year ago; else empty."""
        days = (today - self.checked_on).days
        if days <= OLD_AFTER_DAYS:
            return ""
        return f"the prices were last looked through {days} days ago, on {self.checked_on.isoformat()}."


def load_prices(file: Path | None = None) -> Prices:
    """The prices in `file`, or those that come with Sluice.

    Raises:
      SluiceError: when the file cannot be read or does not parse, with the line.
    """
    path = file or PRICE_FILE
    shown = f"cloud/data/{path.name}" if path == PRICE_FILE else str(path)
    restore = "Restore it:  git checkout cloud/data/prices.yaml"
    try:
        document = read_document(path.read_text(encoding="utf-8"), shown)
        return Prices.model_validate({**document.value, "shown_name": shown})
    except SluiceError as problem:
        raise SluiceError(f"{problem.headline.rstrip('.')}.", restore) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SluiceError(f"the price file {shown} cannot be read: {problem}.", restore) from problem
    except ValidationError as problem:
        raise SluiceError(_first(problem, document), restore) from None


def _first(problem: ValidationError, document: Document) -> str:
    """The first thing that is wrong, with its place in the file; a misspelt key before the one that it misses."""
    entry = min(problem.errors(), key=lambda each: each["type"] != "extra_forbidden")
    path = tuple(part for part in entry["loc"] if isinstance(part, str | int))
    key = f"`{path[-1]}`" if path and isinstance(path[-1], str) else ""
    sentences = {"extra_forbidden": f"unknown key {key}", "missing": f"the key {key} is missing"}
    message = entry["msg"].removeprefix("Value error, ")
    sentence = sentences.get(entry["type"], f"{key} {message[:1].lower()}{message[1:]}".strip())
    return f"{document.place(path).text}: {sentence}."
