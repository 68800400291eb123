"""Calendar feeds: a page of the links that an account has, and the feed that a calendar program fetches."""

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import Request, Response

from fundpool.console.dashboard.door import Access, Route
from fundpool.console.unit_calendar import unit_calendar
from fundpool.domain.accounts import Account
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.rights import Right
from fundpool.services.ports.work import Work
from fundpool.services.users.calendar_links import calendar_secret, follows, may_follow
from fundpool.services.watch.reminders import recipient_of

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

PATH = "/calendars"


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page and the feed; the feed's address bears its own secret instead of a log-in."""
    return (
        Route(PATH, Right.READ_COUNTY, partial(links, pages)),
        Route(f"{PATH}/{{city}}/{{unit}}.ics", Access.ANYBODY, partial(feed, pages)),
    )


def links(pages: "Pages", request: Request) -> Response:
    """The address of each unit's calendar that the account may read."""
    account: Account | None = request.state.account
    place = pages.place(request, county=None if account is None else account.county)
    units = [] if account is None else _units(pages, account, place)

    def addresses(work: Work) -> list[tuple[str, str]]:
        assert account is not None
        base, city = f"{request.base_url}{PATH[1:]}", place.city.key
        secrets = {unit: calendar_secret(work, account, city, unit=unit) for unit in units}
        return [(unit, f"{base}/{city}/{unit}.ics?{urlencode({'secret': secrets[unit]})}") for unit in units]

    found = pages.reader.ports.database.read(addresses) if units else []
    return pages.page(request, "calendars.html", place, month_matters=False, links=found)


def feed(pages: "Pages", request: Request) -> Response:
    """The unit's duties as iCalendar; whatever is wrong with the address, there is no such calendar."""
    wanted, secret = request.path_params, request.query_params.get("secret", "")
    ports = pages.reader.ports
    policy = next((each for each in pages.reader.cities() if each.key == wanted["city"]), None)
    unit = wanted["unit"]
    if policy is None or not ports.database.read(lambda work: follows(work, policy, unit, secret=secret)):
        raise InputError(
            "unknown_calendar",
            "没有这个日历，或链接已失效",
            "there is no such calendar, or the link has ended",
            remedy="登录后在“日历订阅”页面取新链接 / log in and take the new link from the page of calendars",
        )
    return Response(
        unit_calendar(ports, policy.key, unit, now=pages.clock()),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{unit}.ics"'},
    )


def _units(pages: "Pages", account: Account, place: "Place") -> list[str]:
    """The units of the city whose calendar the account may read: offices with duties of the month, then counties."""
    duties = duties_of(place.city, place.month, pages.reader.ports.calendar)
    recipients = dict.fromkeys(recipient_of(duty) for duty in duties)
    units = [each for each in recipients if each in place.city.actors]
    units += [unit.code for unit in place.city.units]
    return [unit for unit in units if may_follow(account, place.city, unit)]
