"""My tasks (我的待办): what somebody can do now, what waits for others, what cannot start yet, what they did."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from fundpool.console.dashboard.desks import county, installation, users
from fundpool.console.dashboard.door import Access, Route
from fundpool.console.dashboard.reading import Moment
from fundpool.domain.accounts import Account
from fundpool.domain.audit import AuditRecord
from fundpool.domain.periods import day_of, parse_period
from fundpool.domain.policy import CityPolicy
from fundpool.domain.rights import Role
from fundpool.services.month.filing import month_of
from fundpool.services.month.tasks import tasks_of
from fundpool.services.month.turns import CLOCK
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.oversight.progress import (
    APPROVER,
    BANK,
    CHECKER,
    COUNTY,
    FINANCE,
    OPERATOR,
    RELEASER,
    REVIEWER,
)
from schemas.dashboard import Turn

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

PATH = "/tasks"

DESKS: Mapping[str, str] = {
    COUNTY: county.PATH,
    REVIEWER: "/desk/review",
    CHECKER: "/desk/review",
    FINANCE: "/desk/payments",
    APPROVER: "/desk/payments",
    RELEASER: "/desk/payments",
    OPERATOR: "/desk/operating",
    BANK: "/desk/operating",
    CLOCK: "/desk/operating",
}
"""The page on which each turn is taken; where there is none, the task shows the command."""

HOMES: Mapping[Role, str] = {Role.SEC_ADMIN: users.PATH, Role.SYS_ADMIN: installation.PATH}
"""The first page of those who have no tasks in the month."""


def home_of(account: Account | None) -> str:
    """Where the product's name leads: the board, or the page of somebody without business."""
    return "/" if account is None else HOMES.get(account.role, "/")


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the page shows it, or the same task of several counties."""

    turn: Turn
    city_name: tuple[str, str]
    why: tuple[str, str]
    """In Chinese and English, without the duty's name and with the names of counties."""
    last_day: date | None
    """The last working day to act."""
    urgency: str
    """``overdue``, ``today`` or nothing."""
    places: tuple[tuple[tuple[str, str] | None, str | None], ...]
    """The name of each county (None: the city) with the page on which it is done; None where there is none."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something the account did; ``about`` is what it was done to."""

    at: datetime
    action: str
    about: str
    reason: str | None


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page of everybody who is logged in."""
    return (Route(PATH, Access.LOGGED_IN, partial(tasks, pages)),)


def tasks(pages: "Pages", request: Request) -> Response:
    """The account's tasks in the city of the address, else in every city that it is for; without business its own page."""
    account: Account | None = request.state.account
    if account is not None and account.role in HOMES:
        return RedirectResponse(HOMES[account.role], 303)
    place = pages.place(request, county=None if account is None else account.county)
    # Whose turn it was on another day nobody asks here: tasks are of now.
    place = replace(place, as_of=None, moment=Moment(pages.clock(), pages.options.only_known_then))
    today = day_of(place.moment.at)
    chosen = [place.city] if "city" in request.query_params else pages.cities(request)
    found = tasks_of(pages.reader.ports, account, [city.key for city in chosen], now=place.moment.at)
    desks = {route.path for route in pages.routes()} & set(DESKS.values())
    cities = {city.key: city for city in chosen}
    names = {city.key: _names_of(city) for city in chosen}

    def rows(found: Iterable[Turn]) -> list[Row]:
        together: dict[tuple[object, ...], Row] = {}
        for turn in found:
            row = _row(place, turn, cities[turn.city], names=names[turn.city], desks=desks, today=today)
            same = (
                turn.city,
                turn.month,
                turn.turn,
                turn.step,
                turn.duty,
                turn.act_by,
                *row.why,
                row.urgency,
            )
            key = same if turn.turn == COUNTY else (*same, turn.command, turn.unit, turn.fund)
            before = together.get(key)
            together[key] = row if before is None else replace(before, places=before.places + row.places)
        return list(together.values())

    return pages.page(
        request,
        "tasks.html",
        place,
        month_matters=False,
        now=rows(found.now),
        waiting=rows(found.waiting),
        not_yet=rows(found.not_yet),
        done_today=[_act(record) for record in found.done if day_of(record.at) == today],
        done_before=[_act(record) for record in found.done if day_of(record.at) != today],
        several_cities=len(chosen) > 1,
    )


_Names = Mapping[str, tuple[str, str]]
"""The counties of a city in Chinese and English, by their codes."""

_CODE = re.compile(r"(?<![0-9])[0-9]{6}(-[A-Z]+)?(?![0-9])")
"""A county's code inside a sentence."""


def _names_of(city: CityPolicy) -> _Names:
    return {unit.code: (unit.name_zh, unit.name_en) for unit in city.units}


def _row(
    place: "Place", turn: Turn, city: CityPolicy, *, names: _Names, desks: Collection[str], today: date
) -> Row:
    duty = DUTY_NAMES.get(turn.duty or "", ("", ""))
    why_zh = turn.why_zh.removeprefix(f"{duty[0]}：")
    why_en = turn.why_en.removeprefix(f"{duty[1]}: ")
    desk = DESKS.get(turn.turn, "")
    address = _address(place, turn, desk) if desk in desks and turn.command else None
    return Row(
        turn,
        (city.name_zh, city.name_en),
        why=(
            _CODE.sub(lambda found: names[found[0]][0] if found[0] in names else found[0], why_zh),
            _CODE.sub(lambda found: names[found[0]][1] if found[0] in names else found[0], why_en),
        ),
        last_day=turn.act_by or turn.due,
        urgency=urgency(turn, today),
        places=((names.get(turn.unit or ""), address),),
    )


def _act(record: AuditRecord) -> Act:
    """A file by its name, which a person knows; the trail names it by its bytes."""
    after = json.loads(record.detail).get("after") or {}
    is_file = record.subject.startswith("file:")
    about = str(after.get("name") or record.subject) if is_file else record.subject
    return Act(record.at, record.action, about, record.reason)


def _address(place: "Place", turn: Turn, desk: str) -> str:
    """The desk's address for the turn's city and month; of a county's turn its form."""
    month = {} if turn.month is None else {"month": str(month_of(parse_period(turn.month)))}
    if turn.turn != COUNTY:
        return place.url(desk, city=turn.city, **month)
    address = place.url(desk, city=turn.city, county=turn.unit, **month)
    return f"{address}#{county.document_of(turn)}:{turn.month}"


def urgency(turn: Turn, today: date) -> str:
    """By the last working day to act; once it is past, work is owed today until the legal day is over too."""
    act_by = turn.act_by or turn.due
    if act_by is None or today < act_by:
        return ""
    return "overdue" if turn.days_late or today > max(act_by, turn.due or act_by) else "today"
