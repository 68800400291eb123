"""How a run ends for the person who watches it: a named state, a sentence, a table."""

from collections import Counter
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from fundpool.domain.errors import FundpoolError
from fundpool.domain.outcomes import UnitState
from tasks.performing import Summary

MAX_NAMED = 12
"""How many units a state's sentence names; the table has them all."""


def conclude(ended: State[Summary]) -> State[Any]:
    """The end of a step's run: its table published, failed units named, or why it could not run at all."""
    if not ended.is_completed():
        return Failed(message=reason(ended))
    summary = ended.result()
    publish_outcomes(summary)
    return state_of(summary)


def conclude_batches(ended: list[State[Any]]) -> State[Any]:
    """The end of a step for many cities: failed when a batch failed, else what a person must see first."""
    failed = [state.message or "" for state in ended if not state.is_completed()]
    if failed:
        return Failed(message=" · ".join(failed))
    names = [name for name in ("Flagged", "Waiting") if any(state.name == name for state in ended)]
    message = " · ".join(state.message or "" for state in ended)
    return Completed(name=names[0] if names else None, message=message)


def state_of(summary: Summary) -> State[Any]:
    """Failed when a unit failed; else Flagged, Waiting or Completed, in this order of what a person must see."""
    by_state = Counter(one["state"] for one in summary["outcomes"])
    total = len(summary["outcomes"])
    if by_state[UnitState.FAILED]:
        return Failed(data=summary, message=_sentence("failed", "未完成", UnitState.FAILED, summary, total))
    if by_state[UnitState.FLAGGED]:
        message = _sentence("flagged", "需要人工查看", UnitState.FLAGGED, summary, total)
        return Completed(name="Flagged", data=summary, message=message)
    if by_state[UnitState.WAITING]:
        message = _sentence("waiting", "等待", UnitState.WAITING, summary, total)
        return Completed(name="Waiting", data=summary, message=message)
    return Completed(data=summary, message=f"{total} done · {total} 项完成")


def _sentence(word_en: str, word_zh: str, state: UnitState, summary: Summary, total: int) -> str:
    named = [_unit(one) for one in summary["outcomes"] if one["state"] == state]
    more = "…" if len(named) > MAX_NAMED else ""
    return f"{len(named)} of {total} {word_en} · {word_zh}: {'、'.join(named[:MAX_NAMED])}{more}"


def _unit(outcome: dict[str, Any]) -> str:
    fund = f" {outcome['fund']}" if outcome["fund"] else ""
    return f"{outcome['unit_zh']}({outcome['unit']}{fund})"


def reason(ended: State[Any]) -> str:
    """Why a task did not run to its end, in the words of the error meant for people."""
    error = ended.result(raise_on_failure=False)
    if isinstance(error, FundpoolError):
        parts = [f"[{error.code}] {error}", error.basis, error.remedy]
        return " · ".join(part for part in parts if part)
    return ended.message or str(error)


def publish_outcomes(summary: Summary) -> None:
    """A table of the step's outcomes, kept under one key per step, city and month."""
    table = [
        {
            "单位 unit": f"{one['unit_zh']} {one['unit']}",
            "险种 fund": one["fund"] or "",
            "状态 state": one["state"],
            "金额(分) fen": "" if one["amount_fen"] is None else str(one["amount_fen"]),
            "说明": one["detail_zh"],
            "detail": one["detail_en"],
        }
        for one in summary["outcomes"]
    ]
    create_table_artifact(table=table, key=artifact_key(summary["step"], summary["city"], summary["month"]))


def conclude_month(city: str, month: str, steps: dict[str, State[Any]]) -> State[Any]:
    """The end of a whole month's run: its summary published, failed steps named."""
    lines = [f"| {step} | {state.name} | {state.message or ''} |" for step, state in steps.items()]
    head = [f"# {city} {month}", "", "| 步骤 step | 状态 state | 说明 |", "|---|---|---|"]
    create_markdown_artifact("\n".join([*head, *lines]), key=artifact_key("month", city, month))
    failed = [step for step, state in steps.items() if not state.is_completed()]
    if failed:
        return Failed(
            message=f"{len(failed)} of {len(steps)} steps failed · 未完成的步骤: {'、'.join(failed)}"
        )
    names = {state.name for state in steps.values()} - {"Completed"}
    return Completed(name="Flagged" if "Flagged" in names else "Waiting" if names else None)


def conclude_day(started: dict[str, State[Any]]) -> State[Any]:
    """The end of a daily tick: what was started for which city, and the cities that could not be looked at."""
    failed = [f"{city}: {reason(state)}" for city, state in started.items() if not state.is_completed()]
    runs = [run for state in started.values() if state.is_completed() for run in state.result()]
    create_table_artifact(table=runs, key="daily-tick", description="今日启动的步骤 / steps started today")
    if failed:
        return Failed(data=runs, message=" · ".join(failed))
    names = "、".join(f"{run['city']} {run['month']} {run['step']}" for run in runs)
    return Completed(
        data=runs, message=f"{len(runs)} started · 已启动: {names}" if runs else "nothing due · 今日无事"
    )


def artifact_key(*parts: str) -> str:
    """Parts joined into the characters an artifact key may have."""
    return "-".join(parts).lower().replace("_", "-").replace(" ", "-")
