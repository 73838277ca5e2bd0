"""Whether the price file can be read, and is not too old to estimate with."""

from __future__ import annotations

from datetime import date

from cloud.preflight.check import plan_check
from cloud.preflight.outcome import Outcome, Passed, Warned
from cloud.preflight.plan import Plan
from cloud.prices import load_prices


@plan_check("prices", "price file")
def prices(plan: Plan) -> Outcome:
    """Whether the prices parse and were looked through in the last half year.

    Raises:
      SluiceError: when the file does not parse.
    """
    found = load_prices(plan.price_file)
    old = found.old_age_warning(plan.today or date.today())
    if old:
        return Warned(old, f"Read the pricing pages again and put prices and dates into {found.shown_name}")
    return Passed(f"looked through on {found.checked_on.isoformat()}.")
