"""Options that many commands share, with the ports they open and the printing of the result."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypedDict, TypeVar

from cyclopts import Parameter

from fundpool.clock import business_clock
from fundpool.configuration import configured_path
from fundpool.console.language import choose
from fundpool.console.output import Table, show
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.money import parse_yuan
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.periods import FIRST_YEAR, LAST_YEAR, Month, Period, Year, parse_month

if TYPE_CHECKING:
    from fundpool.domain.submission import DocumentKind
    from fundpool.services.payments.installation import BackDating
    from fundpool.services.ports.work import MonthPorts, Work
    from fundpool.settings import Settings
    from schemas.documents.base import DocumentType

P = ParamSpec("P")
T = TypeVar("T")

City = Annotated[str, Parameter(name="--city", help="城市，如 taizhou / key of the city, such as taizhou")]
AnyCity = Annotated[
    str | None, Parameter(name="--city", help="城市，如 taizhou / key of the city, such as taizhou")
]
MonthText = Annotated[
    str,
    Parameter(
        name="--month", help="款项或报表所属月份 YYYY-MM / month the money or the report is for, YYYY-MM"
    ),
]
AnyMonthText = Annotated[
    str | None,
    Parameter(
        name="--month", help="款项或报表所属月份 YYYY-MM / month the money or the report is for, YYYY-MM"
    ),
]
Document = Annotated[
    str, Parameter(name="--document", help="表种：plan、report… / kind of document: plan, report, …")
]
AnyPeriodText = Annotated[
    str | None,
    Parameter(
        name=("--month", "--year"),
        help="所属月份 YYYY-MM，年度表写年度 YYYY；缺省为在办的月份 / the month, or the year of a yearly document; default the "
        "open month",
    ),
]
PeriodText = Annotated[
    str,
    Parameter(
        name=("--month", "--year"),
        help="所属月份 YYYY-MM，年度表写年度 YYYY / the month, or the year of a yearly document",
    ),
]
County = Annotated[str, Parameter(name="--county", help="县区代码 / county code")]
_Counties = Parameter(
    name="--county", help="县区代码，可多次或以逗号分隔 / county codes, repeated or separated by commas"
)
Counties = Annotated[list[str] | None, _Counties]
GivenCounties = Annotated[list[str], _Counties]
AnyCounty = Annotated[str | None, Parameter(name="--county", help="县区代码 / county code")]
Fund = Annotated[
    str, Parameter(name="--fund", help="险种，如 employee / key of the scheme, such as employee")
]
AnyFund = Annotated[
    str | None, Parameter(name="--fund", help="险种，如 employee / key of the scheme, such as employee")
]
BreakNumber = Annotated[
    int, Parameter(help="差异序号，见 transfers breaks / number of the break, see transfers breaks")
]
By = Annotated[str, Parameter(name="--by", help="办理人 / the person who acts")]
Reason = Annotated[str, Parameter(name="--reason", help="理由 / reason")]
AnyReason = Annotated[str | None, Parameter(name="--reason", help="理由 / reason")]
AsOf = Annotated[
    str | None, Parameter(name="--as-of", help="业务时间，日期或时刻 / business clock, DATE or DATETIME")
]
PolicyDir = Annotated[
    Path | None, Parameter(name="--policy-dir", help="政策文件目录 / folder of policy files")
]
Json = Annotated[bool, Parameter(name="--json", help="输出 JSON / one JSON document", negative="")]


BackDatedBy = Annotated[
    str | None, Parameter(name="--approver", help="补登收件的批准人 / who approved a receipt dated back")
]
BackDatedUnder = Annotated[
    str | None,
    Parameter(name="--document-number", help="补登收件的文号 / document under which a receipt is dated back"),
]


def back_dating_of(
    reason: str | None, document_number: str | None, approver: str | None
) -> "BackDating | None":
    """On what grounds a receipt is dated back; None when neither document nor approver is named."""
    from fundpool.services.payments.installation import BackDating

    if document_number is None and approver is None:
        return None
    return BackDating(reason or "", document_number or "", approver or "")


@cache
def _warn_of_unknown_variables() -> None:
    """Once per process."""
    from fundpool.settings import unknown_variables

    for trouble in unknown_variables():
        print(choose(trouble.zh, trouble.en), file=sys.stderr)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of every command that reads the law and prints a result."""

    policy_dir: PolicyDir = None
    json: Json = False

    @property
    def policy_folder(self) -> Path:
        """The folder of policy files: the option, else what ``Settings.policy_dir`` says.

        Reads the variable and the configuration file itself: `due`, `compute` and `policy` need no other
        setting, and to load pydantic-settings takes as long as their own work. A test compares the two.
        """
        from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES

        return self.policy_dir or configured_path("policy_dir") or PRODUCT_POLICIES

    @property
    def settings(self) -> "Settings":
        """The settings, with the policy folder of the command line when given."""
        from fundpool.settings import Settings

        _warn_of_unknown_variables()
        settings = Settings()
        return (
            settings
            if self.policy_dir is None
            else settings.model_copy(update={"policy_dir": self.policy_dir})
        )

    def ports(self) -> "MonthPorts":
        """The ports of this installation; nothing is opened before it is used."""
        # Alembic, SQLAlchemy and the policy files are not needed to print help.
        from fundpool.bootstrap import build_ports

        return build_ports(self.settings)

    def open_month(self) -> "MonthPorts":
        """The ports of this installation. Raises ServiceUnavailable when its database is not there."""
        from fundpool.bootstrap import open_ports

        return open_ports(self.settings)

    def require_set_up(self) -> None:
        """Raise FundpoolError where there is no installation; a service waits for a database that is only away."""
        try:
            self.open_month()
        except ServiceUnavailable as away:
            if away.code == "database_not_set_up":
                raise

    def city_of(self, city: str | None) -> str:
        """The city of the command line, else the one that runs here. Raises InputError where several do."""
        from fundpool.services.month.choosing import the_city

        return the_city(self.open_month()) if city is None else city

    def place_of(
        self, city: str | None, month: str | None, *, now: datetime | None = None, decides: bool = False
    ) -> tuple[str, Month]:
        """City and month of the command line, else those that the work stands at.

        For an act that ``decides`` something or moves money only what cannot be mistaken. Raises InputError.
        """
        from fundpool.services.month.choosing import the_month

        named = None if month is None else parse_month(month)
        key = self.city_of(city)
        if named is not None:
            return key, named
        when = now or business_clock(None)
        return key, the_month(self.open_month(), key, decides=decides, now=when)

    def period_of(
        self, city: str | None, period: str | None, *, now: datetime | None = None
    ) -> "tuple[str, Period]":
        """As ``place_of``, where a year may be named."""
        return (
            self.place_of(city, None, now=now)
            if period is None
            else (self.city_of(city), parse_period(period))
        )

    def require_known(self, city: str | None, fund: str | None = None, unit: str | None = None) -> None:
        """Raise InputError for a city, fund or unit that is in no policy file: no empty answer to a typing error."""
        self.ports().policies.require_known(city, fund, unit)

    def read(self, query: "Callable[Concatenate[Work, P], T]", *args: P.args, **named: P.kwargs) -> T:
        """What a query finds in one snapshot of the database."""
        return self.ports().database.read(lambda work: query(work, *args, **named))

    def change(self, act: "Callable[Concatenate[Work, P], T]", *args: P.args, **named: P.kwargs) -> T:
        """What an act returns; it changes the database in one transaction, or not at all."""
        return self.ports().database.transaction(lambda work: act(work, *args, **named))

    def show(self, document: Any, *parts: Table | str, found: bool = False) -> int:
        """Print the result; the exit status: 1 when something was ``found`` that a person must look at."""
        show(document, *parts, as_json=self.json)
        return 1 if found else 0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Dated(Options):
    """Options of a command that looks at the clock."""

    as_of: AsOf = None

    @property
    def now(self) -> datetime:
        """The business clock.

        Raises InputError when ``--as-of`` is neither a date nor a moment, or given to a real installation.
        """
        return played_clock(self.settings, self.as_of)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Act(Dated):
    """Options of a command by which a person acts."""

    by: By


class MonthAct(TypedDict):
    """Arguments that every act on a city's month takes: which month, by whom and when."""

    city: str
    month: Month
    by: str
    now: datetime


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ActOnMonth(Act):
    """Options of an act on a city's month; without them the one city's one open month."""

    city: AnyCity = None
    month: AnyMonthText = None

    @property
    def about(self) -> MonthAct:
        """The service's arguments. Raises InputError for what is no month, or could be several."""
        city, month = self.place_of(self.city, self.month, now=self.now, decides=True)
        return {"city": city, "month": month, "by": self.by, "now": self.now}

    def request(self, about: MonthAct) -> StepRequest:
        """The steps of the act's month, wanted by its person."""
        return StepRequest(
            about["city"], about["month"], about["now"], by=about["by"], is_played=self.as_of is not None
        )

    def chosen(self, about: MonthAct) -> dict[str, str]:
        """City and month for the answer, where the command line left one of them out."""
        return chosen((about["city"], about["month"]), self.city, self.month)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ActOnGivenMonth(Act):
    """Options of an act on a month that must be named: it need not be an open one."""

    city: AnyCity = None
    month: MonthText

    @property
    def about(self) -> MonthAct:
        """The service's arguments. Raises InputError for what is no month."""
        city, month = self.place_of(self.city, self.month)
        return {"city": city, "month": month, "by": self.by, "now": self.now}


class DocumentAct(TypedDict):
    """Arguments that every act on a document takes: which document of which period, by whom and when."""

    city: str
    month: Period
    document: "DocumentKind"
    by: str
    now: datetime


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ActOnDocument(Act):
    """Options of an act on one kind of document of a period; a monthly one by default of the one open month."""

    city: AnyCity = None
    month: AnyPeriodText = None
    document: Document

    @property
    def about(self) -> DocumentAct:
        """The service's arguments. Raises InputError for an unknown document or a wrong period."""
        from fundpool.domain.submission import DocumentKind

        kind = DocumentKind.named(self.document)
        if self.month is not None:
            city, when = self.city_of(self.city), period_of(self.month, kind)
        else:
            city, month = self.place_of(self.city, None, now=self.now, decides=True)
            when = period_of(str(month), kind)
        return {"city": city, "month": when, "document": kind, "by": self.by, "now": self.now}

    def chosen(self, about: DocumentAct) -> dict[str, str]:
        """City and month for the answer, where the command line left one of them out."""
        return chosen((about["city"], about["month"]), self.city, self.month)


def played_clock(settings: "Settings", as_of: str | None) -> datetime:
    """The business clock of ``--as-of``; see ``Dated.now``."""
    moment = business_clock(as_of)
    if as_of is not None:
        from fundpool.bootstrap import open_books
        from fundpool.services.payments.installation import require_sandbox

        books = open_books(settings)
        books.read(lambda work: require_sandbox(work, f"--as-of {as_of}"))
        books.database.dispose()
    return moment


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Raises InputError ``result_folder`` for a missing folder, or a file or folder where the other must be.

    Raises ServiceUnavailable ``storage_unavailable`` when the disk does not take what is written.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, IsADirectoryError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        zh = f"没有目录 {out.parent}" if is_missing else f"不能写入（{error.strerror}）"
        en = f"there is no folder {out.parent}" if is_missing else f"cannot be written to ({error.strerror})"
        raise InputError(
            "result_folder",
            f"--out {out}：{zh}",
            f"--out {out}: {en}",
            remedy="给出可写的目录 / name a folder that can be written to",
        ) from error
    except OSError as error:
        raise ServiceUnavailable(
            "storage_unavailable",
            f"--out {out} 无法存盘：{error.strerror}",
            f"--out {out} cannot be kept: {error.strerror}",
            remedy="检查 --out 的目录、磁盘空间与权限 / check the folder of --out, space and rights",
        ) from error


def make_folder(out: Path) -> None:
    """Make the folder of ``--out``, and see that it takes files. Raises InputError ``result_folder``."""
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass


def parse_period(text: str) -> Period:
    """The month or year of an option. Raises InputError."""
    try:
        period = Year.parse(text)
    except ValueError:
        return parse_month(text)
    if not FIRST_YEAR <= period.year <= LAST_YEAR:
        raise InputError("bad_month", f"年度超出范围：{text}", f"the year is out of range: {text}")
    return period


def period_of(text: str, document: "DocumentKind") -> Period:
    """The period of an option for a document: a month, or of a yearly document its year. Raises InputError."""
    from fundpool.services.documents.document_kinds import type_of

    return period_of_type(text, type_of(document))


def period_of_type(text: str, kind: "DocumentType", *, month_names_year: bool = False) -> Period:
    """As ``period_of``; with ``month_names_year`` a month will do for a yearly document too."""
    period = parse_period(text)
    is_year = isinstance(period, Year)
    if is_year == (kind.period == "year") or (month_names_year and not is_year):
        return period
    raise InputError(
        "month_or_year",
        f"{kind.zh}按{'月' if is_year else '年'}报送，不是按{'年' if is_year else '月'}：{text}",
        f"the {kind.en} is filed by {'month' if is_year else 'year'}, not for {text}",
        remedy="--month YYYY-MM" if is_year else "--year YYYY",
    )


def chosen(place: "tuple[str, Period]", *given: str | None) -> dict[str, str]:
    """City and month for the answer, where a command was not ``given`` one of them; else nothing."""
    return {"city": place[0], "month": str(place[1])} if None in given else {}


def counties_in(codes: Sequence[str] | None) -> tuple[str, ...] | None:
    """County codes of a repeated option, each of which may be a list with commas; None when none is given."""
    found = [code.strip() for text in codes or () for code in text.split(",")]
    return tuple(dict.fromkeys(code for code in found if code)) or None


def parse_day(text: str, option: str) -> date:
    """The day of an option, which the message names. Raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "bad_day",
            f"{option} 的日期应写作 2026-10-09，现为 {text}",
            f"{option}: a day is written 2026-10-09, found {text}",
        ) from None


def parse_amount(text: str) -> int:
    """Fen of an amount option in yuan. Raises InputError."""
    try:
        return parse_yuan(text)
    except ValueError:
        raise InputError(
            "bad_amount",
            f"金额应写作 1234567.89（元），现为 {text}",
            f"an amount in yuan is written 1234567.89, found {text}",
        ) from None


def parse_reference(text: str) -> str:
    """The number of a paper, as registers read it. Raises InputError ``bad_reference`` when it is none.

    One paper is booked once by this text, so a character that nobody sees would book it twice.
    """
    from fundpool.adapters.documents.cell_grammar import code_points, read_reference, without_unseen

    seen, unseen = without_unseen(text)
    reference, _ = read_reference(seen.strip())
    if reference is None or unseen:
        found = code_points(unseen) if unseen else f"“{text}”"
        raise InputError(
            "bad_reference",
            f"凭据号应为凭据上的号码，不含看不见的字符，现有 {found}",
            f"a reference is the number of its paper without characters that nobody sees, found {found}",
        )
    return reference
