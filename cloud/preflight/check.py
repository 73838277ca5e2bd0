"""What a check is: a small function with a name and a title. An error in one check leaves the others as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from google.api_core import exceptions

from cloud.google_api import GoogleApi, UnreachableError
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Row
from cloud.preflight.plan import Plan
from core.errors import SluiceError


@dataclass(frozen=True)
class Caller:
    """Who asks: the member of an IAM policy, and calls with that identity."""

    member: str
    api: GoogleApi


OfPlan = Callable[[Plan], Outcome]
OfCloud = Callable[[Plan, Caller], Outcome]


@dataclass(frozen=True)
class Check:
    """A row of the table. `of_plan` needs no network; `of_cloud` asks with the caller's credentials."""

    name: str
    title: str
    of_plan: OfPlan | None = None
    of_cloud: OfCloud | None = None

    def row(self, plan: Plan, caller: Callable[[], Caller | None]) -> Row:
        """Makes the check; what it cannot find out is not checked."""
        return Row(self.name, self.title, self._outcome(plan, caller))

    def _outcome(self, plan: Plan, caller: Callable[[], Caller | None]) -> Outcome:
        try:
            if self.of_plan is not None:
                return self.of_plan(plan)
            asked_by = caller()
            if self.of_cloud is None or asked_by is None:
                return NotChecked("it needs credentials.")
            return self.of_cloud(plan, asked_by)
        except SluiceError as problem:
            return Failed(problem.headline, problem.next_command)
        except UnreachableError as problem:
            return NotChecked(f"{problem}.")
        except exceptions.Forbidden as problem:
            return NotChecked(f"the caller has no right to look it up ({_short(problem)})")
        except exceptions.GoogleAPICallError as problem:
            return NotChecked(f"the service refused with {problem.code or 'an error'} ({_short(problem)})")
        except (KeyError, TypeError, ValueError) as problem:
            # One answer in a form that we do not know must not take the whole table away.
            return NotChecked(f"the service answered in a form that is not known ({type(problem).__name__}: {problem})")


def plan_check(name: str, title: str) -> Callable[[OfPlan], Check]:
    """Makes a check of a function that looks at the plan alone."""
    return lambda function: Check(name, title, of_plan=function)


def cloud_check(name: str, title: str) -> Callable[[OfCloud], Check]:
    """Makes a check of a function that asks the cloud."""
    return lambda function: Check(name, title, of_cloud=function)


def _short(problem: exceptions.GoogleAPICallError) -> str:
    """The first line of what the service answered."""
    text: str = problem.message.strip().partition("\n")[0]
    return text if len(text) <= 200 else f"{text[:199]}…"
