"""A county's desk: the forms to fill, filing with the verdict at once, what was filed before, money and balances."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from fundpool.adapters.documents.file_names import shown_name
from fundpool.adapters.documents.parser_process import with_members
from fundpool.adapters.documents.raw_files import source_from
from fundpool.adapters.documents.workbooks import template_workbook
from fundpool.console.dashboard.door import Route
from fundpool.domain.accounts import Account
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.periods import FIRST_YEAR, LAST_YEAR, Period, Year, day_of, parse_period
from fundpool.domain.policy import require_county
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind, FileState
from fundpool.services.documents.document_kinds import DOCUMENT_OF, filed_kind, is_of, type_of
from fundpool.services.documents.intake import FileReceipt, Sending, submit
from fundpool.services.month.filing import judge_filed, month_of
from fundpool.services.month.turns import turns
from fundpool.services.oversight.progress import COUNTY
from fundpool.services.oversight.records import record_nil_return
from fundpool.services.ports.judging import Register, SourceFile
from schemas.dashboard import CountyMonth, DutyStatus, SubmissionStatus, Turn

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

PATH = "/desk/county"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Filing:
    """One document of one period as the county's desk shows it: its duty, its versions, what may be done."""

    document: DocumentKind
    period: Period
    duty: DutyStatus | None
    turn: Turn | None
    """The county's turn to file it; None where it is not."""
    versions: tuple[SubmissionStatus, ...]
    """The last one first."""

    @property
    def what(self) -> str:
        """Names it in addresses and forms."""
        return f"{self.document}:{self.period}"

    @property
    def is_to_file(self) -> bool:
        return self.turn is not None

    @property
    def is_nil(self) -> bool:
        return self.duty is not None and self.duty.state == "nil"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was not done, shown beside the form it came from."""

    what: str
    errors: tuple[FundpoolError, ...]


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The desk, its forms and its acts."""
    return (
        Route(PATH, Right.READ_COUNTY, partial(desk, pages)),
        Route(f"{PATH}/template", Right.READ_COUNTY, partial(template, pages)),
        Route(f"{PATH}/file", Right.FILE, partial(file, pages), "POST"),
        Route(f"{PATH}/nil", Right.FILE, partial(declare_nil, pages), "POST"),
    )


def desk(pages: "Pages", request: Request) -> Response:
    """What the county has to file, has filed, and was paid; the choice of a county for those of the city."""
    place, county = _at(pages, request)
    if county is None:
        return pages.page(request, "county_choice.html", place, month_matters=False, path=PATH)
    return _desk(pages, request, place, county=county)


def template(pages: "Pages", request: Request) -> Response:
    """The blank form of a document and period, for the county (``fundpool template``)."""
    place, county = _at(pages, request, must_name=True)
    document, period = _named(request.query_params.get("what", ""))
    policy = place.city
    register = Register.of(policy.register, policy.funds, policy.name_zh)
    unit = register.by_code(county or "")
    assert unit is not None
    content = template_workbook(
        document.value, policy.name_zh, counties=[unit], month=period, funds=register.funds
    )
    name = quote(f"{period}-{document}-{unit.code}-{unit.name_zh}.xlsx")
    return Response(
        content,
        media_type=XLSX,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def file(pages: "Pages", request: Request) -> Response:
    """Take in the files, judge them, and lead to their verdict (``fundpool submit`` and the collecting step)."""
    place, county = _at(pages, request, must_name=True)
    assert county is not None
    form = request.state.form
    document, period = _named(str(form.get("what") or ""))
    what, now = f"{document}:{period}", pages.clock()
    account: Account = request.state.account
    sending = Sending(
        city=place.city.key,
        document=document,
        received_at=now,
        received_from=account.name,
        county=county,
        month=period,
    )
    receipts, errors = take_in(pages, form.getlist("files"), sending, now=now)
    if errors:
        refused = Refused(what, tuple(errors))
        return _desk(
            pages, request, place, county=county, refused=refused, receipts=_numbers(receipts), status=400
        )
    done = {"done": ",".join(map(str, _numbers(receipts)))}
    again = {"again": "1"} if all(each.is_repeat for each in receipts) else {}
    return RedirectResponse(_address(place, county, period=period, **done, **again) + f"#{what}", 303)


def take_in(
    pages: "Pages", uploads: Iterable[object], sending: Sending, *, now: datetime
) -> tuple[tuple[FileReceipt, ...], list[FundpoolError]]:
    """Receive, read and judge what was sent: the receipts, and why something was not taken in or not judged."""
    sources, errors = _sources(uploads)
    if not sources and not errors:
        none = InputError(
            "no_file",
            "没有选择文件",
            "no file was chosen",
            remedy="先选择填好的文件 / choose the filled-in file",
        )
        return (), [none]
    ports = pages.reader.ports
    receipts = submit(ports, sources, sending, now=now) if sources else ()
    errors += [each.error for each in receipts if each.error is not None]
    try:
        judge_filed(ports, receipts, sending, now=now, is_played=pages.options.only_known_then)
    except FundpoolError as error:  # what was received stands; the daily tick judges it
        errors.append(error)
    return receipts, errors


def declare_nil(pages: "Pages", request: Request) -> Response:
    """Record that the county has nothing to file (``fundpool nil-return add``)."""
    place, county = _at(pages, request, must_name=True)
    assert county is not None
    form, now = request.state.form, pages.clock()
    document, period = _named(str(form.get("what") or ""))
    what = f"{document}:{period}"
    try:
        record_nil_return(
            pages.reader.ports,
            city=place.city.key,
            month=period,
            document=document,
            county=county,
            reason=str(form.get("reason") or ""),
            by=request.state.account.name,
            received_at=now,
            now=now,
        )
    except InputError as error:
        return _desk(pages, request, place, county=county, refused=Refused(what, (error,)), status=400)
    return RedirectResponse(_address(place, county, period=period, nil=what) + f"#{what}", 303)


def _at(pages: "Pages", request: Request, *, must_name: bool = False) -> tuple["Place", str | None]:
    """Where the reader is, and whose desk it is: the account's own county's, or the one named.

    Raises RuleViolation ``other_place`` for a county that is not the account's, InputError for one that nobody knows.
    """
    account: Account | None = request.state.account
    own = None if account is None else account.county
    county = request.query_params.get("county") or own
    place = pages.place(request, {} if county in {None, own} else {"county": county}, county=county)
    if county is not None:
        require_county(place.city, county)
    elif must_name:
        raise InputError(
            "county_missing",
            "没有指明县（市、区）",
            "no county is named",
            remedy="先选择县（市、区） / choose the county first",
        )
    return place, county


def _named(what: str) -> tuple[DocumentKind, Period]:
    """The document and period of a form, ``plan:2026-10``. Raises InputError."""
    document, _, period = what.partition(":")
    kind = filed_kind(document)
    try:
        when = parse_period(period)
    except ValueError:
        when = None
    if when is None or not is_of(kind, when) or not FIRST_YEAR <= when.year <= LAST_YEAR:
        raise InputError(
            "bad_period",
            f"“{period}”不是{type_of(kind).zh}的所属期",
            f"“{period}” is no period of the {type_of(kind).en}",
            remedy="从本县填报页面提交 / send the form of the county's desk",
        )
    return kind, when


def _sources(uploads: Iterable[object]) -> tuple[list[SourceFile], list[FundpoolError]]:
    """The files that were sent, the members of a zip among them; what is too large is not read."""
    sources: list[SourceFile] = []
    unopened: list[FundpoolError] = []
    for upload in uploads:
        if isinstance(upload, UploadFile) and upload.filename:  # a field left empty has no name
            name = shown_name(upload.filename.replace("\\", "/").rpartition("/")[2])
            try:
                sources.append(source_from(upload.file, name, upload.size or 0))
            except InputError as error:
                unopened.append(error)
    return with_members(sources), unopened


def _numbers(receipts: Sequence[FileReceipt]) -> list[int]:
    """The numbers of the receipts of what was read."""
    return [
        receipt.versions[0].submission.file_id
        for receipt in receipts
        if receipt.state is FileState.READ and receipt.versions
    ]


def _address(place: "Place", county: str, *, period: Period, **more: str) -> str:
    return place.url(PATH, county=county, month=str(month_of(period)), **more)


def _desk(
    pages: "Pages",
    request: Request,
    place: "Place",
    *,
    county: str,
    refused: Refused | None = None,
    receipts: Sequence[int] = (),
    status: int = 200,
) -> Response:
    ports, city = pages.reader.ports, place.city.key
    place = replace(place, path=PATH)  # an act that was refused shows this page at its own address
    own = [
        turn
        for turn in turns(ports, [city], now=place.moment.at)
        if (turn.turn, turn.unit) == (COUNTY, county) and place.as_of is None  # nobody files in the past
    ]
    months = {place.month} | {month_of(parse_period(turn.month)) for turn in own if turn.month is not None}
    read = {month: pages.reader.county(city, month, county, moment=place.moment) for month in sorted(months)}
    done = request.query_params.get("done", "")
    numbers = list(receipts) or [int(number) for number in done.split(",") if number.isdecimal()]
    filings = _filings(own, [each.month for each in read.values()])
    account: Account | None = request.state.account
    return pages.page(
        request,
        "county_desk.html",
        place,
        status_code=status,
        unit=county,
        today=day_of(place.moment.at),
        filings=filings,
        receipts=numbers,
        again=request.query_params.get("again") == "1",
        nil_recorded=request.query_params.get("nil"),
        refused=refused,
        may_file=account is not None and account.may(Right.FILE) and place.as_of is None,
        others=_others(place, filings),
        county=read[place.month].month,
        books=read[place.month].books,
    )


def _filings(own: Sequence[Turn], months: Sequence[CountyMonth]) -> list[Filing]:
    """What the county has to file or has filed in the months, what waits for it first."""
    versions: dict[tuple[DocumentKind, Period], dict[int, SubmissionStatus]] = {}
    duties: dict[tuple[DocumentKind, Period], DutyStatus] = {}
    for month in months:
        for duty in month.duties:
            if duty.key in DOCUMENT_OF:
                duties.setdefault((DOCUMENT_OF[duty.key], parse_period(duty.period)), duty)
        for version in month.submissions:
            place = (DocumentKind(version.document), parse_period(version.period or month.month))
            versions.setdefault(place, {})[version.version] = version
    to_file = {(document_of(turn), parse_period(turn.month)): turn for turn in own if turn.month is not None}
    found = [
        Filing(
            document,
            period,
            duties.get((document, period)),
            to_file.get((document, period)),
            tuple(reversed(versions.get((document, period), {}).values())),
        )
        for document, period in dict.fromkeys([*to_file, *duties, *versions])
    ]
    return sorted(found, key=lambda filing: (not filing.is_to_file, _last_day(filing), filing.what))


def _last_day(filing: Filing) -> str:
    known = filing.turn or filing.duty
    day = known and (known.act_by or known.due)
    return "9" if day is None else str(day)


def document_of(turn: Turn) -> DocumentKind:
    """The document that the turn's command files."""
    words = turn.command.split()
    return DocumentKind(words[words.index("--document") + 1])


def _others(place: "Place", filings: Sequence[Filing]) -> list[tuple[DocumentKind, Period]]:
    """Documents that may be filed although nobody waits for them: of the month, its fund year and the next."""
    shown = {(filing.document, filing.period) for filing in filings}
    year = Year(place.month.year)
    return [
        (document, period)
        for document in DocumentKind
        for period in (place.month, year, year.plus(1))
        if is_of(document, period) and (document, period) not in shown
    ]
