"""The money stores in memory, with the database's constraints: hundreds of schedules a second.

Some schedules run on SQLite as well and must come to the same end, so that this stand-in cannot
drift from the real stores. A committed state is never changed: a transaction copies only the
containers it writes to, so that a rollback, a backup and a restore cost nothing. The audit trail
is chained only when somebody reads it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, TypeVar

from fundpool.adapters.stores.audit import _digest
from fundpool.adapters.stores.ledger import leg_of
from fundpool.domain.audit import AuditRecord, seal_record
from fundpool.domain.chart_of_accounts import CASH, AccountRef, AccountType
from fundpool.domain.errors import InputError, RuleViolation
from fundpool.domain.ledger import GENESIS, AccountBalance, Balance, Posting, Voucher, seal_voucher
from fundpool.domain.month_records import BudgetRevision
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.transfer import (
    LIVE,
    AccountStatus,
    Attempt,
    AttemptState,
    BankAccount,
    Batch,
    BatchLine,
    BatchState,
    Obligation,
    ObligationState,
    PaymentLimits,
    PaymentOrder,
    check_obligation_arrow,
    new_batch,
    new_obligation,
)
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.latest_seals import RowName, name_of
from fundpool.services.ports.money_ports import (
    AccountProposal,
    Break,
    GatewayCall,
    KillSwitch,
    Recovery,
    StoredPosting,
    new_account,
)
from fundpool.services.ports.statement_ports import StatedBalance
from schemas.payment_messages import StatementLine
from tests.seals import SEALS
from tests.simulation.memory_month import MemoryApplications, MemoryBudgets, MemoryStatements
from tests.simulation.writer import Changed, Row, Rows

T = TypeVar("T")


Entry = tuple[datetime, str, str, str, Mapping[str, Any] | None, Mapping[str, Any] | None, str | None]
"""An audit record that nobody has chained yet: the arguments of ``MemoryAudit.append`` in order."""


class ConstraintBroken(AssertionError):
    """What the database would have refused."""


@dataclass
class State:
    """Everything that is stored. Records are immutable; a transaction copies what it writes to."""

    audit: list[Entry] = field(default_factory=list)
    accounts: dict[int, BankAccount] = field(default_factory=dict)
    balances: dict[AccountRef, tuple[int, int]] = field(default_factory=dict)
    overdrafts: set[AccountRef] = field(default_factory=set)
    postings: dict[str, StoredPosting] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    legs: set[tuple[str, str]] = field(default_factory=set)
    vouchers: dict[tuple[str, str], list[Voucher]] = field(default_factory=dict)
    locks: dict[tuple[str, str], dict[Month, str]] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    obligations: dict[int, Obligation] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    calls: list[GatewayCall] = field(default_factory=list)
    callbacks: set[tuple[str, str]] = field(default_factory=set)
    lines: dict[tuple[str, str], StatementLine] = field(default_factory=dict)
    statement_days: dict[tuple[str, date], datetime] = field(default_factory=dict)
    breaks: dict[int, Break] = field(default_factory=dict)
    switches: dict[tuple[str, str], KillSwitch] = field(default_factory=dict)
    recoveries: dict[tuple[str, str], Recovery] = field(default_factory=dict)
    budgets: dict[tuple[str, int, str, str, int], BudgetRevision] = field(default_factory=dict)
    sequences: dict[tuple[str, date], int] = field(default_factory=dict)
    stated: dict[tuple[str, date], StatedBalance] = field(default_factory=dict)
    latest: dict[RowName, str] = field(default_factory=dict)

    base: "State | None" = None
    """What a draft is made from."""
    owned: set[str] = field(default_factory=set)
    """Names of the containers that this state has copied and may write to."""

    def draft(self) -> "State":
        """The same contents for a transaction to write to; nothing is copied yet."""
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.owned = set()
        other.base = self
        return other

    def note_seals(self) -> None:
        """Keep the latest seals of what this draft wrote until now."""
        assert self.base is not None
        before = self.base.latest
        for name in self.owned & _SEALED:
            stood = getattr(self.base, name)
            for key, record in getattr(self, name).items():
                was = stood.get(key)
                if record is was:
                    continue
                row = row_of(name, key, record)
                follows = was is not None and name != "switches"
                if not follows or (was.seal != record.seal and before.get(row) == was.seal):
                    self.own("latest")[row] = record.seal

    def own(self, name: str) -> Any:
        """The container of that name, to be written to."""
        held = self.__dict__[name]
        if name not in self.owned:
            self.owned.add(name)
            held = self.__dict__[name] = held.copy()
        return held

    def snapshot(self) -> "State":
        """An independent copy; the records in it are shared because nothing changes them."""
        other = copy(self)
        for name in self.__dataclass_fields__:
            setattr(other, name, copy(getattr(self, name)))
        other.vouchers = {key: list(value) for key, value in self.vouchers.items()}
        other.locks = {key: dict(value) for key, value in self.locks.items()}
        return other


class MemoryTransactions:
    """``Transactions`` in memory: all or nothing, the same failpoints as the database."""

    def __init__(self) -> None:
        self.limits = PaymentLimits()
        self.state = State()
        self._read: tuple[State, SimpleNamespace] | None = None

    def snapshot(self) -> State:
        """A backup: the committed state itself, because nothing changes it any more."""
        return self.state

    def restore(self, backup: State) -> None:
        """The whole state as it was."""
        self.state = backup

    def put_back(self, tables: Iterable[str], backup: State, *, with_seals: bool) -> None:
        """These tables alone as they were, see ``writer.PUT_BACK``; with their rows' latest seals, or not."""
        draft = self.state.draft()
        draft.base = None
        names = [name for each in tables for name in _HELD_IN[each]]
        for name in names:
            setattr(draft, name, getattr(backup, name))
        if with_seals:
            put_back = {table for table, (name, _) in _STORED_AS.items() if name in names}
            latest = {row: seal for row, seal in draft.latest.items() if row.table not in put_back}
            earlier = {row: seal for row, seal in backup.latest.items() if row.table in put_back}
            draft.latest = latest | earlier
        self.state = draft

    def anchors(self) -> list[Any]:
        """None: there is no trail of rows in memory."""
        return []

    def rows(self, table: str) -> Rows:
        """What stands in one of ``writer.WRITTEN_TO``, as a database has it."""
        name, _ = _STORED_AS[table]
        return {
            key if isinstance(key, tuple) else (key,): {
                each.name: getattr(record, each.name) for each in fields(record)
            }
            for key, record in getattr(self.state, name).items()
        }

    def put(self, changed: Changed) -> None:
        """Store the rows as given; ``None`` deletes."""
        draft = self.state.draft()
        draft.base = None
        for (table, key), row in changed.items():
            name, kind = _STORED_AS[table]
            of_row = key[0] if len(key) == 1 else key
            if row is None:
                draft.own(name).pop(of_row)
            else:
                draft.own(name)[of_row] = _record(kind, row)
        self.state = draft

    def transaction(self, work: Callable[[Any], T]) -> T:
        draft = self.state.draft()
        result = work(_work(draft, self.limits))
        draft.note_seals()
        draft.base = None
        failpoint("before commit")
        self.state = draft
        failpoint("after commit")
        return result

    def read(self, work: Callable[[Any], T]) -> T:
        if self._read is None or self._read[0] is not self.state:
            self._read = (self.state, _work(self.state, self.limits))
        return work(self._read[1])


_STORED_AS: dict[str, tuple[str, Any]] = {
    "attempt": ("attempts", Attempt),
    "bank_account": ("accounts", BankAccount),
    "budgets": ("budgets", BudgetRevision),
    "kill_switch": ("switches", KillSwitch),
    "obligation": ("obligations", Obligation),
    "transfer_batch": ("batches", Batch),
}
_STATES = {Attempt: AttemptState, Batch: BatchState, Obligation: ObligationState}
_HELD_IN = {
    "payments": ("obligations", "attempts"),
    "batches": ("batches",),
    "accounts": ("accounts",),
    "budgets": ("budgets",),
    "switches": ("switches", "recoveries", "breaks"),
    "ledger": ("vouchers", "postings", "resolved", "legs", "balances", "overdrafts", "locks"),
    "statements": ("lines", "statement_days", "sequences", "stated"),
    "calls": ("calls", "callbacks"),
    "trails": ("audit",),
}
"""The containers of the tables of ``writer.PUT_BACK``."""


_SEALED = {name for name, _ in _STORED_AS.values()}


def row_of(container: str, key: Any, record: Any) -> RowName:
    """The name of the row that a database would hold the record in."""
    return name_of(record, city=key[0]) if container == "budgets" else name_of(record)


def _record(kind: Any, row: Row) -> Any:
    """A record as the store would read it; only its state has a type of its own that a writer names."""
    return kind(**row) if kind not in _STATES else kind(**{**row, "state": _STATES[kind](row["state"])})


def _work(state: State, limits: PaymentLimits) -> SimpleNamespace:
    made = SimpleNamespace()
    made.seals = SEALS
    made.limits = limits
    made.audit = MemoryAudit(state)
    made.latest = MemoryLatest(state)
    made.accounts = MemoryAccounts(state)
    made.ledger = MemoryLedger(state)
    made.payments = MemoryPayments(state)
    made.attempts = MemoryAttempts(state)
    made.breaks = MemoryBreaks(state)
    made.switches = MemorySwitches(state)
    made.budgets = MemoryBudgets(state)
    made.applications = MemoryApplications()
    made.statements = MemoryStatements(state)
    made.installation = SimpleNamespace(find=lambda: None)
    return made


class MemoryAudit:
    def __init__(self, state: State) -> None:
        self._state = state

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
        self._state.own("audit").append((at, actor, action, subject, before, after, reason))

    def records(self, subject: str | None = None, _after: int = 0) -> Iterable[AuditRecord]:
        previous_hash = GENESIS
        for number, entry in enumerate(self._state.audit, start=1):
            at, actor, action, about, before, after, reason = entry
            record = AuditRecord(
                number,
                at,
                actor,
                action,
                about,
                _digest(before),
                _digest(after),
                "",
                reason,
                previous_hash,
                "",
            )
            record = replace(record, hash=seal_record(record))
            previous_hash = record.hash
            if subject in {None, about}:
                yield record

    def head(self) -> tuple[int, str]:
        records = list(self.records())
        return (records[-1].number, records[-1].hash) if records else (0, GENESIS)

    def last_at(self) -> datetime | None:
        return self._state.audit[-1][0] if self._state.audit else None


class MemoryLatest:
    """``LatestSeals`` in memory, as far as payments rest on them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def of_rows(self, names: Iterable[RowName]) -> dict[RowName, str]:
        latest = self._now()
        return {name: latest[name] for name in names if name in latest}

    def of_place(self, table: str, place: str) -> dict[RowName, str]:
        return {name: seal for name, seal in self._now().items() if name[:2] == (table, place)}

    def _now(self) -> dict[RowName, str]:
        if self._state.base is not None:
            self._state.note_seals()
        return self._state.latest


class MemoryAccounts:
    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def _rows(self) -> dict[int, BankAccount]:
        return self._state.accounts

    def propose(self, proposal: AccountProposal, maker: str, at: datetime) -> BankAccount:
        account = replace(
            SEALS.sealed(new_account(proposal, 1, maker, proposed_at=at)), id=len(self._rows) + 1
        )
        self._state.own("accounts")[account.id] = account
        return account

    def approve(self, account: BankAccount, checker: str, at: datetime, usable_from: datetime) -> BankAccount:
        approved = SEALS.changed(
            account, status=AccountStatus.APPROVED, checker=checker, approved_at=at, usable_from=usable_from
        )
        before = self.approved(account.city, account.fund, account.account_type, unit=account.unit)
        if before is not None:
            self._state.own("accounts")[before.id] = SEALS.changed(before, status=AccountStatus.RETIRED)
        self._state.own("accounts")[account.id] = approved
        return approved

    def get(self, account_id: int) -> BankAccount:
        return self._rows[account_id]

    def get_all(self, account_ids: Sequence[int]) -> list[BankAccount]:
        return [self._rows[account_id] for account_id in account_ids]

    def approved(self, city: str, fund: str, account_type: AccountType, unit: str) -> BankAccount | None:
        for each in self._rows.values():
            place = (each.city, each.fund, each.account_type, each.unit)
            if place == (city, fund, account_type, unit) and each.status is AccountStatus.APPROVED:
                return each
        return None

    def find(
        self,
        city: str | None = None,
        fund: str | None = None,
        status: AccountStatus | None = None,
        account_no: str | None = None,
    ) -> list[BankAccount]:
        found = [
            each
            for each in self._rows.values()
            if city in {None, each.city}
            and fund in {None, each.fund}
            and status in {None, each.status}
            and account_no in {None, each.account_no}
        ]
        return sorted(
            found, key=lambda each: (each.city, each.fund, each.account_type, each.unit, each.version)
        )


class MemoryLedger:
    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        held = self._state.own("balances")
        return {ref: Balance(*held.setdefault(ref, (0, 0))) for ref in refs}

    def peek(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        return {ref: Balance(*self._state.balances[ref]) for ref in refs if ref in self._state.balances}

    def existing(self, keys: Sequence[str]) -> dict[str, Posting]:
        return {key: self._state.postings[key].posting for key in keys if key in self._state.postings}

    def resolved(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self._state.resolved[key] for key in keys if key in self._state.resolved}

    def append(
        self,
        city: str,
        fund: str,
        postings: Sequence[tuple[Posting, Month, Month | None]],
        balances: Mapping[AccountRef, Balance],
        *,
        made_by: str,
        recorded_at: datetime,
        evidence: str | None = None,
    ) -> int:
        chain = self._state.vouchers.get((city, fund), [])
        header = Voucher(
            city,
            fund,
            len(chain) + 1,
            recorded_at,
            made_by,
            len(postings),
            chain[-1].hash if chain else GENESIS,
            "",
        )
        header = replace(header, hash=seal_voucher(header, postings))
        self._state.own("vouchers")[city, fund] = [*chain, header]
        stored = self._state.own("postings")
        for line, (entry, month, adjusts) in enumerate(postings, start=1):
            self._require_unique(entry)
            stored[entry.key] = StoredPosting(
                entry, header.number, line, month, adjusts, recorded_at, made_by
            )
        for ref, balance in balances.items():
            if ref.type in CASH and balance.posted_fen < 0:
                if evidence is None and ref not in self._state.overdrafts:
                    raise ConstraintBroken(f"cash below nil: {ref}")
                self._state.own("overdrafts").add(ref)
            if balance.reserved_fen < 0:
                raise ConstraintBroken(f"reserve below nil: {ref}")
            self._state.own("balances")[ref] = (balance.posted_fen, balance.reserved_fen)
        return header.number

    def _require_unique(self, entry: Posting) -> None:
        if entry.key in self._state.postings:
            raise ConstraintBroken(f"posting twice: {entry.key}")
        if entry.resolves is not None:
            if entry.resolves in self._state.resolved:
                raise ConstraintBroken(f"reserve resolved twice: {entry.resolves}")
            self._state.own("resolved")[entry.resolves] = entry.key
        kind = leg_of(entry)
        if entry.attempt_key is not None and kind is not None:
            leg = (entry.attempt_key, kind)
            if leg in self._state.legs:
                raise ConstraintBroken(f"leg booked twice: {leg}")
            self._state.own("legs").add(leg)

    def balances(self, city: str | None = None, fund: str | None = None) -> list[AccountBalance]:
        return [
            AccountBalance(ref, *held)
            for ref, held in sorted(self._state.balances.items())
            if city in {None, ref.city} and fund in {None, ref.fund}
        ]

    def vouchers(self, city: str | None = None, fund: str | None = None) -> Iterable[Voucher]:
        return [
            each
            for key, chain in sorted(self._state.vouchers.items())
            for each in chain
            if city in {None, key[0]} and fund in {None, key[1]}
        ]

    def postings(self, city: str | None = None, fund: str | None = None) -> Iterable[StoredPosting]:
        return [
            each
            for each in self._state.postings.values()
            if city in {None, each.posting.debit.city} and fund in {None, each.posting.debit.fund}
        ]

    def stray_postings(self) -> list[str]:
        return []

    def locked_months(self, city: str, fund: str, since: Month | None = None) -> frozenset[Month]:
        return frozenset(month for month in self.locks(city, fund) if since is None or month >= since)

    def lock_month(self, city: str, fund: str, month: Month, *, by: str, at: datetime) -> bool:
        closed = self.locks(city, fund)
        if month in closed:
            return False
        chain = self._state.vouchers.get((city, fund), [])
        head = chain[-1].hash if chain else GENESIS
        self._state.own("locks")[city, fund] = {**closed, month: head}
        return True

    def locks(self, city: str, fund: str) -> dict[Month, str]:
        return self._state.locks.get((city, fund), {})


def _place(each: Obligation) -> tuple[object, ...]:
    return (each.application, each.unit, each.fund, each.month, each.hop, each.city, each.purpose)


class MemoryPayments:
    """``PaymentStore`` in memory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_batch(
        self, key: str, orders: Sequence[tuple[PaymentOrder, int, int]], maker: str, at: datetime
    ) -> Batch:
        made = SEALS.sealed(new_batch(key, orders, maker, made_at=at))
        batch = replace(made, id=len(self._state.batches) + 1)
        self._state.own("batches")[batch.id] = batch
        for order, debit_account_id, credit_account_id in orders:
            number = len(self._state.obligations) + 1
            owed = SEALS.sealed(
                new_obligation(batch.id, order, debit_account_id, credit_account_id=credit_account_id)
            )
            self._state.own("obligations")[number] = replace(owed, id=number)
        return batch

    def batch(self, batch_id: int) -> Batch:
        return _known(self._state.batches, batch_id, "batch_unknown")

    def batch_by_key(self, key: str) -> Batch | None:
        return next((each for each in self._state.batches.values() if each.key == key), None)

    def batches(self, city: str, month: Any = None, hop: Any = None, fund: Any = None) -> list[Batch]:
        return [
            each
            for each in self._state.batches.values()
            if each.city == city
            and month in {None, each.month}
            and hop in {None, each.hop}
            and fund in {None, each.fund}
        ]

    def change_batch(self, batch: Batch, **fields: Any) -> Batch:
        current = self._state.batches[batch.id]
        _require_version(batch, current)
        if "state" in fields:
            fields["state"] = BatchState(fields["state"])
        changed = SEALS.changed(current, version=current.version + 1, **fields)
        if changed.maker in {changed.checker, changed.releaser}:
            raise ConstraintBroken("the maker checks himself")
        self._state.own("batches")[batch.id] = changed
        return changed

    def batch_lines(self, batch_id: int) -> list[BatchLine]:
        accounts = self._state.accounts
        return [
            BatchLine(
                each.key,
                each.amount_fen,
                *(debit.account_no, debit.version),
                *(credit.account_no, credit.version, credit.account_name),
            )
            for each in self.obligations(batch_id=batch_id)
            for debit in [accounts[each.debit_account_id]]
            for credit in [accounts[each.credit_account_id]]
            if all((of.city, of.fund) == (each.city, each.fund) for of in (debit, credit))
        ]

    def obligation(self, obligation_id: int) -> Obligation:
        return _known(self._state.obligations, obligation_id, "obligation_unknown")

    def obligation_by_key(self, key: str) -> Obligation | None:
        return next((each for each in self._state.obligations.values() if each.key == key), None)

    def obligations(
        self,
        *,
        city: Any = None,
        month: Any = None,
        year: Any = None,
        fund: Any = None,
        hop: Any = None,
        unit: Any = None,
        batch_id: Any = None,
        states: Iterable[ObligationState] | None = None,
    ) -> list[Obligation]:
        wanted = None if states is None else set(states)
        return [
            each
            for each in self._state.obligations.values()
            if city in {None, each.city}
            and month in {None, each.month}
            and year in {None, each.month.year}
            and fund in {None, each.fund}
            and hop in {None, each.hop}
            and unit in {None, each.unit}
            and batch_id in {None, each.batch_id}
            and (wanted is None or each.state in wanted)
        ]

    def revisions(self, obligation: Obligation) -> list[Obligation]:
        place = _place(obligation)
        return [each for each in self._state.obligations.values() if _place(each) == place]

    def with_revisions(self, obligation_id: int) -> tuple[Obligation, list[Obligation]]:
        obligation = self.obligation(obligation_id)
        return obligation, self.revisions(obligation)

    def paying_accounts(self, city: str) -> list[int]:
        return sorted(
            {each.debit_account_id for each in self._state.obligations.values() if each.city == city}
        )

    def change_obligation(self, obligation: Obligation, state: ObligationState, **fields: Any) -> Obligation:
        check_obligation_arrow(obligation.state, state, obligation.key)
        return self._put(obligation, state=state, **fields)

    def note_retry(self, obligation: Obligation, asked_by: str) -> None:
        self._put(obligation, retry_asked_by=asked_by)

    def _put(self, obligation: Obligation, **fields: Any) -> Obligation:
        current = self._state.obligations[obligation.id]
        _require_version(obligation, current)
        changed = SEALS.changed(current, version=current.version + 1, **fields)
        self._state.own("obligations")[obligation.id] = changed
        return changed


class MemoryAttempts:
    """``AttemptStore`` in memory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, prepared: Attempt) -> Attempt:
        made = SEALS.sealed(prepared)
        attempt = replace(made, id=len(self._state.attempts) + 1)
        if any(each.key == made.key for each in self._state.attempts.values()):
            raise ConstraintBroken(f"key used twice: {made.key}")
        self._require_one_live(attempt)
        self._state.own("attempts")[attempt.id] = attempt
        return attempt

    def _require_one_live(self, attempt: Attempt) -> None:
        rivals = [
            each
            for each in self._state.attempts.values()
            if each.id != attempt.id and each.obligation_id == attempt.obligation_id and each.state in LIVE
        ]
        if rivals and attempt.state in LIVE:
            raise ConstraintBroken(f"two live attempts: {rivals[0].key} and {attempt.key}")

    def get(self, attempt_id: int) -> Attempt:
        return _known(self._state.attempts, attempt_id, "attempt_unknown")

    def by_key(self, key: str) -> Attempt | None:
        return next((each for each in self._state.attempts.values() if each.key == key), None)

    def of_serial(self, bank_serial: str) -> list[Attempt]:
        return [each for each in self._state.attempts.values() if each.bank_serial == bank_serial]

    def of_obligation(self, obligation_id: int) -> list[Attempt]:
        return [each for each in self._state.attempts.values() if each.obligation_id == obligation_id]

    def of_obligations(self, obligation_ids: Iterable[int]) -> dict[int, list[Attempt]]:
        return {obligation_id: self.of_obligation(obligation_id) for obligation_id in obligation_ids}

    def in_states(
        self,
        states: Iterable[AttemptState],
        *,
        city: Any = None,
        month: Any = None,
        due_at: datetime | None = None,
        executed_on: date | None = None,
    ) -> list[Attempt]:
        wanted = set(states)
        return [
            each
            for each in self._state.attempts.values()
            if each.state in wanted
            and (due_at is None or (each.next_query_at is not None and each.next_query_at <= due_at))
            and (executed_on is None or _is_on(each.executed_at, executed_on))
        ]

    def change(self, attempt: Attempt, **fields: Any) -> Attempt:
        current = self._state.attempts[attempt.id]
        _require_version(attempt, current)
        if "was_unknown" in fields:
            fields["was_unknown"] = bool(fields["was_unknown"])
        changed = SEALS.changed(current, version=current.version + 1, **fields)
        self._require_one_live(changed)
        self._state.own("attempts")[attempt.id] = changed
        return changed

    def record_call(self, call: GatewayCall) -> None:
        self._state.own("calls").append(call)

    def calls(self, attempt_key: str) -> list[GatewayCall]:
        return [each for each in self._state.calls if each.attempt_key == attempt_key]

    def add_callback(
        self, gateway: str, event_id: str, attempt_key: str, received_at: datetime, raw: bytes
    ) -> bool:
        if (gateway, event_id) in self._state.callbacks:
            return False
        self._state.own("callbacks").add((gateway, event_id))
        return True

    def sent_fen(self, city: str, fund: str, day: date) -> int:
        return sum(
            each.amount_fen
            for each in self._state.attempts.values()
            if each.first_sent_at is not None
            and each.first_sent_at.astimezone(SHANGHAI).date() == day
            and each.state not in {AttemptState.REJECTED, AttemptState.CLOSED}
        )


class MemoryBreaks:
    """``BreakStore`` in memory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, found: Break) -> bool:
        known = ((each.kind, each.reference) for each in self._state.breaks.values())
        if (found.kind, found.reference) in known:
            return False
        number = len(self._state.breaks) + 1
        self._state.own("breaks")[number] = replace(found, id=number)
        return True

    def find(self, city: str | None = None, *, only_open: bool = True) -> list[Break]:
        return [
            each
            for each in self._state.breaks.values()
            if city in {None, each.city} and not (only_open and each.resolved_at)
        ]

    def resolve(self, break_id: int, by: str, resolution: str, at: datetime) -> None:
        found = self._state.breaks.get(break_id)
        if found is None or found.resolved_at is not None:
            raise InputError("break_unknown", "", "")
        self._state.own("breaks")[break_id] = replace(
            found, resolved_at=at, resolved_by=by, resolution=resolution
        )


class MemorySwitches:
    """``SwitchStore`` in memory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def kill_switch(self, city: str, fund: str) -> KillSwitch | None:
        return self._state.switches.get((city, fund))

    def kill_switches(self) -> list[KillSwitch]:
        return [each for _, each in sorted(self._state.switches.items())]

    def set_kill_switch(self, switch: KillSwitch) -> None:
        self._state.own("switches")[switch.city, switch.fund] = SEALS.sealed(switch)

    def recovery(self, city: str, fund: str) -> Recovery | None:
        return self._state.recoveries.get((city, fund))

    def recoveries(self) -> list[Recovery]:
        return [each for _, each in sorted(self._state.recoveries.items())]

    def put_recovery(self, recovery: Recovery) -> None:
        is_answered = recovery.keys_open == recovery.days_open == 0
        if recovery.finished_at is not None and not is_answered and recovery.second_by is None:
            raise ConstraintBroken(f"finished without answers: {recovery}")
        self._state.own("recoveries")[recovery.city, recovery.fund] = recovery


def _known(rows: Mapping[int, T], row_id: int, code: str) -> T:
    """The row, which books put back from a backup may not have."""
    if row_id not in rows:
        raise InputError(code, str(row_id), str(row_id))
    return rows[row_id]


def _is_on(moment: datetime | None, day: date) -> bool:
    return moment is not None and moment.astimezone(SHANGHAI).date() == day


def _require_version(seen: Any, current: Any) -> None:
    if seen.version != current.version:
        raise RuleViolation("changed_meanwhile", str(seen), str(current))
