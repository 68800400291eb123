"""The request to run a step of the month, and its outcome unit by unit."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy, require_county


class UnitState(StrEnum):
    """How a step ended for one unit."""

    DONE = "done"
    """The step's work for this unit stands, now or from an earlier run."""
    WAITING = "waiting"
    """Nothing to do yet: another party's turn (detail says whose)."""
    FLAGGED = "flagged"
    """Done, and something was found that a person must look at."""
    FAILED = "failed"
    """Could not be done; the same step may be run again for this unit."""


UNANSWERED = frozenset(
    {
        "outcome_unknown",
        "gateway_unavailable",
        "gateway_unauthorised",
        "gateway_unreachable",
        "gateway_not_configured",
        "statement_unavailable",
        "database_full",
        "database_unavailable",
        "database_read_only",
    }
)
"""Error codes of outcomes for which an outside service did not answer, or that are not known without it."""


@dataclass(frozen=True, slots=True)
class StepRequest:
    """A run of a step that somebody wants. ``counties`` None means every unit of the city's register.

    ``now`` is the business clock, ``is_played`` whether it was given (``--as-of``) rather than read
    from the wall; ``by`` the person or ``system`` that wants it; ``run_id`` the orchestrator's name for
    the run, shown to people and used for nothing else.
    """

    city: str
    month: Month
    now: datetime
    counties: tuple[str, ...] | None = None
    by: str = "system"
    run_id: str | None = None
    is_played: bool = False


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """How a step ended for one unit (county code, or the city's own code)."""

    unit: str
    state: UnitState
    detail_zh: str
    detail_en: str
    fund: str | None = None
    amount_fen: int | None = None
    error_code: str | None = None
    remedy: str | None = None
    """What to do about a failure, where the error says it."""


@dataclass(frozen=True, slots=True)
class CityInHand:
    """One city of a step under way: its outcomes so far, or the error that stopped it.

    ``run_id`` is the number of the run's record in the database; None for a city that nobody knows.
    """

    request: StepRequest
    run_id: int | None
    outcomes: tuple[UnitOutcome, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class StepInHand:
    """A step under way: its parts are carried out one after the other, each for every city nothing has stopped."""

    step: str
    cities: tuple[CityInHand, ...]

    @property
    def month(self) -> Month:
        """The month the step is carried out for, the same for every city."""
        return self.cities[0].request.month

    @property
    def is_stopped(self) -> bool:
        """Whether an error stopped every city."""
        return all(city.error is not None for city in self.cities)

    def stopped_by(self, error: Exception) -> "StepInHand":
        """The step after an error that concerns every city still going on."""
        return replace(
            self,
            cities=tuple(
                city if city.error is not None else replace(city, error=error) for city in self.cities
            ),
        )


@dataclass(frozen=True, slots=True)
class StepReport:
    """All outcomes of one step run, in register order; ``error`` is what stopped the whole of it, if anything."""

    step: str
    city: str
    month: Month
    outcomes: tuple[UnitOutcome, ...] = field(default_factory=tuple)
    error: FundpoolError | None = None

    @property
    def failed(self) -> tuple[UnitOutcome, ...]:
        """The outcomes of the units for which the step must be run again."""
        return tuple(outcome for outcome in self.outcomes if outcome.state is UnitState.FAILED)


Outcomes = Sequence[UnitOutcome]


def exit_status(outcomes: Outcomes) -> int:
    """The exit status of a command with these outcomes: 4 before 1, because what is not known may be anything."""
    if any(outcome.error_code in UNANSWERED for outcome in outcomes):
        return ServiceUnavailable.exit_status
    return int(any(outcome.state in {UnitState.FLAGGED, UnitState.FAILED} for outcome in outcomes))


def counties_of(policy: CityPolicy, request: StepRequest) -> tuple[str, ...]:
    """The counties of the request, in register order; raises InputError for an unknown one."""
    if request.counties is None:
        return tuple(unit.code for unit in policy.units)
    for county in request.counties:
        require_county(policy, county)
    return tuple(unit.code for unit in policy.units if unit.code in request.counties)
