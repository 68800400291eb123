"""One unit's trouble is its own: an error met for one county becomes its outcome, and the others go on."""

import logging
from collections.abc import Callable, Sequence

from fundpool.domain.errors import FundpoolError, ServiceUnavailable
from fundpool.services.outcomes import UnitOutcome, UnitState

_log = logging.getLogger(__name__)


def isolated(
    action: Callable[[], Sequence[UnitOutcome]],
    *,
    unit: str,
    act_zh: str,
    act_en: str,
    fund: str | None = None,
    amount_fen: int | None = None,
) -> Sequence[UnitOutcome]:
    """What ``action`` answers, or the failure of ``unit`` when it raises.

    A database or storage that is away is nobody's failure and is passed on.
    """
    try:
        return action()
    except ServiceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as this unit's failure
        code, zh, en = told(error)
        return [
            UnitOutcome(
                unit,
                UnitState.FAILED,
                f"{act_zh}：{zh}",
                f"{act_en}: {en}",
                fund=fund,
                amount_fen=amount_fen,
                error_code=code,
            )
        ]


def told(error: Exception) -> tuple[str, str, str]:
    """Code, Chinese and English text of an error; an unexpected one goes to the log with its place."""
    if isinstance(error, FundpoolError):
        return error.code, error.zh, error.en
    _log.error("unexpected error", exc_info=error)
    return "unexpected", f"程序内部错误：{error!r}", f"unexpected error: {error!r}"
