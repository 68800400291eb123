"""Isolation: an error met for one county becomes that county's outcome, and the others go on.

A commit that survives a power loss costs more than the work it commits, so a city's units share one;
only when one of them raises is each run in a transaction of its own.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.domain.outcomes import CityInHand, StepInHand, UnitOutcome, UnitState
from fundpool.services.ports.work import Transactions, Work

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UnitAct:
    """What is done for one unit in a transaction, and what to call it when it fails."""

    unit: str
    run: Callable[[Work], Sequence[UnitOutcome]]
    act_zh: str
    act_en: str
    fund: str | None = None
    amount_fen: int | None = None


def for_each_city(step: StepInHand, act: Callable[[CityInHand], Sequence[UnitOutcome]]) -> StepInHand:
    """Carry out ``act`` for every city that nothing has stopped; what it returns are the city's outcomes.

    What ``act`` raises for one city stops that city and leaves the others going on.
    """

    def carried_out(city: CityInHand) -> CityInHand:
        if city.error is not None:
            return city
        try:
            return replace(city, outcomes=tuple(act(city)))
        except Exception as error:  # noqa: BLE001 - reported as this city's failure when the step ends
            return replace(city, error=error)

    return replace(step, cities=tuple(carried_out(city) for city in step.cities))


def together(database: Transactions, acts: Sequence[Callable[[Work], T]]) -> list[T]:
    """The results of ``acts``: all in one transaction, or each in its own when one raises.

    Raises what the first failing one raises when run alone; those before it stand.
    """
    try:
        return database.transaction(lambda work: [act(work) for act in acts]) if acts else []
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - whose trouble it is shows when each runs alone
        return [database.transaction(act) for act in acts]


def isolated(database: Transactions, acts: Sequence[UnitAct]) -> list[Sequence[UnitOutcome]]:
    """What each of ``acts`` answers, in order, or the failure of the unit whose act raises.

    A database or storage that is away is nobody's failure and is passed on.
    """
    try:
        return database.transaction(lambda work: [act.run(work) for act in acts]) if acts else []
    except ServiceUnavailable:
        raise
    except Exception:  # noqa: BLE001 - whose trouble it is shows when each runs alone
        return [_alone(database, act) for act in acts]


def _alone(database: Transactions, act: UnitAct) -> Sequence[UnitOutcome]:
    try:
        return database.transaction(act.run)
    except ServiceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported as this unit's failure
        return [
            failure(error, act.unit, act.act_zh, act_en=act.act_en, fund=act.fund, amount_fen=act.amount_fen)
        ]


def failure(
    error: Exception,
    unit: str,
    act_zh: str,
    *,
    act_en: str,
    fund: str | None = None,
    amount_fen: int | None = None,
) -> UnitOutcome:
    """The outcome of a unit for which something could not be done; an unexpected error goes to the log."""
    if isinstance(error, FundpoolError):
        code, zh, en, remedy = error.code, error.zh, error.en, error.remedy
    else:
        _log.error("unexpected error", exc_info=error)
        code, zh, en, remedy = "unexpected", f"程序内部错误：{error!r}", f"unexpected error: {error!r}", None
    return UnitOutcome(
        unit,
        UnitState.FAILED,
        f"{act_zh}：{zh}",
        detail_en=f"{act_en}: {en}",
        fund=fund,
        amount_fen=amount_fen,
        error_code=code,
        remedy=remedy,
    )
