"""My tasks (我的待办): what somebody can do now, what waits for others, what cannot start yet, what they did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Request, Response

from fundpool.console.dashboard.desks import county
from fundpool.console.dashboard.door import Access, Route
from fundpool.domain.accounts import Account
from fundpool.domain.periods import day_of
from fundpool.services.month.tasks import tasks_of
from fundpool.services.month.turns import CLOCK
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


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the page shows it."""

    turn: Turn
    city_name: tuple[str, str]
    last_day: date | None
    """The last working day to act."""
    urgency: str
    """``overdue``, ``today`` or nothing."""
    address: str | None
    """The page on which it is done; None where there is none."""


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page of everybody who is logged in."""
    return (Route(PATH, Access.LOGGED_IN, partial(tasks, pages)),)


def tasks(pages: "Pages", request: Request) -> Response:
    """The account's tasks in the city of the address, else in every city that it is for."""
    account: Account | None = request.state.account
    place = pages.place(request, county=None if account is None else account.county)
    today = day_of(place.moment.at)
    chosen = [place.city] if "city" in request.query_params else pages.cities(request)
    found = tasks_of(pages.reader.ports, account, [city.key for city in chosen], now=place.moment.at)
    known = {route.path for route in pages.routes()}
    names = {city.key: (city.name_zh, city.name_en) for city in chosen}

    def row(turn: Turn) -> Row:
        desk = DESKS.get(turn.turn)
        address = _address(place, turn, desk) if desk in known and turn.command else None
        return Row(turn, names[turn.city], turn.act_by or turn.due, _urgency(turn, today), address)

    return pages.page(
        request,
        "tasks.html",
        place,
        month_matters=False,
        now=[row(turn) for turn in found.now],
        waiting=[row(turn) for turn in found.waiting],
        not_yet=[row(turn) for turn in found.not_yet],
        done_today=[record for record in found.done if day_of(record.at) == today],
        done_before=[record for record in found.done if day_of(record.at) != today],
        several_cities=len(chosen) > 1,
    )


def _address(place: "Place", turn: Turn, desk: str | None) -> str:
    month = turn.month if turn.month is not None and "-" in turn.month else None
    more = {"county": turn.unit} if turn.turn == COUNTY else {}
    address = place.url(desk, city=turn.city, **({"month": month} if month else {}), **more)
    if turn.turn != COUNTY:
        return address
    return f"{address}#{county.document_of(turn)}:{turn.month}"


def _urgency(turn: Turn, today: date) -> str:
    """By the last working day to act; once it is past, work is owed today until the legal day is over too."""
    act_by = turn.act_by or turn.due
    if act_by is None or today < act_by:
        return ""
    return "overdue" if turn.days_late or today > max(act_by, turn.due or act_by) else "today"
