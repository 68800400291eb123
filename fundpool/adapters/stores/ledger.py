"""The books on SQL, written in batches: one voucher with any number of postings per call."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, case, func, insert, select, update

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
from fundpool.services.money_ports import StoredPosting
from schemas.tables.base import stored_moment
from schemas.tables.ledger import ledger_account, month_lock, posting, voucher

_KEYS_PER_QUERY = 500
"""SQLite takes 999 parameters in its oldest builds; 500 keys stay clear of every limit."""

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

_SET_BALANCE = (
    update(ledger_account)
    .where(ledger_account.c.id == bindparam("account_id"))
    .values(
        posted_fen=bindparam("new_posted_fen"),
        reserved_fen=bindparam("new_reserved_fen"),
        overdraft_evidence=func.coalesce(ledger_account.c.overdraft_evidence, bindparam("evidence")),
    )
)


class SqlLedgerStore:
    """Reads and appends to the books within the transaction of ``connection``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[AccountRef, int] = {}

    def load(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        wanted = set(refs)
        found = self.peek(wanted)
        for ref in sorted(wanted - found.keys()):
            found[ref] = self._open(ref)
        return found

    def peek(self, refs: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        wanted = set(refs)
        found: dict[AccountRef, Balance] = {}
        for city, fund in sorted({(ref.city, ref.fund) for ref in wanted}):
            units = sorted({ref.unit for ref in wanted if (ref.city, ref.fund) == (city, fund)})
            for part in _parts(units):
                c = ledger_account.c
                rows = self._connection.execute(
                    select(ledger_account).where(c.city == city, c.fund == fund, c.unit.in_(part))
                ).mappings()
                for row in rows:
                    ref = _ref(row)
                    self._ids[ref] = row["id"]
                    if ref in wanted:
                        found[ref] = Balance(row["posted_fen"], row["reserved_fen"])
        return found

    def _open(self, ref: AccountRef) -> Balance:
        result = self._connection.execute(
            insert(ledger_account).values(
                city=ref.city,
                fund=ref.fund,
                type=ref.type.value,
                unit=ref.unit,
                detail=ref.detail,
                is_cash=int(ref.is_cash),
                posted_fen=0,
                reserved_fen=0,
            )
        )
        assert result.inserted_primary_key is not None
        self._ids[ref] = result.inserted_primary_key[0]
        return Balance()

    def existing(self, keys: Sequence[str]) -> dict[str, Posting]:
        # Most keys are new: the cheap question first, the whole rows only for the few that exist.
        hits: list[str] = []
        for part in _parts(keys):
            hits += self._connection.scalars(select(posting.c.key).where(posting.c.key.in_(part)))
        found: dict[str, Posting] = {}
        for part in _parts(hits):
            for row in self._rows(posting.c.key.in_(part)):
                stored = _stored(row)
                found[stored.posting.key] = stored.posting
        return found

    def resolved(self, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in _parts(keys):
            rows = self._connection.execute(
                select(posting.c.resolves, posting.c.key).where(posting.c.resolves.in_(part))
            )
            found.update({row.resolves: row.key for row in rows})
        return found

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
        number, previous_hash = self._head(city, fund)
        header = Voucher(city, fund, number + 1, recorded_at, made_by, len(postings), previous_hash, hash="")
        sealed = seal_voucher(header, postings)
        result = self._connection.execute(
            insert(voucher).values(
                city=city,
                fund=fund,
                number=header.number,
                recorded_at=recorded_at,
                made_by=made_by,
                lines=header.lines,
                previous_hash=previous_hash,
                hash=sealed,
            )
        )
        assert result.inserted_primary_key is not None
        voucher_id = result.inserted_primary_key[0]
        self._insert(
            [
                self._row(voucher_id, line, entry, month, adjusts)
                for line, (entry, month, adjusts) in enumerate(postings, start=1)
            ]
        )
        self._connection.execute(
            _SET_BALANCE,
            [
                {
                    "account_id": self._ids[ref],
                    "new_posted_fen": balance.posted_fen,
                    "new_reserved_fen": balance.reserved_fen,
                    "evidence": evidence if ref.is_cash and balance.posted_fen < 0 else None,
                }
                for ref, balance in balances.items()
            ],
        )
        return header.number

    def _row(
        self, voucher_id: int, line: int, entry: Posting, month: Month, adjusts: Month | None
    ) -> tuple[Any, ...]:
        return (
            voucher_id,
            line,
            entry.key,
            self._ids[entry.debit],
            self._ids[entry.credit],
            entry.amount_fen,
            entry.flow.value,
            entry.phase.value,
            _moment_text(entry.event_at),
            str(month),
            str(adjusts) if adjusts else None,
            entry.resolves,
            entry.reverses,
            entry.attempt_key,
            leg_of(entry) if entry.attempt_key else None,
            entry.memo,
        )

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        """Write the rows by the driver's fastest way; every constraint is checked all the same."""
        names = ", ".join(_POSTING_COLUMNS)
        if self._connection.dialect.name == "sqlite":
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
        row = self._connection.execute(
            select(voucher.c.number, voucher.c.hash)
            .where(voucher.c.city == city, voucher.c.fund == fund)
            .order_by(voucher.c.number.desc())
            .limit(1)
        ).first()
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
        recorded_until: datetime | None,
    ) -> list[AccountBalance]:
        counting = [phase.value for phase in COUNTING]
        moved = case((posting.c.phase.in_(counting), posting.c.amount_fen), else_=0)
        reserved = case(
            (posting.c.phase == Phase.RESERVE.value, posting.c.amount_fen),
            (posting.c.phase.in_([Phase.POST.value, Phase.VOID.value]), -posting.c.amount_fen),
            else_=0,
        )
        totals: dict[int, Balance] = {}
        for column, sign in ((posting.c.debit_id, 1), (posting.c.credit_id, -1)):
            query = select(column.label("account_id"), func.sum(moved), func.sum(reserved)).group_by(column)
            if event_until is not None:
                query = query.where(posting.c.event_at <= event_until)
            if recorded_until is not None:
                query = query.join(voucher, voucher.c.id == posting.c.voucher_id).where(
                    voucher.c.recorded_at <= recorded_until
                )
            for account_id, moved_fen, reserved_fen in self._connection.execute(query):
                balance = totals.setdefault(account_id, Balance())
                # PostgreSQL sums bigint as numeric, which the driver hands over as Decimal.
                balance.posted_fen += sign * int(moved_fen)
                if sign < 0:
                    balance.reserved_fen += int(reserved_fen)
        return [
            AccountBalance(_ref(row), totals[row["id"]].posted_fen, totals[row["id"]].reserved_fen)
            for row in self._accounts(city, fund)
            if row["id"] in totals
        ]

    def _accounts(self, city: str | None, fund: str | None) -> list[RowMapping]:
        c = ledger_account.c
        query = select(ledger_account).order_by(c.city, c.fund, c.type, c.unit, c.detail)
        for column, value in ((c.city, city), (c.fund, fund)):
            if value is not None:
                query = query.where(column == value)
        return list(self._connection.execute(query).mappings())

    def vouchers(self, city: str | None = None, fund: str | None = None) -> Iterable[Voucher]:
        query = select(voucher).order_by(voucher.c.city, voucher.c.fund, voucher.c.number)
        for column, value in ((voucher.c.city, city), (voucher.c.fund, fund)):
            if value is not None:
                query = query.where(column == value)
        for row in self._connection.execute(query).mappings():
            yield Voucher(**{name: row[name] for name in Voucher.__slots__})

    def postings(self, city: str | None = None, fund: str | None = None) -> Iterable[StoredPosting]:
        conditions = []
        for column, value in ((voucher.c.city, city), (voucher.c.fund, fund)):
            if value is not None:
                conditions.append(column == value)
        for row in self._rows(*conditions):
            yield _stored(row)

    def _rows(self, *conditions: Any) -> Iterator[RowMapping]:
        debit, credit = ledger_account.alias("debit"), ledger_account.alias("credit")
        query = (
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
        yield from self._connection.execute(query).mappings()

    def locked_months(self, city: str, fund: str) -> frozenset[Month]:
        return frozenset(self.locks(city, fund))

    def locks(self, city: str, fund: str) -> dict[Month, str]:
        rows = self._connection.execute(
            select(month_lock.c.month, month_lock.c.head_hash).where(
                month_lock.c.city == city, month_lock.c.fund == fund
            )
        )
        return {Month.parse(row.month): row.head_hash for row in rows}

    def lock_month(self, city: str, fund: str, month: Month, by: str, at: datetime) -> bool:
        if month in self.locked_months(city, fund):
            return False
        _, head_hash = self._head(city, fund)
        self._connection.execute(
            insert(month_lock).values(
                city=city, fund=fund, month=str(month), closed_at=at, closed_by=by, head_hash=head_hash
            )
        )
        return True

    def chains(self) -> list[tuple[str, str, int, str]]:
        pairs = self._connection.execute(
            select(voucher.c.city, voucher.c.fund).distinct().order_by(voucher.c.city, voucher.c.fund)
        ).all()
        return [(city, fund, *self._head(city, fund)) for city, fund in pairs]


_REF_COLUMNS = ("city", "fund", "type", "unit", "detail")


@lru_cache(maxsize=1024)
def _moment_text(moment: datetime) -> str:
    """What the Moment column stores; the rows of a batch often share it."""
    return stored_moment(moment)


def leg_of(entry: Posting) -> str:
    """The leg of its attempt that a posting is: each leg is booked once at most."""
    return entry.phase.value if entry.phase is not Phase.DIRECT else entry.flow.value


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        yield keys[start : start + _KEYS_PER_QUERY]


def _ref(row: RowMapping, prefix: str = "") -> AccountRef:
    return AccountRef(
        row[f"{prefix}city"],
        row[f"{prefix}fund"],
        AccountType(row[f"{prefix}type"]),
        row[f"{prefix}unit"],
        row[f"{prefix}detail"],
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
