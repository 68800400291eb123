"""The dashboard's routes: every page works without JavaScript and calls nobody outside; each needs a right.

Live state is a page that asks to be fetched again every minute (``?live=1``, for the screen on the
wall), not a stream: the month changes a few times a day, a reload needs no script and so the
content security policy can forbid every script there is. A page that somebody reads or prints
does not reload under them.
"""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint

from fundpool.clock import business_clock
from fundpool.console.dashboard.api import add_api
from fundpool.console.dashboard.auditor import AuditorPages
from fundpool.console.dashboard.board import (
    SHOWN_IN_MATRIX,
    Show,
    build_board,
    business_day,
)
from fundpool.console.dashboard.desks import (
    accounts,
    calendars,
    county,
    installation,
    operating,
    papers,
    payments,
    review,
    tasks,
    users,
)
from fundpool.console.dashboard.door import (
    LOG_IN_NEEDED,
    TOKEN_NEEDED,
    WAY_BACK,
    Access,
    Route,
    begin_form,
    begin_session,
    end_session,
    form_token,
    leave_provider,
    new_form_secret,
)
from fundpool.console.dashboard.handbook import SITE, Handbook
from fundpool.console.dashboard.labels import FUNDS, POSTS
from fundpool.console.dashboard.language import Language, languages
from fundpool.console.dashboard.leader import LeaderPages
from fundpool.console.dashboard.reading import Moment, MonthReader
from fundpool.console.dashboard.rendering import environments
from fundpool.console.output import error_document
from fundpool.domain.accounts import Account
from fundpool.domain.errors import FundpoolError, InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy, Unit
from fundpool.domain.rights import Right
from fundpool.services.ports.files import SlipFile
from fundpool.services.ports.users import IdentityProvider
from fundpool.version import VERSION
from schemas.health import Health

STATIC = Path(__file__).parent / "static"
DEFAULT_LANGUAGE = "zh"
LIVE_SECONDS = 60

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_YEARS = range(2000, 2100)
"""Years a page is drawn for: pooled funds of this kind are younger, and a year must fit a date."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DashboardOptions:
    """What the settings say about the pages; ``hosts`` None answers to any host name."""

    run_url: Callable[[str | None], str | None] = field(default=lambda _run_id: None)
    """Where a step's run is seen; None when nobody knows."""
    notice: Callable[[], str | None] = field(default=lambda: None)
    """The line on top of every page."""
    only_past: Callable[[], bool] = field(default=lambda: False)
    """Whether a page may be read as of the past alone: a real installation's future is nobody's to play."""
    hosts: frozenset[str] | None = None
    only_known_then: bool = False
    """The clock was set (``serve --as-of``): what was recorded after its moment is left out."""
    provider: IdentityProvider | None = None
    """Where people may log in instead of here."""
    health: Callable[[], Health] | None = None
    """How well the installation is; None where nobody watches it, as in a demonstration."""
    time_of_day: Callable[[], datetime] = field(default=lambda: business_clock(None))
    """The machine's clock, by which sessions end whatever the business time is."""


@dataclass(frozen=True)
class Place:
    """Where a reader is: a city, a month, a page; makes links that keep the rest."""

    path: str
    city: CityPolicy
    month: Month
    moment: Moment
    """The business time everything on the page is of."""
    as_of: str | None = None
    """The moment that the reader chose, as written in the address; kept in every link."""
    extra: Mapping[str, str] = field(default_factory=dict)
    cities: Sequence[CityPolicy] = ()
    """Cities to choose from: those with anything recorded, and the one shown."""
    months: Sequence[Month] = ()
    """Months to choose from, latest first."""

    def url(self, path: str | None = None, **changes: str | None) -> str:
        """The address of ``path`` (this page when None) for this city and month, with ``changes``."""
        kept = self.extra if path is None else {}
        chosen = {"city": self.city.key, "month": str(self.month), "as_of": self.as_of}
        query = {**chosen, **kept, **changes}
        return f"{path or self.path}?{urlencode({k: v for k, v in query.items() if v is not None})}"

    @cached_property
    def _units(self) -> Mapping[str | None, Unit]:
        return {unit.code: unit for unit in self.city.units}

    def unit_name(self, code: str | None, language: Language) -> str:
        """The name of a unit of the register; the city's own for None, the code when unlisted."""
        if code in (None, self.city.division_code):
            return language.choose(self.city.name_zh, self.city.name_en)
        unit = self._units.get(code)
        return str(code) if unit is None else language.choose(unit.name_zh, unit.name_en)

    def fund_name(self, key: str, language: Language) -> str:
        """The short name of a fund that nearly every city has, else what the city's policy calls it."""
        if key in FUNDS:
            return language.gettext(FUNDS[key])
        fund = next((fund for fund in self.city.funds if fund.key == key), None)
        return key if fund is None else language.choose(fund.name_zh, fund.name_en)

    def term(self, code: str, language: Language) -> str:
        """What the city's policy calls a duty or a party; a post inside an office by its own name."""
        named = self.city.duty_names.get(code) or self.city.actors.get(code)
        if named is not None:
            return language.choose(named.name_zh, named.name_en)
        return language.gettext(POSTS[code]) if code in POSTS else code


def create_app(
    reader: MonthReader, clock: Callable[[], datetime], options: DashboardOptions | None = None
) -> FastAPI:
    """The dashboard over ``reader``; ``clock`` gives the business time of each request."""
    app = FastAPI(title="fundpool", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(reader, clock, options or DashboardOptions())
    app.middleware("http")(pages.guard)
    leader = LeaderPages(reader, place=pages.place, page=pages.page, notice=pages.options.notice)
    auditor = AuditorPages(reader, place=pages.place, page=pages.page)
    for route in (*pages.routes(), *leader.routes(), *auditor.routes()):
        app.add_route(route.path, pages.door.answering(route), methods=[route.method])
    add_api(app, pages)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/handbook", Handbook(SITE, pages.language), name="handbook")
    app.add_exception_handler(FundpoolError, pages.domain_error)
    app.add_exception_handler(HTTPException, pages.http_error)
    return app


class Pages:
    """The pages, with the reader, the clock and the options that they share."""

    def __init__(self, reader: MonthReader, clock: Callable[[], datetime], options: DashboardOptions) -> None:
        self.reader = reader
        self.clock = clock
        self.options = options
        self.door = reader.door(options.time_of_day, options.provider)
        self.environments = environments()

    def routes(self) -> tuple[Route, ...]:
        """Every page and act with the right that it needs; nothing else is answered but what serves monitoring."""
        return (
            Route("/login", Access.ANYBODY, self.log_in_form),
            Route("/login", Access.ANYBODY, self.log_in, "POST"),
            Route("/login/provider", Access.ANYBODY, self.to_provider),
            Route(WAY_BACK, Access.ANYBODY, self.from_provider),
            Route("/logout", Access.LOGGED_IN, self.log_out, "POST"),
            Route("/password", Access.LOGGED_IN, self.password_form),
            Route("/password", Access.LOGGED_IN, self.change_password, "POST"),
            Route("/healthz", Access.ANYBODY, self.healthz),
            Route("/", Right.READ_COUNTY, self.board),
            Route("/counties/{unit}", Right.READ_COUNTY, self.county),
            Route("/slips/{document}/{unit}/{version:int}", Right.READ_COUNTY, self.slip),
            Route("/slips/{document}/{unit}/{version:int}.xlsx", Right.READ_COUNTY, self.slip_workbook),
            Route("/transfers", Right.READ_CITY, self.transfers),
            Route("/lineage", Right.READ_CITY, self.lineage),
            Route("/balances", Right.READ_CITY, self.balances),
            Route("/findings", Right.READ_CITY, self.findings),
            *tasks.routes(self),
            *county.routes(self),
            *review.routes(self),
            *papers.routes(self),
            *accounts.routes(self),
            *calendars.routes(self),
            *payments.routes(self),
            *operating.routes(self),
            *users.routes(self),
            *installation.routes(self),
        )

    # Pages are plain functions: they run in a thread, where a database may be waited for.

    def log_in_form(
        self,
        request: Request,
        *,
        failed: bool = False,
        error: FundpoolError | None = None,
    ) -> Response:
        """Name and password; ``failed``: they were wrong; ``error``: of the identity provider."""
        new_form_secret(request)
        wanted = request.query_params.get("next") or str(getattr(request.state, "next", ""))
        response = self.page(
            request,
            "login.html",
            None,
            status_code=401 if failed else 200 if error is None else _http_status(error),
            failed=failed,
            error=error,
            has_provider=self.door.has_provider,
            next=_own_address(wanted),
        )
        begin_form(request, response)
        return response

    def log_in(self, request: Request) -> Response:
        """Begin a session; whatever keeps somebody out, the answer is the same."""
        form = request.state.form
        request.state.next = form.get("next") or ""
        token = self.door.log_in(request, str(form.get("name") or ""), str(form.get("password") or ""))
        if token is None:
            return self.log_in_form(request, failed=True)
        response = RedirectResponse(_own_address(str(request.state.next)), 303)
        begin_session(request, response, token)
        return response

    def to_provider(self, request: Request) -> Response:
        """Go to the identity provider, which sends the browser back to ``from_provider``."""
        try:
            return self.door.to_provider(request, _own_address(request.query_params.get("next", "")))
        except ServiceUnavailable as error:
            return self.log_in_form(request, error=error)

    def from_provider(self, request: Request) -> Response:
        """Begin the session of whom the identity provider vouches for."""
        response: Response
        try:
            token, wanted = self.door.from_provider(request)
            response = RedirectResponse(_own_address(wanted), 303)
            begin_session(request, response, token)
        except (RuleViolation, ServiceUnavailable) as error:
            response = self.log_in_form(request, error=error)
        leave_provider(request, response)
        return response

    def log_out(self, request: Request) -> Response:
        """End the session."""
        self.door.log_out(request)
        response = RedirectResponse("/login", 303)
        end_session(request, response)
        return response

    def password_form(self, request: Request) -> Response:
        """A person's own password."""
        return self.page(request, "password.html", None)

    def change_password(self, request: Request) -> Response:
        """Change it, which ends every session; the person logs in anew."""
        form = request.state.form
        self.door.change_password(request, str(form.get("old") or ""), str(form.get("new") or ""))
        response = RedirectResponse("/login", 303)
        end_session(request, response)
        return response

    def board(self, request: Request) -> Response:
        """Counties × duties of the month; a county's account is led to its own page."""
        account: Account | None = request.state.account
        if account is not None and account.county is not None:
            return RedirectResponse(
                self.place(request, county=account.county).url(f"/counties/{account.county}"), 303
            )
        show = request.query_params.get("show", Show.ALL)
        shown = Show(show) if show in set(Show) else Show.ALL
        live = request.query_params.get("live") == "1"
        extra = {"show": shown.value} if shown is not Show.ALL else {}
        place = self.place(request, extra | ({"live": "1"} if live else {}))
        read = self.reader.board(place.city.key, place.month, place.moment)
        units = [unit.code for unit in place.city.units]
        board = build_board(
            read.status,
            units,
            place.city.duty_of_hop,
            show=shown,
            money=read.money,
            reviews=read.reviews,
        )
        return self.page(
            request,
            "board.html",
            place,
            board=board,
            alarms=read.alarms,
            show=shown.value,
            live_seconds=LIVE_SECONDS if live else None,
            flags=[flag for flag in read.status.flags if flag.is_open and flag.kind not in SHOWN_IN_MATRIX],
        )

    def county(self, request: Request) -> Response:
        """One county's month: duties, files, findings, review, transfers."""
        code = request.path_params["unit"]
        place = self.place(request, county=code)
        self.require_unit(place, code)
        read = self.reader.county(place.city.key, place.month, code, moment=place.moment)
        return self.page(
            request,
            "county.html",
            place,
            unit=code,
            county=read.month,
            books=read.books,
            today=business_day(place.moment.at),
        )

    def slip(self, request: Request) -> Response:
        """The return slip of one version, as the county gets it."""
        content = self._slip(request).page.read_text(encoding="utf-8")
        response = HTMLResponse(content)
        # Its own style stands in the page, so that it can be sent; nothing else may run or load.
        style = content[content.index("<style>") + 7 : content.index("</style>")]
        digest = b64encode(sha256(style.encode()).digest()).decode()
        response.headers["Content-Security-Policy"] = f"default-src 'none'; style-src 'sha256-{digest}'"
        return response

    def slip_workbook(self, request: Request) -> Response:
        """The same as a workbook."""
        workbook = self._slip(request).workbook
        name = f"filename*=UTF-8''{quote(workbook.name)}"
        return Response(
            workbook.read_bytes(),
            media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            headers={"Content-Disposition": f"attachment; {name}"},
        )

    def _slip(self, request: Request) -> SlipFile:
        wanted = request.path_params
        place = self.place(request, county=wanted["unit"])
        slip = self.reader.slip(
            place.city.key,
            place.month,
            wanted["document"],
            unit=wanted["unit"],
            version=wanted["version"],
            moment=place.moment,
        )
        if slip is None:
            raise InputError(
                "unknown_slip",
                "这台机器上没有这一版的退回单或审核意见单",
                "there is no return slip or review note of this version on this machine",
                remedy="fundpool run plan-collection | expenditure-reporting | document-collection",
            )
        return slip

    def transfers(self, request: Request) -> Response:
        """Batches with their consequences, then every transfer."""
        place = self.place(request)
        read = self.reader.transfers(place.city.key, place.month, place.moment)
        return self.page(request, "transfers.html", place, status=read.status, batches=read.batches)

    def lineage(self, request: Request) -> Response:
        """Where one payment comes from, down to the cells of the counties' files (``fundpool explain``)."""
        place, key = self.place(request), request.query_params.get("transfer", "")
        return self.page(request, "lineage.html", place, transfer=key, explained=self.reader.lineage(key))

    def balances(self, request: Request) -> Response:
        """Account balances per fund, and whether the books balance."""
        place = self.place(request)
        day = self._day(request.query_params.get("day"))
        books = self.reader.books(place.city.key, place.moment, day)
        return self.page(request, "balances.html", place, books=books, day=day)

    def _day(self, text: str | None) -> date | None:
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise InputError(
                "unknown_day", f"“{text}”不是日期", f"“{text}” is no day", remedy="2026-10-09"
            ) from None

    def findings(self, request: Request) -> Response:
        """Who is late, missing or inconsistent, worst first."""
        place = self.place(request)
        status = self.reader.status(place.city.key, place.month, place.moment)
        return self.page(request, "findings.html", place, status=status)

    def healthz(self, _request: Request) -> Response:
        """200 when the database answers; raises ServiceUnavailable (503) when it does not."""
        self.reader.ping()
        return JSONResponse({"status": "ok"})

    # What all of them share

    async def guard(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse foreign host names, turn surprises into a page, put the security headers on."""
        try:
            host = request.url.hostname or ""
            if self.options.hosts is not None and host not in self.options.hosts:
                # A page bound to loopback answers only to loopback names: a web page elsewhere
                # that points its own name at 127.0.0.1 must not read the month.
                response = self.error(request, 400, _unknown_host(host))
            else:
                response = await call_next(request)
        except Exception:  # noqa: BLE001 - the last resort: a person gets a page, the log the traceback
            _log.exception("%s failed", request.url.path)
            response = self.error(request, 500, _surprise())
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.url.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def domain_error(self, request: Request, error: Exception) -> Response:
        """An error meant for people, as a page or as the contract's JSON."""
        assert isinstance(error, FundpoolError)
        if error.code == LOG_IN_NEEDED and not _is_api(request):
            here = f"{request.url.path}?{request.url.query}".removesuffix("?")
            query = f"?{urlencode({'next': here})}" if request.method == "GET" and here != "/" else ""
            return RedirectResponse(f"/login{query}", 303)
        return self.error(request, _http_status(error), error)

    def http_error(self, request: Request, error: Exception) -> Response:
        """No such page, or a method that its address does not take."""
        assert isinstance(error, HTTPException)
        answer = self.error(request, error.status_code, _no_page(error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    def place(
        self, request: Request, extra: Mapping[str, str] | None = None, *, county: str | None = None
    ) -> Place:
        """The city, month and moment of the address; by default the first city with data, its latest month, now.

        ``county``: whose page it is. Raises RuleViolation ``other_place`` where the account may not read it.
        """
        # The clock is read here and nowhere else: everything on a page is of one moment.
        as_of = request.query_params.get("as_of") or None
        now = self.clock()
        moment = (
            Moment(now, self.options.only_known_then)
            if as_of is None
            else Moment(business_clock(as_of), only_known_then=True)
        )
        if self.options.only_past() and moment.at > now:
            raise InputError(
                "as_of_in_future",
                f"{as_of} 尚未到来，只能查看过去",
                f"{as_of} has not come yet: pages are of the past or of now",
                remedy="改正 as_of / correct as_of",
            )
        account: Account | None = request.state.account
        cities = {each.key: each for each in self.cities(request)}
        kept = [key for key in cities if self.reader.months(key, Moment(moment.at))]
        city = request.query_params.get("city")
        if account is not None:
            account.require_place(city or account.city, county)
        if city is None:
            city = next(iter(kept or cities), "")
        if city not in cities:
            raise InputError(
                "unknown_city",
                f"没有名为“{city}”的统筹地区",
                f"no city is called “{city}”",
                remedy="可选 / choose one of: " + ", ".join(cities),
            )
        months = self.reader.months(city, moment)
        month = _month(request.query_params.get("month"), months, moment)
        return Place(
            request.url.path,
            cities[city],
            month,
            moment=moment,
            as_of=as_of,
            extra=extra or {},
            cities=tuple(each for key, each in cities.items() if key == city or not kept or key in kept),
            months=tuple(_offered(month, months, moment)),
        )

    def require_unit(self, place: Place, code: str) -> None:
        """Raise InputError ``unknown_county`` unless the city's register has the county."""
        if code not in {unit.code for unit in place.city.units}:
            raise InputError(
                "unknown_county",
                f"{place.city.name_zh}没有代码为 {code} 的县（市、区）",
                f"{place.city.name_en} has no county with code {code}",
                remedy="从看板选择县（市、区） / choose a county on the board",
            )

    def cities(self, request: Request) -> list[CityPolicy]:
        """The cities that the account may read."""
        account: Account | None = request.state.account
        own = None if account is None else account.city
        return [city for city in self.reader.cities() if own in {None, city.key}]

    def language(self, request: Request) -> Language:
        """The language that the reader chose."""
        known = languages()
        for key in (request.query_params.get("lang"), request.cookies.get("lang")):
            if key is not None and key in known:
                return known[key]
        return known[DEFAULT_LANGUAGE]

    def page(
        self, request: Request, template: str, place: Place | None, *, status_code: int = 200, **context: Any
    ) -> Response:
        language = self.language(request)
        account: Account | None = getattr(request.state, "account", None)
        html = (
            self.environments[language.key]
            .get_template(template)
            .render(
                language=language,
                languages=languages(),
                place=place,
                account=account,
                reads_city=account is None or account.may(Right.READ_CITY),
                may=lambda right: account is None or account.may(Right(right)),
                csrf_field=lambda: _csrf_field(request),
                options=self.options,
                home=tasks.home_of(account),
                other_language_url=_other_language_url(request, language, place),
                **context,
            )
        )
        response = HTMLResponse(html, status_code)
        if request.query_params.get("lang") in languages():
            response.set_cookie("lang", language.key, max_age=365 * 86400, httponly=True, samesite="lax")
        return response

    def error(self, request: Request, status_code: int, error: FundpoolError) -> Response:
        """An error as a page, or to a program as the contract's JSON."""
        if _is_api(request):
            headers = {"WWW-Authenticate": "Bearer"} if status_code == 401 else None
            return JSONResponse({"error": error_document(error)}, status_code, headers)
        return self.page(
            request, "error.html", None, status_code=status_code, error=error, status_code_shown=status_code
        )


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path == "/healthz"


def _own_address(wanted: str) -> str:
    """The address to go on to after log-in; one's tasks unless it is one of ours."""
    is_ours = (
        wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    )
    return wanted if is_ours else tasks.PATH


def _csrf_field(request: Request) -> Markup:
    """The hidden field that every form of ours bears."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(form_token(request))


def _month(text: str | None, months: Sequence[Month], moment: Moment) -> Month:
    """The month of the address; by default the latest with anything recorded, else the one of the moment."""
    if not text:
        return max(months, default=Month.of(business_day(moment.at)))
    try:
        month = Month.parse(text)
    except ValueError:
        month = None
    if month is None or month.year not in _YEARS:
        raise InputError(
            "unknown_month",
            f"“{text}”不是月份",
            f"“{text}” is not a month",
            remedy="月份写作 2026-10 / write a month as 2026-10",
        )
    return month


def _offered(shown: Month, months: Sequence[Month], moment: Moment) -> list[Month]:
    """Months to choose from, latest first: from the first one kept to the coming one, and the one shown."""
    coming = Month.of(business_day(moment.at)).plus(1)
    first, last = min(months, default=shown), max((*months, coming, shown))
    span = [
        first.plus(number) for number in range((last.year - first.year) * 12 + last.month - first.month + 1)
    ]
    return sorted({shown, *span[-_MONTHS_OFFERED:]}, reverse=True)


_MONTHS_OFFERED = 36
"""Months in the list to choose from; an earlier one is reached by its address."""


def _other_language_url(request: Request, language: Language, place: Place | None) -> str:
    other = next(key for key in languages() if key != language.key)
    query = {**request.query_params, "lang": other}
    # Beside an error of a form stands the page of the form, which is at another address than the act.
    return f"{request.url.path if place is None else place.path}?{urlencode(query)}"


_FORBIDDEN = frozenset(
    {"right_missing", "other_place", "no_accounts", "form_not_ours", "password_wrong", "provider_refused"}
)
"""Codes of errors by which somebody is kept out."""


def _http_status(error: FundpoolError) -> int:
    if error.code in {LOG_IN_NEEDED, TOKEN_NEEDED}:
        return 401
    if error.code in _FORBIDDEN:
        return 403
    if isinstance(error, ServiceUnavailable):
        return 503
    if isinstance(error, RuleViolation):
        return 409
    if isinstance(error, InputError):
        return 404 if error.code.startswith("unknown_") else 400
    return 422


def _no_page(status_code: int) -> FundpoolError:
    if status_code == 405:
        return InputError(
            "method_not_allowed",
            "这个地址不接受这种请求",
            "this address does not take such a request",
            remedy="从页面上的链接和按钮进入 / come by the links and buttons of the pages",
        )
    return InputError(
        "no_such_page",
        "没有这个页面",
        "there is no such page",
        remedy="回到看板 / go back to the board",
    )


def _unknown_host(host: str) -> FundpoolError:
    return InputError(
        "unknown_host",
        f"看板只在本机打开，不以“{host}”为名应答",
        f"the dashboard is open on this machine only and does not answer to “{host}”",
        remedy="用 fundpool serve --host 指定监听地址 / name the address with fundpool serve --host",
    )


def _surprise() -> FundpoolError:
    return FundpoolError(
        "internal",
        "页面没有做成，原因已记入服务日志",
        "the page could not be made; the reason is in the server's log",
        remedy="稍后重试；仍不行请把时间告诉管理员 / try again, or tell the administrator the time",
    )
