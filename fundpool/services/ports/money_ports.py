"""Stores of the money part, as the use cases see them (implemented in adapters/stores)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from fundpool.domain.audit import AuditRecord
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import AccountBalance, Balance, Posting, Voucher
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    AccountStatus,
    Attempt,
    AttemptState,
    BankAccount,
    Batch,
    BatchLine,
    Hop,
    Obligation,
    ObligationState,
    PaymentOrder,
)


@dataclass(frozen=True, slots=True)
class AccountProposal:
    """A bank account that a maker enters into the register; counts only once a checker approved it."""

    city: str
    fund: str
    unit: str
    account_type: AccountType
    account_no: str
    account_name: str
    bank_name: str


def new_account(proposal: AccountProposal, version: int, maker: str, *, proposed_at: datetime) -> BankAccount:
    """An entry of the register as it is first stored."""
    return BankAccount(
        id=0,
        city=proposal.city,
        fund=proposal.fund,
        unit=proposal.unit,
        account_type=proposal.account_type,
        version=version,
        account_no=proposal.account_no,
        account_name=proposal.account_name,
        bank_name=proposal.bank_name,
        status=AccountStatus.PROPOSED,
        maker=maker,
        proposed_at=proposed_at,
    )


@dataclass(frozen=True, slots=True)
class StoredPosting:
    """A posting with its place in the books."""

    posting: Posting
    voucher_number: int
    line: int
    month: Month
    adjusts_month: Month | None
    recorded_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Whether a fund's sending is stopped, since when and why; two people start it again."""

    city: str
    fund: str
    is_stopped: bool
    reason: str
    by: str
    at: datetime
    restart_asked_by: str | None
    restarted_by: str | None = None
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is still to be learnt from the bank since a fund's books were put back from a backup.

    ``since``: the last day the restored books know of. ``keys_open`` and ``days_open`` count the possible orders
    and the statements that the last run was not answered about (``None``: it was not run yet),
    ``first_open`` names one. ``confirmed_by``, ``second_by``: two people for whom statements stand in.
    """

    city: str
    fund: str
    opened_at: datetime
    since: date
    keys_open: int | None = None
    days_open: int | None = None
    first_open: str | None = None
    confirmed_by: str | None = None
    second_by: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A difference between our books, the gateway and the statement; closed only by a person."""

    id: int
    kind: str
    reference: str
    city: str
    fund: str
    detail_zh: str
    detail_en: str
    stops_fund: bool
    found_at: datetime
    owner: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayCall:
    """One side of a call to the gateway: ``started`` before, ``finished`` after."""

    attempt_key: str
    operation: str
    phase: str
    worker_epoch: int
    at: datetime
    answer: str | None
    reason: str | None
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class PaymentCount:
    """Obligations of a city in one state, and when the oldest of them was ordered."""

    city: str
    state: ObligationState
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class MonthlyMovement:
    """What the postings of one accounting month moved from one kind of account to another, in fen.

    A detail is the benefit item or the source of income, as of ``AccountRef``.
    """

    fund: str
    month: Month
    flow: Flow
    debit: AccountType
    debit_detail: str
    credit: AccountType
    credit_detail: str
    amount_fen: int


class AuditStore(Protocol):
    """The chained audit trail; appended to in the transaction of the change it records."""

    def append(
        self,
        *,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        """Chain one record: who did what to which subject, with digests of before and after."""

    def records(self, subject: str | None = None, after: int = 0) -> Iterable[AuditRecord]:
        """Records in order, all or of one subject, behind number ``after``."""

    def find(
        self,
        *,
        subject: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        city: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[AuditRecord]:
        """The last records, newest first: whose subject contains a text, of an actor, made from one moment to another.

        ``city``: those about the city, or about the whole installation. ``before``: those with a lower number.
        """

    def head(self) -> tuple[int, str]:
        """Number and hash of the last record; (0, GENESIS) when there is none."""

    def last_at(self) -> datetime | None:
        """When the last record was made, by the business clock."""


class AccountStore(Protocol):
    """The register of bank accounts."""

    def propose(self, proposal: AccountProposal, maker: str, at: datetime) -> BankAccount:
        """Store the next version of the entry as proposed; the same proposal again is the same entry."""

    def approve(
        self, account: BankAccount, checker: str, at: datetime, *, usable_from: datetime
    ) -> BankAccount:
        """Approve a proposed version and retire the one before."""

    def get(self, account_id: int) -> BankAccount:
        """The entry; raises InputError ``account_unknown``."""

    def get_all(self, account_ids: Sequence[int]) -> list[BankAccount]:
        """The entries in this order; raises InputError ``account_unknown``."""

    def approved(self, city: str, fund: str, account_type: AccountType, *, unit: str) -> BankAccount | None:
        """The approved version, if there is one."""

    def find(
        self,
        city: str | None = None,
        fund: str | None = None,
        status: AccountStatus | None = None,
        *,
        account_no: str | None = None,
    ) -> list[BankAccount]:
        """Entries in order of city, fund, type, unit and version."""


class LedgerStore(Protocol):
    """Accounts, vouchers and postings of the books."""

    def peek(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        """Balances of the accounts that exist; opens none."""

    def existing(self, keys: Sequence[str]) -> dict[str, Posting]:
        """Postings already booked under the given business keys."""

    def stored(self, key: str) -> StoredPosting | None:
        """The posting booked under a business key, with its place in the books."""

    def resolved(self, keys: Sequence[str]) -> dict[str, str]:
        """For each reserve key that is resolved, the key of the posting that did it."""

    def append(
        self,
        city: str,
        fund: str,
        postings: Sequence[tuple[Posting, Month, Month | None]],
        *,
        balances: Mapping[AccountRef, Balance],
        made_by: str,
        recorded_at: datetime,
        evidence: str | None = None,
    ) -> int:
        """Write one voucher and the balances it leaves; returns the voucher's number.

        Opens the accounts that do not exist yet; the others were read by ``peek`` before.
        ``evidence`` is recorded on accounts that end below nil because the bank says so.
        """

    def balances(self, city: str | None = None, fund: str | None = None) -> list[AccountBalance]:
        """Running balances."""

    def balances_as_of(
        self,
        city: str | None,
        fund: str | None,
        event_until: datetime | None,
        *,
        recorded_until: datetime | None,
    ) -> list[AccountBalance]:
        """Balances summed from the postings with event and record time up to the given moments."""

    def vouchers(self, city: str | None = None, fund: str | None = None, after: int = 0) -> Iterable[Voucher]:
        """Voucher headers behind number ``after`` in order of city, fund and number."""

    def postings(
        self, city: str | None = None, fund: str | None = None, after: int = 0
    ) -> Iterable[StoredPosting]:
        """Postings of the vouchers behind number ``after`` in order of city, fund, voucher and line."""

    def stray_postings(self) -> list[str]:
        """Keys of postings whose voucher or account is not there, or whose leg is another's.

        No other question shows them.
        """

    def locked_months(self, city: str, fund: str, since: Month | None = None) -> frozenset[Month]:
        """Months whose books are closed, all or those from ``since`` on."""

    def closed_months(self, city: str, until: datetime) -> dict[str, frozenset[Month]]:
        """Months that were closed by the moment, by fund."""

    def monthly_movements(self, city: str, recorded_until: datetime) -> list[MonthlyMovement]:
        """What counts in the books, added up by fund, month, flow and kinds of account, in order of months."""

    def locks(self, city: str, fund: str) -> dict[Month, str]:
        """Closed months, each with the hash of the last voucher written before it was closed."""

    def lock_month(self, city: str, fund: str, month: Month, *, by: str, at: datetime) -> bool:
        """Close a month; False when it was closed before."""

    def chains(self) -> list[tuple[str, str, int, str]]:
        """City, fund, last voucher number and its hash, for every set of books."""


class PaymentStore(Protocol):
    """Batches and the obligations in them: what people ordered, and how far each payment has come.

    Every ``change_*`` holds an optimistic lock: it raises ``RuleViolation`` ``changed_meanwhile`` when
    the row is no longer of the version that was read.
    """

    def add_batch(
        self, key: str, orders: Sequence[tuple[PaymentOrder, int, int]], maker: str, *, at: datetime
    ) -> Batch:
        """Store a batch with its obligations (order, debit account id, credit account id)."""

    def batch(self, batch_id: int) -> Batch:
        """The batch; raises InputError ``batch_unknown``."""

    def batch_by_key(self, key: str) -> Batch | None:
        """The batch with the business key."""

    def batches(
        self, city: str, month: Month | None = None, hop: Hop | None = None, *, fund: str | None = None
    ) -> list[Batch]:
        """Batches in order of making."""

    def change_batch(self, batch: Batch, **fields: Any) -> Batch:
        """Set columns of a batch."""

    def batch_lines(self, batch_id: int) -> list[BatchLine]:
        """What an approval of the batch covers, as it stands now; no line where an account is not of the payment's fund."""

    def obligation(self, obligation_id: int) -> Obligation:
        """The obligation; raises InputError ``obligation_unknown``."""

    def obligation_by_key(self, key: str) -> Obligation | None:
        """The obligation with the business key."""

    def obligations(
        self,
        *,
        city: str | None = None,
        month: Month | None = None,
        year: int | None = None,
        fund: str | None = None,
        hop: Hop | None = None,
        unit: str | None = None,
        batch_id: int | None = None,
        states: Iterable[ObligationState] | None = None,
    ) -> list[Obligation]:
        """Obligations in order of batch and unit; ``year`` is that of their month."""

    def counts(self) -> list[PaymentCount]:
        """How many obligations of each city are in each state."""

    def revisions(self, obligation: Obligation) -> list[Obligation]:
        """Every revision of what the obligation pays, itself too, first to last."""

    def with_revisions(self, obligation_id: int) -> tuple[Obligation, list[Obligation]]:
        """The obligation and every revision of what it pays; raises InputError ``obligation_unknown``."""

    def paying_accounts(self, city: str) -> list[int]:
        """Ids of the city's accounts that any obligation is paid from."""

    def change_obligation(self, obligation: Obligation, state: ObligationState, **fields: Any) -> Obligation:
        """Move an obligation along a drawn arrow."""

    def note_retry(self, obligation: Obligation, asked_by: str) -> None:
        """Record the first of two people who allow a retry; the state stays."""


class AttemptStore(Protocol):
    """Attempts: the orders sent to the bank, every call about them, and the bank's callbacks."""

    def add(self, prepared: Attempt) -> Attempt:
        """Store a prepared attempt; returns it with its number."""

    def get(self, attempt_id: int) -> Attempt:
        """The attempt; raises InputError ``attempt_unknown``."""

    def by_key(self, key: str) -> Attempt | None:
        """The attempt with the key."""

    def of_serial(self, bank_serial: str) -> list[Attempt]:
        """Attempts that the bank executed under the serial; each bank counts its own."""

    def of_obligation(self, obligation_id: int) -> list[Attempt]:
        """Attempts of an obligation, first to last."""

    def of_obligations(self, obligation_ids: Iterable[int]) -> dict[int, list[Attempt]]:
        """Attempts of each of these obligations, first to last."""

    def in_states(
        self,
        states: Iterable[AttemptState],
        *,
        city: str | None = None,
        month: Month | None = None,
        due_at: datetime | None = None,
    ) -> list[Attempt]:
        """Attempts in the given states, oldest first; with ``due_at`` those due to be asked about."""

    def executed(self, account_no: str, day: date, states: Iterable[AttemptState]) -> list[Attempt]:
        """Attempts in the given states that the bank executed on a day from a paying account, oldest first."""

    def change(self, attempt: Attempt, **fields: Any) -> Attempt:
        """Set columns of an attempt; raises ``RuleViolation`` ``changed_meanwhile`` like ``PaymentStore``.

        The caller sees to it that ``state`` moves only along a drawn arrow.
        """

    def record_call(self, call: GatewayCall) -> None:
        """Append one side of a call."""

    def calls(self, attempt_key: str) -> list[GatewayCall]:
        """Calls of an attempt in order."""

    def add_callback(
        self, gateway: str, event_id: str, attempt_key: str, *, received_at: datetime, raw: bytes
    ) -> bool:
        """Keep a callback; False when it was kept before."""

    def sent_fen(self, city: str, fund: str, day: date) -> int:
        """Total of attempts first sent on the Shanghai day."""


class BreakStore(Protocol):
    """The register of breaks."""

    entered: int
    """How many breaks this transaction has entered."""

    def add(self, found: Break) -> bool:
        """Enter a break; False when the register has one of its kind and reference already."""

    def find(self, city: str | None = None, *, only_open: bool = True) -> list[Break]:
        """Breaks, oldest first."""

    def resolve(self, break_id: int, by: str, resolution: str, *, at: datetime) -> None:
        """Close a break with a person's reason; raises InputError ``break_unknown``."""

    def assign(self, break_id: int, owner: str) -> None:
        """Name who follows a break up; raises InputError ``break_unknown``."""


class SwitchStore(Protocol):
    """Whether a fund may send: its kill switch, and its recovery since the last restore from a backup."""

    def kill_switch(self, city: str, fund: str) -> KillSwitch | None:
        """The fund's switch, if it was ever thrown."""

    def kill_switches(self) -> list[KillSwitch]:
        """Every switch that was ever thrown."""

    def set_kill_switch(self, switch: KillSwitch) -> None:
        """Store the switch."""

    def recovery(self, city: str, fund: str) -> Recovery | None:
        """The recovery after the fund's last restore, if its books were ever put back."""

    def recoveries(self) -> list[Recovery]:
        """The last recovery of every fund, finished or not."""

    def put_recovery(self, recovery: Recovery) -> None:
        """Store the fund's recovery in place of an earlier one."""
