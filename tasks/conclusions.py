"""How a run ends for the person who watches it: a named state, a sentence, a table."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, Failed

from fundpool.domain.duties import Duty, duties_of
from fundpool.domain.errors import FundpoolError
from fundpool.domain.money import format_yuan
from fundpool.domain.month import STEPS
from fundpool.domain.outcomes import StepRequest, UnitState
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.ports.work import MonthPorts
from tasks.options import AWAY, SERVICE_AWAY

MAX_NAMED = 12
"""How many units a state's sentence names; the table has them all."""


def conclude_batches(ended: Sequence[State[Any]]) -> State[Any]:
    """The end of a step's run: failed when a batch of its cities failed, else what a person must see first."""
    failed = [state for state in ended if not state.is_completed()]
    if failed:
        return failed_state(
            " · ".join(reason(state) for state in failed),
            is_away=any(was_away(state) for state in failed),
        )
    names = [name for name in ("Flagged", "Waiting") if any(state.name == name for state in ended)]
    message = " · ".join(state.message or "" for state in ended)
    return Completed(name=names[0] if names else None, message=message)


def state_of(summary: dict[str, Any]) -> State[Any]:
    """How a step ended: failed when it could not run or a unit failed, the cause in the message.

    Else Flagged, Waiting or Completed, in this order of what a person must see.
    """
    codes = {each["error_code"] for each in summary["outcomes"] if each["state"] == UnitState.FAILED}
    # What a person must mend for one unit or city keeps none of the others from being tried again.
    is_away = not codes.isdisjoint(AWAY)
    if summary["stopped"] is not None:
        return failed_state(summary["stopped"], is_away=is_away)
    by_state = Counter(outcome["state"] for outcome in summary["outcomes"])
    if by_state[UnitState.FAILED]:
        sentence = _sentence("failed", "未完成", UnitState.FAILED, summary=summary)
        first = next(each for each in summary["outcomes"] if each["state"] == UnitState.FAILED)
        cause = " · ".join(part for part in (first["detail_zh"], first["detail_en"], first["remedy"]) if part)
        return failed_state(f"{sentence} — {cause}", is_away=is_away)
    if by_state[UnitState.FLAGGED]:
        sentence = _sentence("flagged", "需要人工查看", UnitState.FLAGGED, summary=summary)
        return Completed(name="Flagged", data=summary, message=sentence)
    if by_state[UnitState.WAITING]:
        sentence = _sentence("waiting", "等待", UnitState.WAITING, summary=summary)
        return Completed(name="Waiting", data=summary, message=sentence)
    total = len(summary["outcomes"])
    return Completed(data=summary, message=f"{total} done · {total} 项完成")


class TickFailed(Exception):
    """A daily tick in which some city could not be looked at; ``runs`` are the steps it started for the others."""

    def __init__(self, message: str, runs: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.runs = runs


def failed_state(message: str, *, is_away: bool, error: TickFailed | None = None) -> State[Any]:
    """A failed state; of a run that failed only because a service was away, by the name of that.

    Its data can be nothing but an exception: anything else has Prefect log forty lines that it is none.
    """
    return Failed(name=SERVICE_AWAY if is_away else None, message=message, data=error)


def _sentence(word_en: str, word_zh: str, state: UnitState, *, summary: dict[str, Any]) -> str:
    total = len(summary["outcomes"])
    named = [_unit(outcome) for outcome in summary["outcomes"] if outcome["state"] == state]
    more = "…" if len(named) > MAX_NAMED else ""
    return f"{len(named)} of {total} {word_en} · {word_zh}: {'、'.join(named[:MAX_NAMED])}{more}"


def _unit(outcome: dict[str, Any]) -> str:
    fund = f" {outcome['fund']}" if outcome["fund"] else ""
    return f"{outcome['unit_zh']}({outcome['unit']}{fund})"


def reason(ended: State[Any]) -> str:
    """Why a task did not run to its end, in the words of the error meant for people."""
    error = ended.result(raise_on_failure=False)
    return reason_of(error) if isinstance(error, FundpoolError) else first_line(ended.message or str(error))


def first_line(text: str) -> str:
    """What a sentence keeps of an error nobody foresaw; all of it is in the run's log."""
    return text.partition("\n")[0]


def was_away(ended: State[Any]) -> bool:
    """Whether a task failed only because a service was away that comes back by itself."""
    error = None if ended.name == SERVICE_AWAY else ended.result(raise_on_failure=False)
    return ended.name == SERVICE_AWAY or (isinstance(error, FundpoolError) and error.code in AWAY)


def not_begun(error: FundpoolError) -> State[Any]:
    """The end of a run that could not even begin."""
    return failed_state(reason_of(error), is_away=error.code in AWAY)


def reason_of(error: BaseException) -> str:
    """An error as a sentence: its code, both languages, the article and what to do."""
    if not isinstance(error, FundpoolError):
        return first_line(f"{type(error).__name__}: {error}")
    parts = [f"[{error.code}] {error}", error.basis, error.remedy]
    return " · ".join(part for part in parts if part)


def publish_outcomes(summary: dict[str, Any], name: str) -> None:
    """A table of what a step or part has come to, kept under one key per name, city and month."""
    table = [
        {
            "单位 unit": f"{outcome['unit_zh']} {outcome['unit']}",
            "险种 fund": outcome["fund"] or "",
            "状态 state": outcome["state"],
            "金额(元) yuan": "" if outcome["amount_fen"] is None else format_yuan(outcome["amount_fen"]),
            "说明": outcome["detail_zh"],
            "detail": outcome["detail_en"],
            "处理 remedy": outcome["remedy"] or "",
        }
        for outcome in summary["outcomes"]
    ]
    _publish(
        "table", json.dumps(table, ensure_ascii=False), artifact_key(name, summary["city"], summary["month"])
    )


def publish_calendar(ports: MonthPorts, requests: Sequence[StepRequest], step: str | None) -> None:
    """The month's duties with their days and articles; of several cities those alone that ``step`` works for."""
    lines: list[str] = []
    known = {city.key for city in ports.policies.cities}
    for request in requests:
        if len(requests) > 1 and request.city not in known:
            continue  # the step says so
        policy = ports.policies.city(request.city)
        duties = duties_of(policy, request.month, ports.calendar)
        wanted = [
            duty for duty in duties if len(requests) == 1 or step is None or duty.key == STEPS[step].duty
        ]
        lines += [
            f"# {policy.name_zh} {request.month} 月历 · calendar",
            "",
            "| 责任 duty | 谁 who | 应于 due | 最迟办理日 last working day | 依据 article |",
            "| --- | --- | --- | --- | --- |",
            *(_calendar_line(duty) for duty in wanted),
            "",
        ]
    cities = name_of_cities([request.city for request in requests])
    _publish("markdown", "\n".join(lines), artifact_key("calendar", cities, str(requests[0].month)))


def _calendar_line(duty: Duty) -> str:
    name_zh, name_en = DUTY_NAMES.get(duty.key, (duty.key, ""))
    article = f"{duty.basis.document} {duty.basis.section} ({duty.rule})".replace("|", "/")
    cells = (f"{name_zh} {name_en}", duty.actor, duty.due or "—", duty.act_by or "—", article)
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def conclude_month(city: str, month: str, states: dict[str, State[Any]]) -> State[Any]:
    """The end of a whole month's run: its summary published, failed steps named with their cause."""
    lines = [
        f"| {step} | {STEPS[step].name_zh} | {state.name} | {state.message if state.is_completed() else reason(state)} |"
        for step, state in states.items()
    ]
    head = [f"# {city} {month}", "", "| step | 步骤 | 状态 state | 说明 |", "|---|---|---|---|"]
    _publish("markdown", "\n".join([*head, *lines]), artifact_key("month", city, month))
    failed = {step: state for step, state in states.items() if not state.is_completed()}
    if failed:
        causes = "；".join(f"{step}: {reason(state)}" for step, state in failed.items())
        return failed_state(
            f"{len(failed)} of {len(states)} steps failed · 未完成的步骤: {causes}",
            is_away=all(was_away(state) for state in failed.values()),
        )
    names = {state.name for state in states.values()} - {"Completed"}
    return Completed(name="Flagged" if "Flagged" in names else "Waiting" if names else None)


def conclude_day(looked_at: dict[str, State[Any]], started: State[Any], finished: State[Any]) -> State[Any]:
    """The end of a daily tick: what was started for which cities, and the cities that could not be looked at."""
    failed = {f"{city}: ": state for city, state in looked_at.items() if not state.is_completed()}
    if not started.is_completed():
        failed["start: "] = started  # then the day is not finished either
    elif not finished.is_completed():
        failed[""] = finished
    runs = started.result() if started.is_completed() else []
    shown = [{**run, "cities": "、".join(run["cities"])} for run in runs]
    _publish(
        "table",
        json.dumps(shown, ensure_ascii=False),
        "daily-tick",
        description="今日启动的步骤 / steps started today",
    )
    if failed:
        causes = " · ".join(f"{where}{reason(state)}" for where, state in failed.items())
        is_away = all(was_away(state) for state in failed.values())
        return failed_state(causes, is_away=is_away, error=TickFailed(causes, runs))
    names = "、".join(f"{name_of_cities(run['cities'])} {run['month']} {run['step']}" for run in runs)
    return Completed(
        data=runs, message=f"{len(runs)} started · 已启动: {names}" if runs else "nothing due · 今日无事"
    )


def name_of_cities(cities: Sequence[str]) -> str:
    """What a table for the cities is called: the city's key; of several, the first's and how many more."""
    return cities[0] if len(cities) == 1 else f"{cities[0]}-and-{len(cities) - 1}-more"


def _publish(kind: str, data: str, key: str, *, description: str | None = None) -> None:
    """Publish an artifact of the run under way.

    By the run's own client: Prefect's functions make one for each artifact, and each reads every certificate
    authority there is, for a server that speaks plain HTTP.
    """
    run, task = flow_run.get_id(), task_run.get_id()
    artifact = ArtifactCreate(
        type=kind,
        key=key,
        data=data,
        description=description,
        flow_run_id=UUID(run) if run else None,
        task_run_id=UUID(task) if task else None,
    )
    with SyncClientContext.get_or_create() as shared:
        shared.client.create_artifact(artifact)


def artifact_key(*parts: str) -> str:
    """Parts joined into the characters an artifact key may have."""
    return "-".join(parts).lower().replace("_", "-").replace(" ", "-")
