"""How a step of the month begins and ends, for one city or for several whose files are judged together."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from prefect import task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from fundpool.adapters.policies.policy_files import load_policies
from fundpool.clock import business_clock
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.outcomes import StepInHand, StepReport, StepRequest
from fundpool.domain.people import SYSTEM
from fundpool.domain.periods import parse_month
from fundpool.services.month import steps
from fundpool.services.payments.installation import require_sandbox
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tasks.conclusions import name_of_cities, publish_calendar, publish_outcomes, reason_of, state_of
from tasks.options import RETRY_WHEN_AWAY
from tasks.process import ports_of_this_process

Summary = dict[str, Any]
"""What a step came to, in JSON: outcomes and texts, never a frame or a row object."""


class _Shown:
    """What the form of a run's parameters shows beside one; Prefect drops the description of a ``Field``.

    A pattern or a choice is for those who fill the form in: the run itself takes any text, and the step tells what
    is wrong.
    """

    def __init__(self, description: str | None = None, **more: Any) -> None:
        self.schema = {"description": description, **more} if description else more

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core), **self.schema}


class _CityChoice:
    """One of the cities whose document is here when the flow is deployed, or another by its key.

    The other is there for a document that came since: until the next deploy its city must run too.
    """

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        text = handler(core)
        other = {**text, "title": "其他，填代码 another, by its key"}
        known = _known_cities()
        return (
            {"anyOf": [{**text, "title": "所列城市 one of these", "enum": known}, other]} if known else other
        )


def _known_cities() -> list[str]:
    try:
        return [city.key for city in load_policies(Settings().policy_dir).cities]
    except FundpoolError:  # this is read when a flow is imported: what is wrong with a file the steps tell
        return []


_CITY = "统筹区代码，见 fundpool policy list / key of the city, as fundpool policy list has it"
_MONTH = {"pattern": r"^(199\d|20\d\d|2100)-(0[1-9]|1[0-2])$", "examples": ["2026-10"]}

_Key = Annotated[str, _CityChoice()]

City = Annotated[str, _CityChoice(), _Shown(_CITY)]
"""A city's key."""

Cities = Annotated[
    _Key | Annotated[list[_Key], _Shown(_CITY, title="多个城市 several cities")],
    _Shown(f"{_CITY}；可多个 / or several"),
]
"""A city's key, or those of several whose files are read and judged together."""

AnyCities = Annotated[
    Annotated[list[_Key], _Shown(title="所列城市 these")]
    | Annotated[None, _Shown(title="全部城市 all of them")],
    _Shown(f"{_CITY}；缺省为全部 / default all of them"),
]
"""Keys of cities, None for every city whose calendar runs here."""

CountyCode = Annotated[
    Annotated[str, _Shown("六位区划代码 / six digits", title="县区代码 its code", examples=["331022"])]
    | Annotated[int, _Shown(title="写作数字 as a number")]
    | Annotated[None, _Shown(title="全部县区 all of them")],
    _Shown(
        "县区代码，缺省为全部县区；填错时步骤列出该市各县区 / code of one county; default all of them; a wrong one is "
        "answered with the city's counties"
    ),
]
"""A county's code, None for all; Prefect's command line reads ``county=331022`` as a number."""

MonthText = Annotated[str, _Shown("款项或报表所属月份 / month the money is for, YYYY-MM", **_MONTH)]
"""A month as people write it."""

MonthTexts = Annotated[
    Annotated[list[Annotated[str, _Shown("月份 / month, YYYY-MM", **_MONTH)]], _Shown(title="所列月份 these")]
    | Annotated[None, _Shown(title="到期各月 every month due")],
    _Shown("只看这些月份，缺省为到期各月 / only these months; default every month that is due"),
]
"""Months to look after, None for all."""

Moment = Annotated[
    Annotated[str, _Shown(title="指定时间 a moment", examples=["2026-10-08", "2026-10-08T09:30"])]
    | Annotated[None, _Shown(title="此刻 now")],
    _Shown("业务时间，仅演练用，缺省为此刻 / business clock, for training; default now: DATE or DATETIME"),
]
"""A played business clock, None for the wall's."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """What a run is started with: cities, the month, one county or all, and a played business clock or none."""

    cities: tuple[str, ...]
    month: str
    county: CountyCode = None
    as_of: str | None = None

    def requests(self) -> list[StepRequest]:
        """One request per city. Raises InputError for a malformed month or moment, or without a city."""
        if not self.cities:
            raise InputError("no_city", "没有指定城市", "no city is named", remedy="city=KEY")
        month, now = parse_month(self.month), business_clock(self.as_of)
        return [
            StepRequest(
                city=city,
                month=month,
                now=now,
                counties=(str(self.county),) if self.county else None,
                by=SYSTEM,  # a machine answers for nothing: the maker of a payment is finance's reviewer
                run_id=flow_run.get_id(),
                is_played=self.as_of is not None,
            )
            for city in dict.fromkeys(self.cities)
        ]


@task(name="show-calendar", task_run_name="月历 calendar", **RETRY_WHEN_AWAY)
def show_calendar(parameters: RunParameters, step: str | None = None) -> None:
    """Publish the month's duties with day and article; of several cities those that ``step`` works for."""
    publish_calendar(ports_of_this_process(), parameters.requests(), step)


@task(name="begin-step", task_run_name="▶ {key}", **RETRY_WHEN_AWAY)
def begin_step(key: str, parameters: RunParameters) -> StepInHand:
    """Record that the step begins."""
    return steps.begin_step(ports_at(parameters.as_of), key, parameters.requests())


def ports_at(as_of: str | None) -> MonthPorts:
    """The adapters. Raises InputError when a real installation is given a business time."""
    ports = ports_of_this_process()
    if as_of is not None:
        ports.database.read(lambda work: require_sandbox(work, f"as_of={as_of}"))
    return ports


@task(name="end-step", task_run_name="■ {step.step}", **RETRY_WHEN_AWAY)
def end_step(step: StepInHand) -> State[Any]:
    """Record what the step came to, publish its table, and end in the state that a person must see."""
    ports = ports_of_this_process()
    summary = summary_of(ports, step, steps.end_step(ports, step))
    publish_outcomes(summary, summary["step"])
    return state_of(summary)


def summary_of(ports: MonthPorts, step: StepInHand, reports: list[StepReport]) -> Summary:
    """The step's outcomes with their units' names; ``stopped`` says why it could not run at all."""
    alone = len(reports) == 1
    first = next((city.error for city in step.cities if city.error is not None), None)
    return {
        "step": step.step,
        "city": name_of_cities([report.city for report in reports]),
        "month": str(step.month),
        "outcomes": [each for report in reports for each in _named(ports, report, alone=alone)],
        "stopped": reason_of(first) if first is not None and step.is_stopped else None,
    }


def _named(ports: MonthPorts, report: StepReport, *, alone: bool) -> list[dict[str, Any]]:
    """The outcomes with their units' names, which name the city too when it is not ``alone``."""
    if report.city not in {city.key for city in ports.policies.cities}:
        return [{**asdict(outcome), "unit_zh": report.city} for outcome in report.outcomes]
    policy = ports.policies.city(report.city)
    prefix = "" if alone else policy.name_zh
    names = {unit.code: prefix + unit.name_zh for unit in policy.register}
    names[policy.division_code] = policy.name_zh
    return [
        {**asdict(outcome), "unit_zh": names.get(outcome.unit, prefix + outcome.unit)}
        for outcome in report.outcomes
    ]
