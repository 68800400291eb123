"""The API for other programs of an agency: the documents of the commands' ``--json``, by the rights of the pages.

A program comes in with a token of an account (``services/users/tokens.py``) and has that account's rights. It may read
and file; whatever decides or moves money takes a person at a page, most of it two of them.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response, Security, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool

from fundpool.console.commands.ledger import balances_document
from fundpool.console.commands.report import paper_document
from fundpool.console.commands.submit import receipt_document
from fundpool.console.commands.transfers import payment_document
from fundpool.console.dashboard.desks.county import take_in
from fundpool.console.dashboard.door import Access, Door
from fundpool.console.dashboard.reading import Moment
from fundpool.console.options import period_of
from fundpool.console.output import error_document
from fundpool.domain.accounts import Account
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import InputError
from fundpool.domain.periods import parse_period
from fundpool.domain.policy import require_county
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind
from fundpool.services.books import booking
from fundpool.services.documents.document_kinds import filed_kind
from fundpool.services.documents.intake import FileReceipt, Sending
from fundpool.services.documents.review import cases_of, record_of
from fundpool.services.month.filing import month_of
from fundpool.services.month.turns import turns
from fundpool.services.oversight.papers import papers_of
from fundpool.services.oversight.status import receipts_of
from fundpool.services.payments.transfer_views import transfer_views
from schemas import api as documents
from schemas.dashboard import CountyMonth, Due, MonthStatus, Receipts

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place
    from fundpool.services.ports.work import MonthPorts

_MONTH, _YEAR, _UNIT = r"20[0-9]{2}-(0[1-9]|1[0-2])", r"20[0-9]{2}", r"[0-9A-Za-z_-]{1,32}"

_ERRORS = (400, 401, 403, 404, 409, 422, 503)

_BEARER = HTTPBearer(
    scheme_name="token", auto_error=False, description="令牌：fundpool users token / a token of an account"
)


class OfCity(BaseModel):
    """Which city."""

    model_config = ConfigDict(extra="forbid")

    city: str | SkipJsonSchema[None] = Field(
        None,
        description="城市，如 taizhou；缺省为账户所属或有记录的第一个 / default: the account's, or the first with data",
    )


class OfMonth(OfCity):
    """Which city and month."""

    month: Annotated[str, Field(pattern=f"^{_MONTH}$")] | SkipJsonSchema[None] = Field(
        None,
        description="月份 YYYY-MM，缺省为有记录的最近一月 / month; by default the latest with anything recorded",
    )


class AtMoment(BaseModel):
    """As of when."""

    as_of: str | SkipJsonSchema[None] = Field(
        None, description="业务时点：只用当时已知的 / a past date or moment: what was known then"
    )


class OfCityThen(OfCity, AtMoment):
    """Which city, as it was known when."""


class OfMonthThen(OfMonth, AtMoment):
    """Which city and month, as they were known when."""


class OfPeriod(OfCity):
    """Which city, and which month or fund year."""

    period: str = Field(
        pattern=f"^({_MONTH}|{_YEAR})$", description="月份 YYYY-MM 或年度 YYYY / a month or a fund year"
    )


class OfPapers(OfMonth):
    """Whose papers."""

    county: Annotated[str, Field(pattern=f"^{_UNIT}$")] | SkipJsonSchema[None] = Field(
        None,
        description="县区代码：城市的文书与该县区的 / a county: the city's papers and that county's",
    )


class OfFiling(OfCity):
    """What is filed."""

    document: DocumentKind = Field(description="表种 / kind of document")
    period: Annotated[str, Field(pattern=f"^({_MONTH}|{_YEAR})$")] | SkipJsonSchema[None] = Field(
        None, description="月份或年度，须与文件一致 / month or year, must agree with the file"
    )
    county: Annotated[str, Field(pattern=f"^{_UNIT}$")] | SkipJsonSchema[None] = Field(
        None, description="县区代码，须与文件一致 / code of the county, must agree with the file"
    )


@dataclass(frozen=True)
class Operation:
    """What a program may ask for: where, by which right, the document that is answered."""

    path: str
    needs: Right
    answer: Callable[..., object]
    document: Any
    method: str = "GET"


def add_api(app: FastAPI, pages: "Pages") -> None:
    """Add the API's routes, and what describes them."""
    for each in Api(pages).operations():
        app.router.add_api_route(
            each.path,
            each.answer,
            methods=[each.method],
            response_model=each.document,
            responses=_errors(each),
            dependencies=[Security(_BEARER)],
            operation_id=each.answer.__name__,
            openapi_extra={"x-right": each.needs.value},
            route_class_override=_admitting(pages.door, each.needs),
        )
    app.router.add_api_route(
        "/api/openapi.json",
        lambda: JSONResponse(app.openapi()),
        include_in_schema=False,
        route_class_override=_admitting(pages.door, Access.LOGGED_IN),
    )

    def bad_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return pages.error(request, 422, _bad_request(error))

    app.add_exception_handler(RequestValidationError, bad_request)


def _errors(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """What is answered instead of the document, by status; a filing that went wrong in part has its document."""
    of_filing = documents.Filed | documents.ErrorAnswer
    return {
        status: {"model": of_filing if (status, operation.method) == (400, "POST") else documents.ErrorAnswer}
        for status in _ERRORS
    }


def _admitting(door: Door, needs: Right | Access) -> type[APIRoute]:
    """Routes that look at the right before anything of the request is read, a body above all."""

    class Admitting(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def admit_and_answer(request: Request) -> Response:
                await run_in_threadpool(door.admit_program, request, needs)
                return await answer(request)

            return admit_and_answer

    return Admitting


def _bad_request(error: RequestValidationError) -> InputError:
    found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return InputError(
        "bad_request",
        f"请求不符合接口说明：{found}",
        f"the request is not as the API describes it: {found}",
        remedy="/api/openapi.json (docs/api.md)",
    )


class Api:
    """What the API answers, each as a command prints it with ``--json``."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages
        self._reader = pages.reader

    @property
    def _ports(self) -> "MonthPorts":
        return self._reader.ports

    def operations(self) -> tuple[Operation, ...]:
        """Every operation with the right that it needs."""
        return (
            Operation("/api/status", Right.READ_CITY, self.status, MonthStatus),
            Operation("/api/counties", Right.READ_COUNTY, self.counties, documents.Counties),
            Operation("/api/counties/{county}", Right.READ_COUNTY, self.county, CountyMonth),
            Operation("/api/due", Right.READ_COUNTY, self.due, list[Due]),
            Operation("/api/next", Right.READ_CITY, self.next, documents.Turns),
            Operation("/api/receipts", Right.READ_CITY, self.receipts, Receipts),
            Operation("/api/cases", Right.READ_CITY, self.cases, documents.Cases),
            Operation("/api/transfers", Right.READ_CITY, self.transfers, documents.Payments),
            Operation("/api/balances", Right.READ_CITY, self.balances, documents.Balances),
            Operation("/api/papers", Right.READ_CITY, self.papers, documents.Papers),
            Operation("/api/filings", Right.FILE, self.file, documents.Filed, "POST"),
        )

    # Plain functions: they run in a thread, where a database may be waited for.

    def status(self, request: Request, query: Annotated[OfMonthThen, Query()]) -> MonthStatus:
        """当月各环节、各县区的进度与问题 / Where the month stands: duties, steps, transfers, findings (`flags`).

        The document of `fundpool status --json`.
        """
        place = self._pages.place(request)
        return self._reader.status(place.city.key, place.month, place.moment)

    def counties(self, request: Request, query: Annotated[OfCity, Query()]) -> documents.Counties:
        """城市的险种与县区 / The funds and counties of a city; to a county's account its own county."""
        own = _own_county(request)
        city = self._pages.place(request, county=own).city
        return documents.Counties(
            city=city.key,
            name_zh=city.name_zh,
            name_en=city.name_en,
            funds=tuple(fund.key for fund in city.funds),
            counties=tuple(
                documents.County(county=unit.code, name_zh=unit.name_zh, name_en=unit.name_en)
                for unit in city.units
                if own in {None, unit.code}
            ),
        )

    def county(
        self,
        request: Request,
        county: Annotated[str, Path(pattern=f"^{_UNIT}$")],
        query: Annotated[OfMonthThen, Query()],
    ) -> CountyMonth:
        """一个县区的当月 / A county's month: duties, files with their verdicts and findings, cases, transfers."""
        place = self._pages.place(request, county=county)
        require_county(place.city, county)
        return self._reader.county(place.city.key, place.month, county, moment=place.moment).month

    def due(self, request: Request, query: Annotated[OfPeriod, Query()]) -> list[dict[str, object]]:
        """期限 / Who must do what by when, of a month or a fund year: `fundpool due --json`."""
        city = self._pages.place(request, county=_own_county(request)).city
        duties = duties_of(city, parse_period(query.period), self._ports.calendar)
        return [duty.to_json() for duty in duties]

    def next(self, request: Request, query: Annotated[OfMonth, Query()]) -> dict[str, object]:
        """轮到谁 / Whose turn it is, of the month, without it of every open one: `fundpool next --json`."""
        place = self._pages.place(request)
        month = None if query.month is None else place.month
        found = turns(self._ports, [place.city.key], month=month, now=place.moment.at)
        return {"cities": [place.city.key], "as_of": place.moment.at, "turns": found}

    def receipts(self, request: Request, query: Annotated[OfMonth, Query()]) -> Receipts:
        """到账与收件清单 / What came in, money and files: `fundpool receipts --json`."""
        place = self._pages.place(request)
        return receipts_of(self._ports, place.city.key, place.month)

    def cases(self, request: Request, query: Annotated[OfMonth, Query()]) -> dict[str, object]:
        """审核事项 / The review cases: `fundpool review list --json`."""
        place = self._pages.place(request)
        found = cases_of(self._ports, place.city.key, place.month)
        return _of_place(place, cases=[record_of(case) for case in found])

    def transfers(self, request: Request, query: Annotated[OfMonth, Query()]) -> dict[str, object]:
        """拨付款项 / The payments of the month: `fundpool transfers list --json`."""
        place = self._pages.place(request)
        found = self._ports.database.read(lambda work: transfer_views(work, place.city.key, place.month))
        return {"transfers": [payment_document(view) for view in found]}

    def balances(self, request: Request, query: Annotated[OfCityThen, Query()]) -> dict[str, Any]:
        """账户余额 / Balances of every account of the books: `fundpool ledger balances --json`."""
        place = self._pages.place(request)
        until = place.moment.known_until
        return balances_document(
            self._ports.database.read(
                lambda work: booking.balances(work, place.city.key, event_until=until, recorded_until=until)
            )
        )

    def papers(self, request: Request, query: Annotated[OfPapers, Query()]) -> dict[str, object]:
        """文书 / The papers of the month that can be written, with their numbers: `fundpool report papers --json`."""
        place = self._pages.place(request)
        found = papers_of(
            self._ports, city=place.city.key, month=place.month, unit=query.county, now=place.moment.at
        )
        return _of_place(place, papers=[paper_document(known) for known in found])

    def file(
        self,
        request: Request,
        *,
        response: Response,
        query: Annotated[OfFiling, Query()],
        file: UploadFile,
    ) -> dict[str, object]:
        """报送一份文件，当即校验 / File a workbook (or a zip of them): its receipt, verdict and findings at once.

        The document of `fundpool submit --json`, with the verdicts. The account is who filed it. The same file
        again is no second version: `repeated`. 400 where a file was not taken in or not judged: `error` says why
        of the first, what has a receipt stands.
        """
        county, now = query.county or _own_county(request), self._pages.clock()
        place = self._pages.place(request, county=county)
        account: Account = request.state.account
        kind = filed_kind(query.document)
        sending = Sending(
            city=place.city.key,
            document=kind,
            received_at=now,
            received_from=account.name,
            county=county,
            month=None if query.period is None else period_of(query.period, kind),
        )
        receipts, errors = take_in(self._pages, [file], sending, now=now)
        response.status_code = 400 if errors else 200
        return {
            "city": place.city.key,
            "files": [receipt_document(receipt) for receipt in receipts],
            "verdicts": list(self._verdicts(place, receipts)),
            "error": error_document(errors[0]) if errors else None,
        }

    def _verdicts(self, place: "Place", receipts: Iterable[FileReceipt]) -> Iterator[documents.Verdict]:
        """The versions that the files brought, as they were judged."""
        now = Moment(self._pages.clock())
        for version in (each.submission for receipt in receipts for each in receipt.versions):
            read = self._reader.county(place.city.key, month_of(version.month), version.county, moment=now)
            wanted = (version.document, str(version.month), version.version)
            for each in read.month.submissions:
                if (each.document, each.period, each.version) == wanted:
                    yield documents.Verdict.of(each, county=version.county)


def _own_county(request: Request) -> str | None:
    """The county of a county's account."""
    account: Account | None = request.state.account
    return None if account is None else account.county


def _of_place(place: "Place", **document: object) -> dict[str, object]:
    return {"city": place.city.key, "month": str(place.month), **document}
