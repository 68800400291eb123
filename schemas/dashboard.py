"""The shapes in which a month is shown: by ``fundpool status`` and ``receipts``, by their JSON, by the dashboard and its API.

One set of models, made by ``fundpool.services.oversight``, so that no page can show what the JSON does not
say. The order of the fields is that of the JSON. Amounts are integer fen, dates ISO, moments in Shanghai's
time, unknown is null.
"""

from datetime import date, datetime
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fundpool.domain.duties import Basis
from fundpool.domain.findings import Finding, Severity
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.submission import FigureChange
from fundpool.domain.timeliness import DONE, DutyState

Moment = Annotated[
    datetime,
    AfterValidator(lambda moment: moment if moment.tzinfo is SHANGHAI else moment.astimezone(SHANGHAI)),
]


class Shape(BaseModel):
    """Base of what is shown."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, from_attributes=True)

    @classmethod
    def of(cls, *records: object, **other: object) -> Self:
        """Records of the domain as they are shown: their fields of the same name, and the ``other`` fields."""
        assert other.keys() <= _names_of(cls), other.keys() - _names_of(cls)
        own: dict[str, object] = {}
        for record in records:
            for name in _shared_names(cls, record):
                own[name] = getattr(record, name)
        return cls.model_validate(own | other)


@cache
def _names_of(shape: type[Shape]) -> frozenset[str]:
    return frozenset(shape.model_fields)


_SHARED: dict[tuple[type[Shape], type[object]], tuple[str, ...]] = {}


def _shared_names(shape: type[Shape], record: object) -> tuple[str, ...]:
    """The fields of the shape that records of this kind have: looked up once, a page shows thousands of a kind."""
    kind = shape, type(record)
    if kind not in _SHARED:
        _SHARED[kind] = tuple(name for name in shape.model_fields if hasattr(record, name))
    return _SHARED[kind]


class Due(Shape):
    """One duty of one period and its day: an item of ``fundpool due --json``. ``unit`` null means the city."""

    rule: str
    key: str = Field(alias="step")
    period: str
    actor: str
    unit: str | None = None
    nominal: date | None = None
    due: date | None = None
    act_by: date | None = None
    kind: str = "fixed"
    firmness: str = "binding"
    status: str = "confirmed"
    shift: str = "none"
    reading: str | None = None
    basis: Basis


class DutyStatus(Due):
    """One duty of one unit, and where it stands."""

    unit_name_zh: str = ""
    fund: str | None = None
    state: DutyState
    done_at: Moment | None = None
    days_late: int | None = None
    waiting_for: str | None = None
    extended_until: date | None = None
    application: int | None = None
    """The supplementary application that is paid, null for the month's own payment."""

    @property
    def last_day(self) -> date | None:
        """The last working day on which it can be done in time; None where no day is set."""
        return self.act_by or (self.due and max(self.due, self.extended_until or self.due))

    def days_left(self, today: date) -> int | None:
        """Days until the last working day to act, negative after it; None when it is done or has no day."""
        if self.state in DONE or self.last_day is None:
            return None
        return (self.last_day - today).days


class UnitOutcome(Shape):
    """Where a step stands for one unit."""

    unit: str
    state: UnitState
    detail_zh: str
    detail_en: str
    fund: str | None = None
    amount_fen: int | None = None
    error_code: str | None = None
    remedy: str | None = None


class StepStatus(Shape):
    """One operating step of the month; ``run_id`` is the Prefect flow run that last did it."""

    step: str
    state: str
    last_run_at: Moment | None = None
    run_id: str | None = None
    by: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    outcomes: tuple[UnitOutcome, ...] = ()


class TransferStatus(Shape):
    """One transfer of the month as far as it has come.

    ``state`` is the obligation's; ``attempt_state`` that of the last order to the bank, which knows
    an outcome of its own: ``unknown``. Account numbers are cut to their last digits.
    """

    obligation: str | None = None
    batch: int | None = None
    batch_state: str | None = None
    fund: str
    unit: str | None = None
    from_type: str | None = Field(default=None, alias="from")
    to_type: str | None = Field(default=None, alias="to")
    application: int | None = None
    amount_fen: int
    state: str
    settled_at: Moment | None = None
    held_reason: str | None = None
    debit_account: str | None = None
    credit_account: str | None = None
    credit_name: str | None = None
    made_by: str | None = None
    approved_by: str | None = None
    released_by: str | None = None
    attempt_no: int | None = None
    attempt_state: str | None = None
    key: str | None = None
    bank_serial: str | None = None
    executed_at: Moment | None = None
    detail_zh: str | None = None
    detail_en: str | None = None

    @property
    def shown_state(self) -> str:
        """What a person must know: an order whose outcome nobody knows is not "with the bank"."""
        if self.attempt_state in {"unknown", "anomaly"} and self.state != "settled":
            return self.attempt_state
        return self.state


class Flag(Shape):
    """Something a person must look at: late, missing, returned, inconsistent, held or unknown.

    ``unit`` null means the city; ``days`` is how late, null where none are counted. ``document`` is what was
    filed, for a flag about a file. ``basis`` is the rule it rests on: the article on the day for what is late,
    the check's own for what a check found.
    """

    kind: str
    severity: Severity = Severity.REVIEW
    duty: str | None = Field(default=None, alias="step")
    unit: str | None = None
    unit_name_zh: str = ""
    fund: str | None = None
    rule: str | None = None
    days: int | None = None
    message_zh: str
    message_en: str
    basis: Basis | None = None
    remedy: str | None = None
    sheet: str | None = None
    cell: str | None = None
    found: str | None = None
    expected: str | None = None
    file: str | None = None
    document: str | None = None
    is_open: bool = Field(default=True, alias="open")
    """Whether it is still so: not what came late and is done, was returned and filed again, or was decided."""


class MonthStatus(Shape):
    """A city's month or fund year as seen at ``as_of``: the document of ``fundpool status --json``."""

    city: str
    month: str
    as_of: Moment
    sandbox: bool = Field(default=False, exclude=True)
    """Shown to people; the document's fields are those of the contract."""
    is_kept: bool = Field(default=True, exclude=True)
    """False for a month before the city's first one here, and for a city that is not run here."""
    duties: tuple[DutyStatus, ...] = ()
    steps: tuple[StepStatus, ...] = ()
    transfers: tuple[TransferStatus, ...] = ()
    flags: tuple[Flag, ...] = ()


class Turn(Shape):
    """Whose turn it is with something of a period, why, and the command to type.

    ``month`` is a year for a yearly document, null for what concerns the city in every month; ``turn`` who must act: ``county_agency``, ``reviewer``, ``checker``,
    ``city_finance``, ``approver``, ``releaser``, ``operator``, or without a person ``bank`` and ``clock`` (the daily
    tick runs the command by itself). ``unit`` null means the city. ``since`` is when it became their turn, ``fund``
    and ``amount_fen`` what it is about; null where nobody knows, or where it is about several funds.
    """

    city: str
    month: str | None
    turn: str
    waits_for_person: bool
    step: str | None = None
    duty: str | None = None
    rule: str | None = None
    unit: str | None = None
    unit_name_zh: str = ""
    due: date | None = None
    act_by: date | None = None
    days_late: int | None = None
    since: Moment | None = None
    fund: str | None = None
    amount_fen: int | None = None
    why_zh: str
    why_en: str
    basis: Basis | None = None
    command: str


class MoneyReceipt(Shape):
    """One payment that has arrived, by the bank's word."""

    unit: str
    fund: str
    from_type: str = Field(alias="from")
    to_type: str = Field(alias="to")
    application: int
    amount_fen: int
    received_on: date | None
    account: str
    bank_serial: str | None


class FileReceipt(Shape):
    """The receipt (回执) of one version that a county filed."""

    document: str
    county: str
    county_name_zh: str
    version: int
    file_name: str
    sha256: str
    received_at: Moment
    entered_at: Moment
    submitted_by: str
    verdict: str | None
    state: str


class Receipts(Shape):
    """What arrived for a month or fund year: the document of ``fundpool receipts --json``."""

    city: str
    month: str
    receipts: tuple[MoneyReceipt, ...]
    files: tuple[FileReceipt, ...]


class SubmissionStatus(Shape):
    """One version of a file that a county sent; ``period`` is a year for a yearly document."""

    document: str
    period: str | None = None
    version: int
    file_id: int | None = None
    """The number of the file's receipt."""
    file_name: str
    sha256: str
    received_at: Moment
    submitted_by: str | None = None
    verdict: str | None = None
    state: str | None = None
    returned_by: str | None = None
    return_reason: str | None = None
    late: bool | None = None
    has_slip: bool = False
    changes: tuple[FigureChange, ...] = ()
    findings: tuple[Finding, ...] = ()


class CaseStatus(Shape):
    """One review case: a county's request for one fund, and what was decided."""

    document: str
    period: str | None = None
    fund: str | None = None
    state: str
    requested_fen: int | None = None
    approved_fen: int | None = None
    reviewed_fen: int | None = None
    reason: str | None = None
    maker: str | None = None
    proposed_at: Moment | None = None
    checker: str | None = None
    decided_at: Moment | None = None


class CountyMonth(Shape):
    """Everything of one county's month."""

    city: str
    month: str
    county: str
    duties: tuple[DutyStatus, ...] = ()
    submissions: tuple[SubmissionStatus, ...] = ()
    cases: tuple[CaseStatus, ...] = ()
    transfers: tuple[TransferStatus, ...] = ()
    flags: tuple[Flag, ...] = ()


class FundMoney(Shape):
    """One fund's money of the month, from request to payment; null is not known yet, never 0."""

    fund: str
    requested_fen: int | None = None
    approved_fen: int | None = None
    reviewed_fen: int | None = None
    paid_fen: int | None = None

    @property
    def target_fen(self) -> int | None:
        """What is to be paid: the amount finance confirmed, before that the approved one."""
        return self.reviewed_fen if self.reviewed_fen is not None else self.approved_fen


class AccountBalance(Shape):
    """One bank account of a fund and what the books say is in it."""

    account_type: str
    unit: str | None = None
    number: str | None = None
    name: str | None = None
    balance_fen: int
    reserved_fen: int = 0


class FundBooks(Shape):
    """One fund's accounts and its trial balance; debits equal credits or something is wrong."""

    fund: str
    accounts: tuple[AccountBalance, ...] = ()
    debit_fen: int
    credit_fen: int

    @property
    def difference_fen(self) -> int:
        return self.debit_fen - self.credit_fen


class TransferBatch(Shape):
    """Transfers released together, with the consequence a checker must see before money moves."""

    number: int
    application: int = 1
    fund: str | None = None
    duty: str | None = Field(default=None, alias="step")
    state: str | None = None
    count: int
    total_fen: int
    last_month_fen: int | None = None
    prepared_by: str | None = None
    approved_by: str | None = None
    released_by: str | None = None

    @property
    def change_fen(self) -> int | None:
        """Against last month's total of the same hop and fund; None when there is none."""
        return None if self.last_month_fen is None else self.total_fen - self.last_month_fen


class StandingAlarm(Shape):
    """Something about the city's money that stands until a person settles it.

    ``stopped``: a fund's sending is stopped. ``break``: our books and the bank differ.
    """

    kind: Literal["stopped", "break"]
    fund: str
    since: datetime
    message_zh: str
    message_en: str
