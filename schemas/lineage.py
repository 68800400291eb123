"""The records that an amount comes from, as ``fundpool explain`` shows them: amounts in fen, moments in Shanghai's time."""

from dataclasses import dataclass

from schemas.dashboard import Moment, Shape


@dataclass(frozen=True, slots=True)
class Why:
    """A reason in both languages."""

    zh: str
    en: str


class Article(Shape):
    """The law behind a duty: rule of the policy file, document, section and its words."""

    rule: str
    duty: str
    document: str
    section: str
    quote: str


class CellSource(Shape):
    """A figure of a county's file. ``text`` is what the kept bytes hold in ``cell`` now.

    ``is_same`` says whether the file still reads as the stored figure; ``why`` tells when not.
    """

    city: str
    county: str
    document: str
    month: str
    version: int
    received_at: Moment
    submitted_by: str
    file_name: str
    sha256: str
    fund: str
    field: str
    field_zh: str
    field_en: str
    amount_fen: int | None
    sheet: str | None
    cell: str | None
    text: str | None = None
    is_same: bool
    why: Why | None = None


class Booking(Shape):
    """An entry of the books with its voucher."""

    key: str
    voucher: int
    line: int
    debit: str
    credit: str
    amount_fen: int
    flow: str
    phase: str
    event_at: Moment
    recorded_at: Moment
    made_by: str
    month: str
    adjusts_month: str | None
    reverses: str | None
    memo: str


class Act(Shape):
    """Who did what when; ``digest`` is what an approval of a batch was given for."""

    what: str
    by: str
    at: Moment | None
    digest: str | None = None


class Transfer(Shape):
    """A payment: what was owed, who ordered, approved and released it, and the bank's word."""

    key: str
    batch: int
    hop: str
    unit: str
    amount_fen: int
    state: str
    acts: tuple[Act, ...]
    attempt: str | None
    bank_serial: str | None
    executed_at: Moment | None


class AppliedLine(Shape):
    """A county's line of the city's application, with finance's 复核额."""

    application: int
    county: str
    fund: str
    prepared_by: str
    prepared_at: Moment
    applied_fen: int
    reviewed_fen: int | None
    reason: str | None
    reviewed_by: str | None
    reviewed_at: Moment | None


class Decision(Shape):
    """The review of a county's document: 申请额, 核定额, and by whom."""

    document: str
    county: str
    fund: str
    state: str
    requested_fen: int
    approved_fen: int | None
    reason: str | None
    maker: str | None
    proposed_at: Moment | None
    checker: str | None
    decided_at: Moment | None
