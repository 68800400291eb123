"""The documents of the API that are not those of a page (``schemas.dashboard``): what commands print with ``--json``.

An answer is the command's own document, held against its shape here before it is sent: what the description of the
API says is so.
"""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from fundpool.domain.submission import FigureChange
from schemas.dashboard import Moment, Shape, SubmissionStatus, Turn

Text = Annotated[str, BeforeValidator(str)]
"""What is a record of its own, and a text in JSON: a month, a hop."""


class Document(Shape):
    """Base of the documents: a field that is not described here is an error, not left out."""

    model_config = ConfigDict(extra="forbid")


class ErrorDocument(Document):
    """Why something was not done: ``code`` for programs, ``message`` and ``remedy`` for people, ``basis`` the article."""

    code: str
    message: str
    basis: str | None
    remedy: str | None


class ErrorAnswer(Document):
    """What is answered instead of a document."""

    error: ErrorDocument


class County(Document):
    """A county that files: its six-digit code of GB/T 2260, or the local key of a zone that has none."""

    county: str
    name_zh: str
    name_en: str


class Counties(Document):
    """The counties of a city that the account may read, and the city's funds."""

    city: str
    name_zh: str
    name_en: str
    funds: tuple[str, ...]
    counties: tuple[County, ...]


class Case(Document):
    """A review case; ``month`` is a year for a yearly document. Null is not decided yet."""

    city: str
    month: str
    document: str
    county: str
    fund: str
    submission_id: int
    state: str
    requested_fen: int
    proposed_fen: int | None
    approved_fen: int | None
    reason: str | None
    maker: str | None
    proposed_at: Moment | None
    checker: str | None
    decided_at: Moment | None


class Cases(Document):
    """The document of ``fundpool review list --json``."""

    city: str
    month: str
    cases: tuple[Case, ...]


class Payment(Document):
    """A payment with its last order to the bank; ``obligation`` names it for good, ``key`` its last order."""

    id: int
    obligation: str
    city: str
    month: Text
    fund: str
    hop: Text
    unit: str
    amount_fen: int
    state: str
    held_reason: str | None
    settled_at: Moment | None
    debit_account: str | None
    credit_account: str | None
    credit_name: str | None
    batch: int | None
    maker: str | None
    checker: str | None
    releaser: str | None
    key: str | None
    attempt_no: int | None
    attempt_state: str | None
    reason: str | None
    bank_serial: str | None
    executed_at: Moment | None
    detail_zh: str
    detail_en: str


class Payments(Document):
    """The document of ``fundpool transfers list --json``."""

    transfers: tuple[Payment, ...]


class Balance(Document):
    """What an account of the books holds."""

    city: str
    fund: str
    type: str
    unit: str
    detail: str | None
    balance_fen: int
    reserved_fen: int


class TrialBalance(Document):
    """Debits and credits of a fund; unequal ones are a fault of the books."""

    city: str
    fund: str
    debit_fen: int
    credit_fen: int


class Balances(Document):
    """The document of ``fundpool ledger balances --json``."""

    accounts: tuple[Balance, ...]
    trial_balance: tuple[TrialBalance, ...]


class Paper(Document):
    """A paper that can be written; ``number`` null: what it says now has none yet, ``last_number`` the one before."""

    name: str
    period: str
    subject: str
    title: str
    number: str | None
    last_number: str | None
    content_digest: str


class Papers(Document):
    """The document of ``fundpool report papers --json``."""

    city: str
    month: str
    papers: tuple[Paper, ...]


class Turns(Document):
    """The document of ``fundpool next --json``, the most urgent first."""

    cities: tuple[str, ...]
    as_of: Moment
    turns: tuple[Turn, ...]


class FiledVersion(Document):
    """A county's version that a file brought, with what changed since the version before."""

    county: str
    month: Text
    version: int
    received_at: Moment
    changes: tuple[FigureChange, ...]


class FiledFile(Document):
    """What became of a file; ``repeated``: the same bytes had come before, and the first receipt stands."""

    file: str
    sha256: str | None
    repeated: bool
    state: str
    submissions: tuple[FiledVersion, ...]
    error: ErrorDocument | None


class Verdict(SubmissionStatus):
    """A version as it was judged."""

    county: str


class Filed(Document):
    """The document of ``fundpool submit --json``, and the versions with receipt number (``file_id``), verdict, findings.

    ``error``: the first reason why a file was not taken in, or not judged; what has a receipt stands all the same.
    """

    city: str
    files: tuple[FiledFile, ...]
    verdicts: tuple[Verdict, ...]
    error: ErrorDocument | None
