"""One unit's trouble is its own: an error met for one county becomes its outcome, and the others go on.

A commit that survives a power loss costs more than the work it commits, so a city's units share one;
only when one of them raises is each run in a transaction of its own.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.domain.outcomes import UnitOutcome, UnitState
from fundpool.services.ports.work import Transactions, Work

A = TypeVar("A")
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


def each_alone(act: Callable[[A], T], asked: Sequence[A | Exception]) -> list[T | Exception]:
    """What ``act`` answers for each, in order, or what it raised: one city's trouble is its own.

    What already failed in ``asked`` stays as it is.
    """
    answers: list[T | Exception] = []
    for one in asked:
        if isinstance(one, Exception):
            answers.append(one)
            continue
        try:
            answers.append(act(one))
        except Exception as error:  # noqa: BLE001 - told as this city's failure by who asked
            answers.append(error)
    return answers


def together(database: Transactions, acts: Sequence[Callable[[Work], T]]) -> list[T]:
    """What each of ``acts`` answers: all in one transaction, or each in its own when one raises.

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
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as this unit's failure
        code, zh, en = told(error)
        return [
            UnitOutcome(
                act.unit,
                UnitState.FAILED,
                f"{act.act_zh}：{zh}",
                f"{act.act_en}: {en}",
                fund=act.fund,
                amount_fen=act.amount_fen,
                error_code=code,
            )
        ]


def told(error: Exception) -> tuple[str, str, str]:
    """Code, Chinese and English text of an error; an unexpected one goes to the log with its place."""
    if isinstance(error, FundpoolError):
        return error.code, error.zh, error.en
    _log.error("unexpected error", exc_info=error)
    return "unexpected", f"程序内部错误：{error!r}", f"unexpected error: {error!r}"
