"""The books on SQL, written in batches: one voucher with any number of postings per call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import (
    COUNTING,
    GENESIS,
    AccountBalance,
    Balance,
    Phase,
    Posting,
    Voucher,
    seal_voucher,
)
from fundpool.domain.periods import Month
from fundpool.services.ports.money_ports import MonthlyMovement, StoredPosting
from schemas.tables.base import stored_moment
from schemas.tables.ledger import ledger_account, month_lock, posting, voucher

_STREAMED = {"yield_per": 1000}
"""Of histories: no more rows than these are held at once."""

_COPY_FROM = 50
"""From this many postings PostgreSQL's COPY is worth its set-up."""

_POSTING_COLUMNS = (
    "voucher_id",
    "line",
    "key",
    "debit_id",
    "credit_id",
    "amount_fen",
    "flow",
    "phase",
    "event_at",
    "month",
    "adjusts_month",
    "resolves",
    "reverses",
    "attempt_key",
    "leg",
    "memo",
)

_ACCOUNTS = select(
    ledger_account.c.id,
    ledger_account.c.type,
    ledger_account.c.unit,
    ledger_account.c.detail,
    ledger_account.c.posted_fen,
    ledger_account.c.reserved_fen,
).where(ledger_account.c.city == bindparam("of_city"), ledger_account.c.fund == bindparam("of_fund"))

_HEAD = (
    select(voucher.c.number, voucher.c.hash)
    .where(voucher.c.city == bindparam("of_city"), voucher.c.fund == bindparam("of_fund"))
    .order_by(voucher.c.number.desc())
    .limit(1)
)

_LOCKED = select(month_lock.c.month).where(
    month_lock.c.city == bindparam("of_city"),
    month_lock.c.fund == bindparam("of_fund"),
    month_lock.c.month >= bindparam("since"),
)

_MOVEMENTS = (
    select(posting.c.debit_id, posting.c.credit_id, posting.c.phase, func.sum(posting.c.amount_fen))
    .join(voucher, voucher.c.id == posting.c.voucher_id)
    .group_by(posting.c.debit_id, posting.c.credit_id, posting.c.phase)
)


def _leg_of(c: Any) -> ColumnElement[Any]:
    """What ``leg_of`` gives, for the postings with columns ``c`` that stand there."""
    whole = case((c.phase != Phase.DIRECT.value, c.phase), else_=c.flow)
    key = literal("transfer/") + c.attempt_key + literal("/") + whole
    return case((c.attempt_key.is_(None), null()), (c.key == key, whole), else_=null())


_RESOLVING = frozenset({Phase.POST, Phase.VOID})

_SET_BALANCE = "UPDATE ledger_account SET posted_fen = ?, reserved_fen = ? WHERE id = ?"
_SET_BALANCES = (
    "UPDATE ledger_account SET posted_fen = now.posted_fen, reserved_fen = now.reserved_fen "
    "FROM unnest(%s::bigint[], %s::bigint[], %s::integer[]) "
    "AS now (posted_fen, reserved_fen, id) WHERE ledger_account.id = now.id"
)
"""The same as one statement: PostgreSQL answers each statement, SQLite has no one to answer."""


class SqlLedgerStore:
    """Reads and appends to the books within the transaction of ``connection``."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows
        self._dialect = connection.dialect.name
        self._ids: dict[str, int] = {}

    def peek(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        wanted = {ref.text: ref for ref in refs}
        units: dict[tuple[str, str], set[str]] = {}
        for ref in wanted.values():
            units.setdefault((ref.city, ref.fund), set()).add(ref.unit)
        found: dict[AccountRef, Balance] = {}
        for (city, fund), of_book in units.items():
            named = {"of_city": city, "of_fund": fund, **listed(self._dialect, sorted(of_book))}
            rows = self._connection.execute(_accounts_of(self._dialect), named)
            for account_id, type_, unit, detail, posted_fen, reserved_fen in rows:
                text = f"{city}:{fund}:{type_}:{unit}"
                account = wanted.get(f"{text}:{detail}" if detail else text)
                if account is not None:
                    self._ids[account.text] = account_id
                    found[account] = Balance(posted_fen, reserved_fen)
        return found

    def _open(self, refs: Iterable[AccountRef]) -> None:
        for ref in refs:
            row = self._rows.insert(
                ledger_account,
                {
                    "city": ref.city,
                    "fund": ref.fund,
                    "type": ref.type.value,
                    "unit": ref.unit,
                    "detail": ref.detail,
                    "is_cash": int(ref.is_cash),
                    "posted_fen": 0,
                    "reserved_fen": 0,
                },
            )
            self._ids[ref.text] = row["id"]

    def existing(self, keys: Sequence[str]) -> dict[str, Posting]:
        # Most keys are new: the cheap question first, the whole rows only for the few that exist.
        hits = self._connection.scalars(_known_keys(self._dialect), listed(self._dialect, keys)).all()
        if not hits:
            return {}
        rows = self._connection.execute(
            _known_postings(self._dialect), listed(self._dialect, hits)
        ).mappings()
        stored = map(_stored, rows)
        return {each.posting.key: each.posting for each in stored}

    def stored(self, key: str) -> StoredPosting | None:
        rows = self._connection.execute(
            _known_postings(self._dialect), listed(self._dialect, [key])
        ).mappings()
        row = rows.first()
        return _stored(row) if row is not None else None

    def resolved(self, keys: Sequence[str]) -> dict[str, str]:
        rows = self._connection.execute(_resolving(self._dialect), listed(self._dialect, keys))
        return {row.resolves: row.key for row in rows}

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
        number, previous_hash = self._head(city, fund)
        header = Voucher(
            city,
            fund,
            number + 1,
            recorded_at=recorded_at,
            made_by=made_by,
            lines=len(postings),
            previous_hash=previous_hash,
            hash="",
        )
        self._open(ref for ref in sorted(balances) if ref.text not in self._ids)
        row = self._rows.insert(
            voucher,
            {
                "city": city,
                "fund": fund,
                "number": header.number,
                "recorded_at": recorded_at,
                "made_by": made_by,
                "lines": header.lines,
                "previous_hash": previous_hash,
                "hash": seal_voucher(header, postings),
            },
        )
        self._insert(self._posting_rows(row["id"], postings))
        self._set_balances(balances, evidence)
        return header.number

    def _set_balances(self, balances: Mapping[AccountRef, Balance], evidence: str | None) -> None:
        if evidence is not None:
            c = ledger_account.c
            for ref, balance in balances.items():
                if ref.is_cash and balance.posted_fen < 0:
                    has_none = (c.id == self._ids[ref.text], c.overdraft_evidence.is_(None))
                    self._rows.update(ledger_account, has_none, {"overdraft_evidence": evidence})
        rows = [
            (balance.posted_fen, balance.reserved_fen, self._ids[ref.text])
            for ref, balance in balances.items()
        ]
        if self._dialect == "sqlite":
            self._connection.exec_driver_sql(_SET_BALANCE, rows)
        else:
            columns = tuple(list(column) for column in zip(*rows, strict=True))
            self._connection.exec_driver_sql(_SET_BALANCES, columns)

    def _posting_rows(
        self, voucher_id: int, postings: Sequence[tuple[Posting, Month, Month | None]]
    ) -> list[tuple[Any, ...]]:
        ids = self._ids
        return [
            (
                voucher_id,
                line,
                entry.key,
                ids[entry.debit.text],
                ids[entry.credit.text],
                entry.amount_fen,
                *_kind_columns(entry.flow, entry.phase, entry.event_at),
                *_month_columns(month, adjusts),
                entry.resolves,
                entry.reverses,
                entry.attempt_key,
                leg_of(entry) if entry.attempt_key else None,
                entry.memo,
            )
            for line, (entry, month, adjusts) in enumerate(postings, start=1)
        ]

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        """Write the rows by the driver's fastest way; every constraint is checked all the same."""
        names = ", ".join(_POSTING_COLUMNS)
        if self._dialect == "sqlite":
            marks = ", ".join("?" * len(_POSTING_COLUMNS))
            self._connection.exec_driver_sql(f"INSERT INTO posting ({names}) VALUES ({marks})", rows)  # noqa: S608 - names of our own columns
        elif len(rows) < _COPY_FROM:
            marks = ", ".join(["%s"] * len(_POSTING_COLUMNS))
            self._connection.exec_driver_sql(f"INSERT INTO posting ({names}) VALUES ({marks})", rows)  # noqa: S608 - as above
        else:
            cursor = self._connection.connection.cursor()
            with cursor.copy(f"COPY posting ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def _head(self, city: str, fund: str) -> tuple[int, str]:
        row = self._connection.execute(_HEAD, {"of_city": city, "of_fund": fund}).first()
        return (row.number, row.hash) if row else (0, GENESIS)

    def balances(self, city: str | None = None, fund: str | None = None) -> list[AccountBalance]:
        return [
            AccountBalance(_ref(row), row["posted_fen"], row["reserved_fen"])
            for row in self._accounts(city, fund)
        ]

    def balances_as_of(
        self,
        city: str | None,
        fund: str | None,
        event_until: datetime | None,
        *,
        recorded_until: datetime | None,
    ) -> list[AccountBalance]:
        if event_until is None:
            assert recorded_until is not None
            return self._balances_recorded_until(city, fund, recorded_until)
        query = _MOVEMENTS.where(posting.c.event_at <= event_until, *_of_book(city, fund))
        if recorded_until is not None:
            query = query.where(voucher.c.recorded_at <= recorded_until)
        totals: dict[int, Balance] = defaultdict(Balance)
        self._move(totals, query, 1)
        return [
            AccountBalance(_ref(row), totals[row["id"]].posted_fen, totals[row["id"]].reserved_fen)
            for row in self._accounts(city, fund)
            if row["id"] in totals
        ]

    def _balances_recorded_until(
        self, city: str | None, fund: str | None, recorded_until: datetime
    ) -> list[AccountBalance]:
        """The running balances less what was recorded later: the history before is not read."""
        accounts = self._accounts(city, fund)
        totals = {row["id"]: Balance(row["posted_fen"], row["reserved_fen"]) for row in accounts}
        later: dict[int, Balance] = defaultdict(Balance)
        self._move(later, _MOVEMENTS.where(voucher.c.recorded_at > recorded_until, *_of_book(city, fund)), -1)
        for account_id, change in later.items():
            totals[account_id].posted_fen += change.posted_fen
            totals[account_id].reserved_fen += change.reserved_fen
            if totals[account_id] == Balance() and not self._was_used(account_id, recorded_until):
                del totals[account_id]
        return [
            AccountBalance(_ref(row), totals[row["id"]].posted_fen, totals[row["id"]].reserved_fen)
            for row in accounts
            if row["id"] in totals
        ]

    def _move(self, totals: dict[int, Balance], query: Select[Any], sign: int) -> None:
        """Add up what the postings of ``query`` did to balances; ``sign`` -1 takes it off."""
        for debit_id, credit_id, phase, amount in self._connection.execute(query):
            # PostgreSQL sums bigint as numeric, which the driver hands over as Decimal.
            amount_fen = sign * int(amount)
            if phase in COUNTING:
                totals[debit_id].posted_fen += amount_fen
                totals[credit_id].posted_fen -= amount_fen
            else:
                totals[debit_id].posted_fen += 0  # it was named, and so is shown
            if phase == Phase.RESERVE:
                totals[credit_id].reserved_fen += amount_fen
            elif phase in _RESOLVING:
                totals[credit_id].reserved_fen -= amount_fen

    def _was_used(self, account_id: int, recorded_until: datetime) -> bool:
        c, v, account = posting.c, voucher.c, ledger_account.c
        query = (
            select(c.id)
            .select_from(ledger_account)
            # By the vouchers of its book: postings have no index of accounts.
            .join(voucher, and_(v.city == account.city, v.fund == account.fund))
            .join(posting, v.id == c.voucher_id)
            .where(account.id == account_id, or_(c.debit_id == account_id, c.credit_id == account_id))
            .where(v.recorded_at <= recorded_until)
            .limit(1)
        )
        return self._connection.scalar(query) is not None

    def _accounts(self, city: str | None, fund: str | None) -> list[RowMapping]:
        c = ledger_account.c
        query = select(ledger_account).order_by(c.city, c.fund, c.type, c.unit, c.detail)
        for column, value in ((c.city, city), (c.fund, fund)):
            if value is not None:
                query = query.where(column == value)
        return list(self._connection.execute(query).mappings())

    def vouchers(self, city: str | None = None, fund: str | None = None, after: int = 0) -> Iterable[Voucher]:
        query = select(voucher).where(*_of_book(city, fund), voucher.c.number > after)
        query = query.order_by(voucher.c.city, voucher.c.fund, voucher.c.number)
        for row in self._connection.execute(query, execution_options=_STREAMED).mappings():
            yield Voucher(**{name: row[name] for name in Voucher.__slots__})

    def postings(
        self, city: str | None = None, fund: str | None = None, after: int = 0
    ) -> Iterable[StoredPosting]:
        query = _postings_where(*_of_book(city, fund), voucher.c.number > after)
        for row in self._connection.execute(query, execution_options=_STREAMED).mappings():
            yield _stored(row)

    def stray_postings(self) -> list[str]:
        account, other = ledger_account.alias("debit"), ledger_account.alias("credit")
        # Writers take turns: what is written later stands behind.
        before = func.lag(posting.c.id).over(order_by=(posting.c.voucher_id, posting.c.line))
        lines = select(posting, before.label("before")).subquery()
        c = lines.c
        query = (
            select(c.key)
            .outerjoin(voucher, voucher.c.id == c.voucher_id)
            .outerjoin(account, account.c.id == c.debit_id)
            .outerjoin(other, other.c.id == c.credit_id)
            .where(
                or_(
                    voucher.c.id.is_(None),
                    account.c.id.is_(None),
                    other.c.id.is_(None),
                    c.leg.is_distinct_from(_leg_of(c)),
                    c.id < c.before,
                )
            )
        )
        return list(self._connection.scalars(query.order_by(c.key)))

    def locked_months(self, city: str, fund: str, since: Month | None = None) -> frozenset[Month]:
        named = {"of_city": city, "of_fund": fund, "since": str(since) if since else ""}
        return frozenset(map(Month.parse, self._connection.scalars(_LOCKED, named)))

    def closed_months(self, city: str, until: datetime) -> dict[str, frozenset[Month]]:
        query = select(month_lock.c.fund, month_lock.c.month).where(
            month_lock.c.city == city, month_lock.c.closed_at <= until
        )
        closed: dict[str, set[Month]] = defaultdict(set)
        for row in self._connection.execute(query):
            closed[row.fund].add(Month.parse(row.month))
        return {fund: frozenset(months) for fund, months in closed.items()}

    def monthly_movements(self, city: str, recorded_until: datetime) -> list[MonthlyMovement]:
        debit, credit = ledger_account.alias(), ledger_account.alias()
        kind = (
            debit.c.fund,
            posting.c.month,
            posting.c.flow,
            debit.c.type,
            debit.c.detail,
            credit.c.type,
            credit.c.detail,
        )
        query = (
            select(*kind, func.sum(posting.c.amount_fen))
            .select_from(posting)
            .join(voucher, voucher.c.id == posting.c.voucher_id)
            .join(debit, debit.c.id == posting.c.debit_id)
            .join(credit, credit.c.id == posting.c.credit_id)
            .where(
                voucher.c.city == city,
                voucher.c.recorded_at <= recorded_until,
                posting.c.phase.in_([phase.value for phase in COUNTING]),
            )
            .group_by(*kind)
            .order_by(posting.c.month)
        )
        return [
            MonthlyMovement(
                row[0],
                Month.parse(row[1]),
                Flow(row[2]),
                debit=AccountType(row[3]),
                debit_detail=row[4],
                credit=AccountType(row[5]),
                credit_detail=row[6],
                amount_fen=int(row[7]),
            )
            for row in self._connection.execute(query)
        ]

    def locks(self, city: str, fund: str) -> dict[Month, str]:
        rows = self._connection.execute(
            select(month_lock.c.month, month_lock.c.head_hash).where(
                month_lock.c.city == city, month_lock.c.fund == fund
            )
        )
        return {Month.parse(row.month): row.head_hash for row in rows}

    def lock_month(self, city: str, fund: str, month: Month, *, by: str, at: datetime) -> bool:
        if month in self.locked_months(city, fund):
            return False
        _, head_hash = self._head(city, fund)
        self._rows.insert(
            month_lock,
            {
                "city": city,
                "fund": fund,
                "month": str(month),
                "closed_at": at,
                "closed_by": by,
                "head_hash": head_hash,
            },
        )
        return True

    def chains(self) -> list[tuple[str, str, int, str]]:
        c = ledger_account.c
        books = self._connection.execute(select(c.city, c.fund).distinct().order_by(c.city, c.fund)).all()
        return [(city, fund, *self._head(city, fund)) for city, fund in books]


_REF_COLUMNS = ("city", "fund", "type", "unit", "detail")


def _postings_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Postings with their vouchers and accounts, in the order of the books."""
    debit, credit = ledger_account.alias("debit"), ledger_account.alias("credit")
    return (
        select(
            posting,
            voucher.c.number,
            voucher.c.recorded_at,
            voucher.c.made_by,
            *(debit.c[name].label(f"debit_{name}") for name in _REF_COLUMNS),
            *(credit.c[name].label(f"credit_{name}") for name in _REF_COLUMNS),
        )
        .join(voucher, voucher.c.id == posting.c.voucher_id)
        .join(debit, debit.c.id == posting.c.debit_id)
        .join(credit, credit.c.id == posting.c.credit_id)
        .where(*conditions)
        .order_by(voucher.c.city, voucher.c.fund, voucher.c.number, posting.c.line)
    )


@cache
def _known_keys(dialect: str) -> Select[Any]:
    return select(posting.c.key).where(among(dialect, posting.c.key))


@cache
def _known_postings(dialect: str) -> Select[Any]:
    return _postings_where(among(dialect, posting.c.key))


@cache
def _resolving(dialect: str) -> Select[Any]:
    return select(posting.c.resolves, posting.c.key).where(among(dialect, posting.c.resolves))


@cache
def _accounts_of(dialect: str) -> Select[Any]:
    return _ACCOUNTS.where(among(dialect, ledger_account.c.unit))


def _of_book(city: str | None, fund: str | None) -> list[ColumnElement[bool]]:
    """The vouchers of one city, of one fund, of both, or of neither in particular."""
    named = ((voucher.c.city, city), (voucher.c.fund, fund))
    return [column == value for column, value in named if value is not None]


@lru_cache(maxsize=1024)
def _kind_columns(flow: Flow, phase: Phase, event_at: datetime) -> tuple[str, str, str]:
    """What the columns hold that the postings of a batch often share."""
    return flow.value, phase.value, stored_moment(event_at)


@lru_cache(maxsize=1024)
def _month_columns(month: Month, adjusts: Month | None) -> tuple[str, str | None]:
    return str(month), str(adjusts) if adjusts else None


def leg_of(entry: Posting) -> str | None:
    """The leg of its attempt that a posting is: each leg is booked once at most.

    None for a part of one: a payment can come back in several, each booked under the bank's serial.
    """
    leg = entry.phase.value if entry.phase is not Phase.DIRECT else entry.flow.value
    return leg if entry.key == f"transfer/{entry.attempt_key}/{leg}" else None


def _ref(row: RowMapping, prefix: str = "") -> AccountRef:
    return AccountRef(
        row[f"{prefix}city"],
        row[f"{prefix}fund"],
        AccountType(row[f"{prefix}type"]),
        unit=row[f"{prefix}unit"],
        detail=row[f"{prefix}detail"],
    )


def _stored(row: RowMapping) -> StoredPosting:
    adjusts = row["adjusts_month"]
    return StoredPosting(
        posting=Posting(
            key=row["key"],
            debit=_ref(row, "debit_"),
            credit=_ref(row, "credit_"),
            amount_fen=row["amount_fen"],
            flow=Flow(row["flow"]),
            phase=Phase(row["phase"]),
            event_at=row["event_at"],
            resolves=row["resolves"],
            reverses=row["reverses"],
            attempt_key=row["attempt_key"],
            memo=row["memo"],
        ),
        voucher_number=row["number"],
        line=row["line"],
        month=Month.parse(row["month"]),
        adjusts_month=Month.parse(adjusts) if adjusts else None,
        recorded_at=row["recorded_at"],
        made_by=row["made_by"],
    )
