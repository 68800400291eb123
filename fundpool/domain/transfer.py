"""Moving money once: obligations, their attempts at the bank, and every arrow between their states.

An obligation (应付款项) is one amount owed to one payee for one purpose; an attempt is one order to
the bank under one key. The key is computed from the obligation, so that even books restored from
a backup ask the bank about the same order. Unknown is a state of its own: only the bank's exact
answer, its statement, or a fenced key ends an attempt.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import canonical
from fundpool.domain.periods import Month, midnight


class ObligationState(StrEnum):
    """How far an amount owed has come."""

    SUBMITTED = "submitted"
    """The maker (经办) has ordered it; it waits for the checker."""
    APPROVED = "approved"
    """The checker (复核) approved the digest of its batch."""
    RELEASED = "released"
    """Finance released it; it may be sent."""
    IN_FLIGHT = "in_flight"
    """An attempt exists that the bank may execute or has executed."""
    SETTLED = "settled"
    """The bank confirmed it; booked."""
    FAILED = "failed"
    """The bank definitely did not execute it; another attempt needs a person."""
    RETRY_APPROVED = "retry_approved"
    """A person other than the maker allowed one more attempt."""
    CANCELLED = "cancelled"
    """Withdrawn before anything was sent."""
    HELD = "held"
    """A person must look: unresolved too long, the bank contradicts, or somebody stopped it."""
    RETURNED = "returned"
    """退票: executed, then sent back by the payee's bank; a new payment is a new revision."""
    PARTLY_RETURNED = "partly_returned"
    """部分退票: a part came back; the rest stays with the payee, and people look."""


class AttemptState(StrEnum):
    """What is known of one order to the bank."""

    PREPARED = "prepared"
    """Key and bytes are stored, the amount is reserved; may be sent (again, with the same key)."""
    SENDING = "sending"
    """A worker holds the lease; the bank may or may not have the order."""
    UNKNOWN = "unknown"
    """Sent, no exact answer. Never failure: asked for until the bank says."""
    ACCEPTED = "accepted"
    """The bank works on it."""
    SUCCEEDED = "succeeded"
    """Executed; posted."""
    REJECTED = "rejected"
    """Definitely refused; the reserve is lifted."""
    CLOSING = "closing"
    """We asked the bank to fence the key."""
    CLOSED = "closed"
    """The key can never execute; the reserve is lifted."""
    RETURNED = "returned"
    """Executed, then sent back; booked as a new event."""
    PARTLY_RETURNED = "partly_returned"
    """Executed, then sent back in part; the part is booked, the rest stays paid."""
    ANOMALY = "anomaly"
    """Executed although refused or closed before: booked to suspense, the fund's sending stops."""


LEAVES_ROOM = frozenset({AttemptState.REJECTED, AttemptState.CLOSED})
"""Only after these may an obligation have another attempt."""

EXECUTED = frozenset(
    {AttemptState.SUCCEEDED, AttemptState.RETURNED, AttemptState.PARTLY_RETURNED, AttemptState.ANOMALY}
)
"""In these the bank has moved the money, whatever came back afterwards."""

MAY_BE_ORDERED_AGAIN = frozenset({ObligationState.RETURNED, ObligationState.CANCELLED})
"""Only from these may what is owed be ordered again, as a new revision."""

LIVE = frozenset(
    {
        AttemptState.PREPARED,
        AttemptState.SENDING,
        AttemptState.UNKNOWN,
        AttemptState.ACCEPTED,
        AttemptState.CLOSING,
        AttemptState.SUCCEEDED,
        AttemptState.PARTLY_RETURNED,
    }
)
"""At most one attempt of an obligation is in one of these; an index of the database repeats it."""

OPEN_QUESTIONS = frozenset(
    {AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.ACCEPTED, AttemptState.CLOSING}
)
"""Attempts the reconciler asks the bank about."""

OUTCOME_UNKNOWN = OPEN_QUESTIONS - {AttemptState.ACCEPTED}
"""Nobody here knows whether the bank has moved the money; of an accepted order the bank has said that it works on it."""


class Event(StrEnum):
    """What can happen to an attempt."""

    CLAIM = "claim"
    """A worker takes the lease, just before the call."""
    LEASE_OVER = "lease_over"
    """The worker did not come back in time, or crashed."""
    UNCLEAR = "unclear"
    """No exact answer to the call."""
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    RETURNED = "returned"
    PARTLY_RETURNED = "partly_returned"
    """The statement shows less coming back than was paid."""
    NOT_FOUND_AGAIN = "not_found_again"
    """Unknown to the bank after the settle window, inside the resend window: same key again."""
    FENCE = "fence"
    """Too late to resend: the key is to be closed."""
    CLOSED = "closed"
    """The bank confirmed the fence, or statements and two people prove absence."""
    NEVER_SENT = "never_sent"
    """Withdrawn or expired before the first send."""
    SUSPECT = "suspect"
    """After a restore nobody knows whether a prepared order was sent."""


_S, _E = AttemptState, Event
ATTEMPT_ARROWS: dict[tuple[AttemptState, Event], AttemptState] = {
    (_S.PREPARED, _E.CLAIM): _S.SENDING,
    (_S.PREPARED, _E.NEVER_SENT): _S.CLOSED,
    (_S.PREPARED, _E.SUSPECT): _S.UNKNOWN,
    # A resend that waits as PREPARED was sent before: the bank can still answer for its key.
    (_S.PREPARED, _E.PROCESSING): _S.ACCEPTED,
    (_S.PREPARED, _E.SUCCEEDED): _S.SUCCEEDED,
    (_S.PREPARED, _E.REJECTED): _S.REJECTED,
    (_S.PREPARED, _E.FENCE): _S.CLOSING,
    (_S.SENDING, _E.LEASE_OVER): _S.UNKNOWN,
    (_S.SENDING, _E.UNCLEAR): _S.UNKNOWN,
    (_S.SENDING, _E.PROCESSING): _S.ACCEPTED,
    (_S.SENDING, _E.SUCCEEDED): _S.SUCCEEDED,
    (_S.SENDING, _E.REJECTED): _S.REJECTED,
    (_S.UNKNOWN, _E.PROCESSING): _S.ACCEPTED,
    (_S.UNKNOWN, _E.SUCCEEDED): _S.SUCCEEDED,
    (_S.UNKNOWN, _E.REJECTED): _S.REJECTED,
    (_S.UNKNOWN, _E.NOT_FOUND_AGAIN): _S.PREPARED,
    (_S.UNKNOWN, _E.FENCE): _S.CLOSING,
    (_S.UNKNOWN, _E.CLOSED): _S.CLOSED,
    (_S.ACCEPTED, _E.SUCCEEDED): _S.SUCCEEDED,
    (_S.ACCEPTED, _E.REJECTED): _S.REJECTED,
    (_S.ACCEPTED, _E.UNCLEAR): _S.UNKNOWN,
    (_S.ACCEPTED, _E.CLOSED): _S.CLOSED,
    (_S.CLOSING, _E.CLOSED): _S.CLOSED,
    (_S.CLOSING, _E.SUCCEEDED): _S.SUCCEEDED,
    (_S.CLOSING, _E.REJECTED): _S.REJECTED,
    (_S.CLOSING, _E.PROCESSING): _S.ACCEPTED,
    (_S.SUCCEEDED, _E.RETURNED): _S.RETURNED,
    (_S.SUCCEEDED, _E.PARTLY_RETURNED): _S.PARTLY_RETURNED,
    (_S.PARTLY_RETURNED, _E.PARTLY_RETURNED): _S.PARTLY_RETURNED,
    (_S.PARTLY_RETURNED, _E.RETURNED): _S.RETURNED,
    # The bank answered that it came back; its statement shows that a part did.
    (_S.RETURNED, _E.PARTLY_RETURNED): _S.PARTLY_RETURNED,
    (_S.REJECTED, _E.SUCCEEDED): _S.ANOMALY,
    (_S.CLOSED, _E.SUCCEEDED): _S.ANOMALY,
    (_S.ANOMALY, _E.RETURNED): _S.RETURNED,
}
"""Every arrow. An event without an arrow from the present state changes nothing: terminal states
never move back, and the caller records the contradiction as a break."""


_O = ObligationState
OBLIGATION_ARROWS: frozenset[tuple[ObligationState, ObligationState]] = frozenset(
    {
        (_O.SUBMITTED, _O.APPROVED),
        (_O.APPROVED, _O.SUBMITTED),  # a change of the batch voids the approval
        (_O.APPROVED, _O.RELEASED),
        (_O.RELEASED, _O.IN_FLIGHT),
        (_O.RETRY_APPROVED, _O.IN_FLIGHT),
        (_O.IN_FLIGHT, _O.SETTLED),
        (_O.IN_FLIGHT, _O.FAILED),
        (_O.IN_FLIGHT, _O.RELEASED),  # an attempt that was never sent lapsed
        (_O.IN_FLIGHT, _O.HELD),
        (_O.FAILED, _O.RETRY_APPROVED),
        (_O.FAILED, _O.HELD),
        (_O.FAILED, _O.CANCELLED),
        (_O.RETRY_APPROVED, _O.HELD),
        (_O.RETRY_APPROVED, _O.CANCELLED),
        (_O.RELEASED, _O.HELD),
        (_O.HELD, _O.SETTLED),
        (_O.HELD, _O.FAILED),
        (_O.HELD, _O.IN_FLIGHT),  # "look again": the question is still with the bank
        (_O.HELD, _O.RELEASED),
        (_O.HELD, _O.CANCELLED),
        (_O.SUBMITTED, _O.CANCELLED),
        (_O.APPROVED, _O.CANCELLED),
        (_O.RELEASED, _O.CANCELLED),
        (_O.IN_FLIGHT, _O.CANCELLED),  # only before the first send
        (_O.SETTLED, _O.RETURNED),
        (_O.SETTLED, _O.PARTLY_RETURNED),
        (_O.PARTLY_RETURNED, _O.RETURNED),
        (_O.RETURNED, _O.PARTLY_RETURNED),
        # The bank executed a key that was closed or refused: whatever the state, a person looks.
        (_O.SETTLED, _O.HELD),
        (_O.CANCELLED, _O.HELD),
        (_O.RETURNED, _O.HELD),
        (_O.PARTLY_RETURNED, _O.HELD),
    }
)
"""Every permitted change of an obligation."""


def next_attempt_state(state: AttemptState, event: Event) -> AttemptState | None:
    """Where ``event`` leads from ``state``; ``None`` when it changes nothing."""
    return ATTEMPT_ARROWS.get((state, event))


def check_obligation_arrow(before: ObligationState, after: ObligationState, key: str) -> None:
    """Raise RuleViolation ``illegal_state_change`` unless the arrow is drawn."""
    if (before, after) not in OBLIGATION_ARROWS:
        raise RuleViolation(
            "illegal_state_change",
            f"款项 {key} 现为 {before}，不能变为 {after}",
            f"obligation {key} is {before} and cannot become {after}",
        )


@dataclass(frozen=True, slots=True)
class Hop:
    """One leg of a city's payment path, between two kinds of account."""

    from_type: AccountType
    to_type: AccountType

    def __str__(self) -> str:
        return f"{self.from_type.value}>{self.to_type.value}"

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str) -> "Hop":
        """Hop of ``fiscal_account>city_expenditure``; raises ValueError otherwise."""
        from_text, _, to_text = text.partition(">")
        return cls(AccountType(from_text), AccountType(to_text))


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What the maker orders: ``amount_fen`` to ``unit``'s account of the hop's target type.

    ``payer_unit`` holds the paying account (the city's code); ``application`` is the number of
    the city's application in the month; ``month`` the month the money is for.
    """

    city: str
    fund: str
    month: Month
    hop: Hop
    payer_unit: str
    unit: str
    amount_fen: int
    purpose: str = "monthly_payment"
    application: int = 1
    revision: int = 1

    @property
    def batch_key(self) -> str:
        """Business key of the batch the order belongs to."""
        return f"{self.city}/{self.month}/{self.fund}/{self.purpose}/{self.hop}/{self.application}/r{self.revision}"

    @property
    def key(self) -> str:
        """Business key of the obligation: says what is owed to whom, never when or by which run."""
        return f"{self.batch_key}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Obligation:
    """An amount owed, as stored. ``version`` grows with every change."""

    id: int
    key: str
    batch_id: int
    city: str
    fund: str
    month: Month
    hop: Hop
    payer_unit: str
    unit: str
    purpose: str
    application: int
    revision: int
    amount_fen: int
    debit_account_id: int
    credit_account_id: int
    state: ObligationState = ObligationState.SUBMITTED
    version: int = 1
    held_reason: str | None = None
    settled_at: datetime | None = None
    retry_asked_by: str | None = None
    returned_fen: int = 0
    """What has come back of a payment that stays paid in part."""
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""

    def as_order(self, revision: int) -> PaymentOrder:
        """The order of another revision of what is owed: the same in all but its account and approval."""
        return PaymentOrder(**_ordered(self) | {"revision": revision})

    @property
    def paid_fen(self) -> int:
        """What is with the payee for good: nothing before it is settled, less what came back."""
        is_paid = self.state in {ObligationState.SETTLED, ObligationState.PARTLY_RETURNED}
        return self.amount_fen - self.returned_fen if is_paid else 0

    @property
    def payment_key(self) -> str:
        """Business key of what is owed, the same for every revision: keys at the bank follow from it.

        Books restored from a backup may know the first revision only, and must recognise an order of the next.
        """
        return self.key if self.revision == 1 else self.as_order(1).key


def _ordered(owed: PaymentOrder | Obligation) -> dict[str, Any]:
    """What an order and its obligation have in common, by name."""
    return {name: getattr(owed, name) for name in PaymentOrder.__slots__}


def latest_revisions(obligations: Iterable[Obligation]) -> list[Obligation]:
    """Of each payment the last order: what came back or was withdrawn and ordered again no longer stands."""
    latest: dict[str, Obligation] = {}
    for each in obligations:
        before = latest.get(each.payment_key)
        if before is None or before.revision < each.revision:
            latest[each.payment_key] = each
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order to the bank, as stored. ``request`` are the exact bytes, kept before sending."""

    id: int
    obligation_id: int
    attempt_no: int
    key: str
    state: AttemptState
    version: int
    amount_fen: int
    request: bytes
    request_hash: str
    prepared_at: datetime
    valid_until: datetime
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    resend_until: datetime | None = None
    lease_until: datetime | None = None
    worker: str | None = None
    worker_epoch: int = 0
    was_unknown: bool = False
    times_asked: int = 0
    next_query_at: datetime | None = None
    reason: str | None = None
    bank_serial: str | None = None
    executed_at: datetime | None = None
    fenced_at: datetime | None = None
    absence_confirmed_by: str | None = None
    returned_fen: int = 0
    """What has come back to the paying account and is booked."""
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


class BatchState(StrEnum):
    """How far a batch of orders has come."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    RELEASED = "released"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Batch:
    """The orders one maker hands to one checker: one city, month, fund, hop and application."""

    id: int
    key: str
    city: str
    fund: str
    month: Month
    hop: Hop
    application: int
    state: BatchState
    total_fen: int
    count: int
    maker: str
    made_at: datetime
    checker: str | None = None
    approved_at: datetime | None = None
    approved_digest: str | None = None
    releaser: str | None = None
    released_at: datetime | None = None
    version: int = 1
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""


def new_batch(
    key: str, orders: Sequence[tuple[PaymentOrder, int, int]], maker: str, *, made_at: datetime
) -> Batch:
    """A batch as it is first stored, of orders each with its paying and its receiving account's number."""
    first = orders[0][0]
    return Batch(
        id=0,
        key=key,
        city=first.city,
        fund=first.fund,
        month=first.month,
        hop=first.hop,
        application=first.application,
        state=BatchState.SUBMITTED,
        total_fen=sum(order.amount_fen for order, _, _ in orders),
        count=len(orders),
        maker=maker,
        made_at=made_at,
    )


def new_obligation(
    batch_id: int, order: PaymentOrder, debit_account_id: int, *, credit_account_id: int
) -> Obligation:
    """An obligation as it is first stored."""
    return Obligation(
        id=0,
        key=order.key,
        batch_id=batch_id,
        debit_account_id=debit_account_id,
        credit_account_id=credit_account_id,
        **_ordered(order),
    )


def prepared_attempt(
    obligation: Obligation,
    attempt_no: int,
    key: str,
    *,
    request: bytes,
    prepared_at: datetime,
    valid_until: datetime,
) -> Attempt:
    """An attempt as it is first stored: prepared, never sent."""
    return Attempt(
        id=0,
        obligation_id=obligation.id,
        attempt_no=attempt_no,
        key=key,
        state=AttemptState.PREPARED,
        version=1,
        amount_fen=obligation.amount_fen,
        request=request,
        request_hash=request_hash(request),
        prepared_at=prepared_at,
        valid_until=valid_until,
    )


class AccountStatus(StrEnum):
    """Whether an entry of the account register may be used."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RETIRED = "retired"
    """Replaced by a newer approved version."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One version of an entry in the account register (账户登记簿)."""

    id: int
    city: str
    fund: str
    unit: str
    account_type: AccountType
    version: int
    account_no: str
    account_name: str
    bank_name: str
    status: AccountStatus
    maker: str
    proposed_at: datetime
    checker: str | None = None
    approved_at: datetime | None = None
    usable_from: datetime | None = None
    seal: str | None = field(default=None, compare=False, repr=False)
    """See ``fundpool.domain.sealing``."""

    def may_be_used(self, now: datetime) -> bool:
        """Whether the entry is approved and its cooling-off time is over."""
        is_approved = self.status is AccountStatus.APPROVED
        return is_approved and self.usable_from is not None and self.usable_from <= now


@dataclass(frozen=True, slots=True)
class GatewayTerms:
    """What the bank promises about keys, and how patient we are; from the gateway's contract.

    ``key_retention``: how long the bank remembers a key. ``settle_window``: how long "not found"
    may still mean *being accepted*. ``max_network_delay``: the longest a request can be under way.
    ``call_limit``: total time of one call. ``can_close``: whether the bank can fence a key.
    """

    key_retention: timedelta = timedelta(days=7)
    settle_window: timedelta = timedelta(minutes=10)
    max_network_delay: timedelta = timedelta(minutes=10)
    call_limit: timedelta = timedelta(seconds=45)
    lease: timedelta = timedelta(seconds=120)
    lease_margin: timedelta = timedelta(seconds=60)
    held_after: timedelta = timedelta(days=3)
    """An open question older than this is HELD: on the first page, for a person."""
    statement_final_after: timedelta = timedelta(days=1)
    """How long after a day is over its statement may still grow; before that it proves nothing."""
    statement_reread: timedelta = timedelta(days=10)
    """How long a statement that is final is read again, in case the bank changes it all the same."""
    query_pause_first: timedelta = timedelta(minutes=1)
    query_pause_most: timedelta = timedelta(minutes=60)
    can_close: bool = True

    def __post_init__(self) -> None:
        if self.lease_margin < self.call_limit:
            raise ValueError("a call that starts in time must also end before the lease does")

    @property
    def resend_span(self) -> timedelta:
        """How long after the first send the same key may be sent again."""
        return self.key_retention * 4 // 5 - self.max_network_delay

    @property
    def quiet_after_restore(self) -> timedelta:
        """How long after a restore an order sent just before it may still be unknown to the bank.

        A sender that claimed it in time hands it over within the lease less its margin; from then on
        it is under way, and being accepted.
        """
        return self.lease - self.lease_margin + max(self.max_network_delay, self.settle_window)


def _never(_city: str, _month: Month) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class PaymentLimits:
    """Ceilings in fen; ``None`` where the installation has set none.

    ``within_annual_budget``: whether a city's text caps what a year's months are paid at its budget.
    """

    per_transfer_fen: int | None = None
    per_batch_fen: int | None = None
    per_day_fen: int | None = None
    within_annual_budget: Callable[[str, Month], bool] = _never


_KEY_NAMESPACE = uuid.UUID("5a3a2f4e-6c1d-5b7e-9e0b-6f756e64706f")


def attempt_key(payment_key: str, attempt_no: int) -> str:
    """The key of an attempt: a function of what is owed alone, 36 characters.

    No run id, clock or random number goes in: books restored from a backup compute the same key
    and so ask about the same order instead of making a second one.
    """
    return str(uuid.uuid5(_KEY_NAMESPACE, f"{payment_key}#{attempt_no}"))


def request_hash(body: bytes) -> str:
    """SHA-256 of the exact request bytes, hex."""
    return hashlib.sha256(body).hexdigest()


class BatchLine(NamedTuple):
    """What the checker's signature covers, per payee: who, how much, from and to which account."""

    obligation_key: str
    amount_fen: int
    debit_account_no: str
    debit_account_version: int
    credit_account_no: str
    credit_account_version: int
    credit_name: str


def batch_digest(batch_key: str, lines: Sequence[BatchLine]) -> str:
    """Digest that an approval binds: every payee, amount and account version, and the totals.

    Any later change of any of them gives another digest and so voids the approval.
    """
    digest = hashlib.sha256(canonical((batch_key, len(lines), sum(line.amount_fen for line in lines))))
    for line in sorted(lines, key=lambda each: each.obligation_key):
        digest.update(canonical(line))
    return digest.hexdigest()


def resend_until(first_sent_at: datetime, terms: GatewayTerms) -> datetime:
    """The last moment at which the same key may leave us again."""
    return first_sent_at + terms.resend_span


def may_send(attempt: Attempt, now: datetime) -> bool:
    """Whether the attempt's bytes may leave now: prepared, still valid, inside the resend window."""
    if attempt.state is not AttemptState.PREPARED or now >= attempt.valid_until:
        return False
    return attempt.resend_until is None or now < attempt.resend_until


class NotFoundVerdict(StrEnum):
    """What "not found" means at a given time; never that the money was not paid."""

    WAIT = "wait"
    """The bank may still be accepting the order."""
    RESEND = "resend"
    """Same key, same bytes."""
    FENCE = "fence"
    """Too late to resend: close the key."""


def judge_not_found(attempt: Attempt, now: datetime, terms: GatewayTerms) -> NotFoundVerdict:
    """What to do when the bank does not know the key of an attempt that may have been sent."""
    last_sent_at = attempt.last_sent_at or attempt.prepared_at
    if now < last_sent_at + terms.settle_window:
        return NotFoundVerdict.WAIT
    window = attempt.resend_until or attempt.valid_until
    if now < min(window, attempt.valid_until):
        return NotFoundVerdict.RESEND
    return NotFoundVerdict.FENCE


def fence_proves_absence(attempt: Attempt, now: datetime, terms: GatewayTerms) -> bool:
    """Whether a confirmed fence also proves that the order was never executed.

    A fence promises that the key cannot execute any more. Only a bank that still remembers the key
    would have answered that it already has: after the retention the same answer proves nothing.
    """
    if attempt.first_sent_at is None:
        return True
    return now < attempt.first_sent_at + terms.key_retention - terms.max_network_delay


def final_days(imported: Mapping[date, datetime], terms: GatewayTerms) -> frozenset[date]:
    """Days whose statement was fetched when it could no longer grow (Shanghai days)."""
    return frozenset(
        day
        for day, imported_at in imported.items()
        if imported_at >= midnight(day) + timedelta(days=1) + terms.statement_final_after
    )


def is_lease_over(attempt: Attempt, now: datetime, terms: GatewayTerms) -> bool:
    """Whether whoever claimed the order has come too late: also where the clock that it was claimed by ran ahead."""
    until = attempt.lease_until
    return until is not None and not now < until <= now + 2 * terms.lease


def is_query_due(attempt: Attempt, now: datetime, terms: GatewayTerms) -> bool:
    """Whether the bank is to be asked about an open order: also where the clock has been set back since the last time."""
    at = attempt.next_query_at
    return at is not None and not now < at <= now + terms.query_pause_most


def query_pause(asked_before: int, terms: GatewayTerms) -> timedelta:
    """Pause before the next question: doubles from the first to the longest pause."""
    doubled: int = 2 ** min(asked_before, 16)
    return min(terms.query_pause_first * doubled, terms.query_pause_most)
