"""Cities with years of payments behind them, written straight into the tables.

The rows are those the product would have left: batches, obligations, attempts, calls to the bank,
statement lines, postings in chained vouchers, the chained audit trail, closed months. They go in by
the driver's fastest way, because the product itself would take days.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select, text, update

from fundpool.adapters.stores.accounts import account_of
from fundpool.adapters.stores.attempts import attempt_of
from fundpool.adapters.stores.audit import _digest
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.payments import batch_of, obligation_of
from fundpool.adapters.stores.sealed_rows import RowWriter, SqlLatestSeals, SqlRowTrail
from fundpool.domain.audit import AuditRecord, seal_record
from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.ledger import GENESIS, Phase, Posting, Voucher, seal_voucher
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.row_trail import RowEntry
from fundpool.domain.sealing import Seals
from fundpool.domain.transfer import Hop, PaymentOrder, attempt_key, request_hash
from schemas.payment_messages import TransferOrder
from schemas.tables import metadata
from schemas.tables.accounts import bank_account
from schemas.tables.base import stored_moment
from schemas.tables.transfers import attempts, obligations, transfer_batch

FUNDS = ("employee", "resident")
COUNTIES = tuple(f"{place:02d}" for place in range(1, 10))
MONTHS = 120
MONTH = Month(2026, 10)
"""The month that is measured; the history ends with the month before."""
HOP = Hop(AccountType.FISCAL_ACCOUNT, AccountType.COUNTY_EXPENDITURE)
PER_CITY = MONTHS * len(FUNDS) * len(COUNTIES)
OPENING_FEN = 10**13
MAKER, CHECKER, RELEASER = "经办甲", "复核乙", "财务丙"
_ROWS_AT_ONCE = 20_000
_ROWS_PER_RECORD = 5_000

Row = dict[str, Any]


def city_name(number: int) -> str:
    return f"city{number:04d}"


def account_no(city: str, fund: str, unit: str) -> str:
    """The bank's number of a unit's account; the unit of the city itself is ``00``."""
    return f"62{city[4:]}{FUNDS.index(fund)}{unit}"


def orders(city: str, month: Month = MONTH) -> list[PaymentOrder]:
    """What the city pays its counties in a month: both funds, over the direct hop."""
    return [
        PaymentOrder(city, fund, month, HOP, "00", unit, 1_000_00 + int(unit) + 10 * place)
        for place, fund in enumerate(FUNDS)
        for unit in COUNTIES
    ]


class History:
    """Writes ``transfers`` settled payments of the ten years before MONTH, in whole cities, at least one."""

    def __init__(self, database: Database, transfers: int, seals: Seals, *, cities_at_least: int = 1) -> None:
        self._database = database
        self._seals = seals
        self.cities = max(cities_at_least, round(transfers / PER_CITY))
        self.months = MONTHS if transfers else 0
        self._ids: dict[str, int] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._books: dict[tuple[str, str], tuple[int, str]] = {}
        self._audit: tuple[int, str] = (0, GENESIS)
        self._balances: dict[AccountRef, int] = {}
        self._accounts: dict[AccountRef, int] = {}

    def write(self) -> int:
        """Write it all; how many transfers there are."""
        driver = self._database.engine.raw_connection()
        self._driver, self._cursor = driver, driver.cursor()
        if self._database.is_sqlite:
            # Nothing is measured here: what is lost with the power is made again.
            (waits,) = self._cursor.execute("PRAGMA synchronous").fetchone()
            self._cursor.execute("PRAGMA synchronous = OFF")
            self._cursor.execute("PRAGMA cache_size = -400000")
            self._cursor.execute("BEGIN IMMEDIATE")
        for number in range(self.cities):
            self._found(city_name(number))
        for ref, row_id in self._accounts.items():
            self._put("ledger_account", self._account(ref, row_id))
        self._flush()
        for past in range(self.months):
            for number in range(self.cities):
                self._month(city_name(number), MONTH.plus(past - self.months))
            self._flush()
        self._close_months()
        self._flush()
        self._set_balances()
        if self._database.is_sqlite:
            self._cursor.execute("COMMIT")
            self._cursor.execute(f"PRAGMA synchronous = {waits}")
        else:
            for table, last in self._ids.items():
                if "/" not in table:
                    self._cursor.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), {last})")
            driver.commit()
        driver.close()
        self._database.transaction(self._seal)
        if not self._database.is_sqlite:
            # What autovacuum does in the course of ten years.
            with self._database.engine.begin() as connection:
                connection.execute(text("analyze"))
        return self.cities * self.months * len(FUNDS) * len(COUNTIES)

    def _seal(self, connection: Connection) -> None:
        """Seal the rows, and begin the trail with them as they stand."""
        for table, read in (
            (transfer_batch, batch_of),
            (obligations, obligation_of),
            (attempts, attempt_of),
            (bank_account, account_of),
        ):
            for row in connection.execute(select(table)).mappings().all():
                seal = self._seals.of(read(row))
                connection.execute(update(table).where(table.c.id == row["id"]).values(seal=seal))
        trail = SqlRowTrail(connection, self._seals)
        for table_name in trail.tables():
            rows = iter(trail.prints(table_name))
            while some := list(islice(rows, _ROWS_PER_RECORD)):
                trail.append([RowEntry(table_name, key, None, stands) for key, stands in some], *self._audit)
        SqlLatestSeals(connection, RowWriter(connection)).adopt()

    def _found(self, city: str) -> None:
        """Registered accounts and opening balances."""
        start = _at(MONTH.plus(-self.months - 1), 1)
        for fund in FUNDS:
            for unit in ("00", *COUNTIES):
                kind = AccountType.FISCAL_ACCOUNT if unit == "00" else AccountType.COUNTY_EXPENDITURE
                self._bank_account(city, fund, unit, kind, start)
                self._ledger_id(AccountRef(city, fund, kind, unit))
            fiscal = AccountRef(city, fund, AccountType.FISCAL_ACCOUNT, "00")
            brought = AccountRef(city, fund, AccountType.FUND_BALANCE, "00")
            opening = Posting(
                f"opening/{fiscal}", fiscal, brought, OPENING_FEN, Flow.OPENING, Phase.DIRECT, start
            )
            self._book(opening, start)

    def _close_months(self) -> None:
        for (city, fund), (_, head_hash) in self._books.items():
            for past in range(self.months):
                row = {
                    "city": city,
                    "fund": fund,
                    "month": str(MONTH.plus(past - self.months)),
                    "closed_at": _stored(_at(MONTH, 1)),
                    "closed_by": CHECKER,
                    "head_hash": head_hash,
                }
                self._put("month_lock", row)

    def _bank_account(self, city: str, fund: str, unit: str, kind: AccountType, at: datetime) -> None:
        number = account_no(city, fund, unit)
        self._put(
            "bank_account",
            {
                "id": self._next("bank_account", number),
                "city": city,
                "fund": fund,
                "unit": unit,
                "account_type": kind.value,
                "version": 1,
                "account_no": number,
                "account_name": f"{city}{unit}",
                "bank_name": "农业银行",
                "status": "approved",
                "maker": MAKER,
                "proposed_at": _stored(at),
                "checker": CHECKER,
                "approved_at": _stored(at),
                "usable_from": _stored(at),
            },
        )

    def _month(self, city: str, month: Month) -> None:
        paid_at = _at(month, 8)
        by_fund: dict[str, list[PaymentOrder]] = {}
        for order in orders(city, month):
            by_fund.setdefault(order.fund, []).append(order)
        for fund, group in by_fund.items():
            batch_id = self._batch(city, fund, month, group, paid_at)
            for order in group:
                self._transfer(order, batch_id, paid_at)

    def _batch(self, city: str, fund: str, month: Month, group: list[PaymentOrder], at: datetime) -> int:
        batch_id = self._next("transfer_batch")
        moment = _stored(at)
        self._put(
            "transfer_batch",
            {
                "id": batch_id,
                "key": group[0].batch_key,
                "city": city,
                "fund": fund,
                "month": str(month),
                "hop": str(HOP),
                "application": 1,
                "state": "released",
                "total_fen": sum(order.amount_fen for order in group),
                "count": len(group),
                "maker": MAKER,
                "made_at": moment,
                "checker": CHECKER,
                "approved_at": moment,
                "approved_digest": "0" * 64,
                "releaser": RELEASER,
                "released_at": moment,
                "version": 3,
            },
        )
        return batch_id

    def _transfer(self, order: PaymentOrder, batch_id: int, at: datetime) -> None:
        obligation_id = self._next("obligation")
        debit_no = account_no(order.city, order.fund, "00")
        self._put(
            "obligation",
            {
                "id": obligation_id,
                "key": order.key,
                "batch_id": batch_id,
                "city": order.city,
                "fund": order.fund,
                "month": str(order.month),
                "hop": str(HOP),
                "payer_unit": "00",
                "unit": order.unit,
                "purpose": order.purpose,
                "application": 1,
                "revision": 1,
                "amount_fen": order.amount_fen,
                "debit_account_id": self._ids[f"bank_account/{debit_no}"],
                "credit_account_id": self._ids[
                    f"bank_account/{account_no(order.city, order.fund, order.unit)}"
                ],
                "state": "settled",
                "version": 5,
                "settled_at": _stored(at),
            },
        )
        key = attempt_key(order.key, 1)
        self._attempt(order, obligation_id, key, debit_no, at)
        self._postings(order, key, at)
        for action in ("prepare_attempt", "attempt_claim", "attempt_succeeded"):
            self._audit_record("system", action, f"attempt:{key}", {"state": action}, at)
        for phase in ("started", "finished"):
            self._put(
                "gateway_call",
                {
                    "id": self._next("gateway_call"),
                    "attempt_key": key,
                    "operation": "submit",
                    "phase": phase,
                    "worker_epoch": 1,
                    "at": _stored(at),
                    "answer": "succeeded" if phase == "finished" else None,
                },
            )
        self._put(
            "statement_line",
            {
                "id": self._next("statement_line"),
                "account_no": debit_no,
                "bank_serial": f"H{obligation_id:011d}",
                "direction": "debit",
                "amount_fen": order.amount_fen,
                "attempt_key": key,
                "executed_at": _stored(at),
                "imported_at": _stored(at),
            },
        )

    def _attempt(
        self, order: PaymentOrder, obligation_id: int, key: str, debit_no: str, at: datetime
    ) -> None:
        moment = _stored(at)
        body = TransferOrder(
            key=key,
            amount_fen=order.amount_fen,
            debit_account=debit_no,
            credit_account=account_no(order.city, order.fund, order.unit),
            credit_name=f"{order.city}{order.unit}",
            purpose=f"{order.fund} {order.month} {order.purpose}",
            end_to_end_id=key.replace("-", ""),
            valid_until=at,
        ).body
        self._put(
            "attempt",
            {
                "id": self._next("attempt"),
                "obligation_id": obligation_id,
                "attempt_no": 1,
                "key": key,
                "state": "succeeded",
                "version": 3,
                "amount_fen": order.amount_fen,
                "request": body,
                "request_hash": request_hash(body),
                "prepared_at": moment,
                "valid_until": moment,
                "first_sent_at": moment,
                "last_sent_at": moment,
                "resend_until": moment,
                "lease_until": moment,
                "worker": "w1",
                "worker_epoch": 1,
                "was_unknown": 0,
                "times_asked": 0,
                "bank_serial": f"H{obligation_id:011d}",
                "executed_at": moment,
            },
        )

    def _postings(self, order: PaymentOrder, key: str, at: datetime) -> None:
        payee = AccountRef(order.city, order.fund, AccountType.COUNTY_EXPENDITURE, order.unit)
        payer = AccountRef(order.city, order.fund, AccountType.FISCAL_ACCOUNT, "00")
        reserve = f"transfer/{key}/reserve"
        for phase, resolves in ((Phase.RESERVE, None), (Phase.POST, reserve)):
            entry = Posting(
                f"transfer/{key}/{phase}",
                payee,
                payer,
                order.amount_fen,
                Flow.PAY_DIRECT,
                phase,
                at,
                resolves=resolves,
                attempt_key=key,
                memo=order.key,
            )
            self._book(entry, at)

    def _book(self, entry: Posting, at: datetime) -> None:
        city, fund = entry.debit.city, entry.debit.fund
        number, previous_hash = self._books.get((city, fund), (0, GENESIS))
        month = Month.of(at.date())
        header = Voucher(city, fund, number + 1, at, "system", 1, previous_hash, "")
        sealed = seal_voucher(header, [(entry, month, None)])
        self._books[city, fund] = (number + 1, sealed)
        voucher_id = self._next("voucher")
        self._put(
            "voucher",
            {
                "id": voucher_id,
                "city": city,
                "fund": fund,
                "number": number + 1,
                "recorded_at": _stored(at),
                "made_by": "system",
                "lines": 1,
                "previous_hash": previous_hash,
                "hash": sealed,
            },
        )
        self._put(
            "posting",
            {
                "id": self._next("posting"),
                "voucher_id": voucher_id,
                "line": 1,
                "key": entry.key,
                "debit_id": self._ledger_id(entry.debit),
                "credit_id": self._ledger_id(entry.credit),
                "amount_fen": entry.amount_fen,
                "flow": entry.flow.value,
                "phase": entry.phase.value,
                "event_at": _stored(at),
                "month": str(month),
                "resolves": entry.resolves,
                "attempt_key": entry.attempt_key,
                "leg": entry.phase.value if entry.attempt_key else None,
                "memo": entry.memo,
            },
        )
        if entry.phase is not Phase.RESERVE:
            self._balances[entry.debit] = self._balances.get(entry.debit, 0) + entry.amount_fen
            self._balances[entry.credit] = self._balances.get(entry.credit, 0) - entry.amount_fen
        self._audit_record("system", "book", f"voucher:{city}/{fund}/{number + 1}", {"lines": 1}, at)

    def _audit_record(self, actor: str, action: str, subject: str, after: Row, at: datetime) -> None:
        number, previous_hash = self._audit
        digest = _digest_of_change(*after.items())
        record = AuditRecord(
            number + 1, at, actor, action, subject, None, digest, "{}", None, previous_hash, ""
        )
        sealed = seal_record(record)
        self._audit = (number + 1, sealed)
        fields = {name: getattr(record, name) for name in AuditRecord.__slots__}
        self._put("audit", fields | {"at": _stored(at), "hash": sealed})

    def _ledger_id(self, ref: AccountRef) -> int:
        found = self._accounts.get(ref)
        if found is None:
            found = self._accounts[ref] = self._next("ledger_account")
        return found

    def _account(self, ref: AccountRef, row_id: int) -> Row:
        return {
            "id": row_id,
            "city": ref.city,
            "fund": ref.fund,
            "type": ref.type.value,
            "unit": ref.unit,
            "detail": ref.detail,
            "is_cash": int(ref.is_cash),
            "posted_fen": 0,
            "reserved_fen": 0,
        }

    def _next(self, table: str, name: str | None = None) -> int:
        self._ids[table] = self._ids.get(table, 0) + 1
        if name is not None:
            self._ids[f"{table}/{name}"] = self._ids[table]
        return self._ids[table]

    def _put(self, name: str, row: Row) -> None:
        row = _of_database(name) | row
        self._rows.setdefault(name, []).append(tuple(map(row.get, _columns(name))))

    def _set_balances(self) -> None:
        mark = "?" if self._database.is_sqlite else "%s"
        self._cursor.executemany(
            f"update ledger_account set posted_fen = {mark} where id = {mark}",
            [(balance_fen, self._accounts[ref]) for ref, balance_fen in self._balances.items()],
        )

    def _flush(self) -> None:
        """Write the rows that wait; tables that others refer to first."""
        for table in metadata.sorted_tables:
            for part in _parts(self._rows.pop(table.name, [])):
                self._insert(table, part)

    def _insert(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        if self._database.is_sqlite:
            marks = ",".join("?" * len(table.columns))
            self._cursor.executemany(f"insert into {table.name} values ({marks})", rows)
            return
        columns = ",".join(f'"{column.name}"' for column in table.columns)
        with self._cursor.copy(f"copy {table.name} ({columns}) from stdin") as copy:
            for row in rows:
                copy.write_row(row)


@cache
def _of_database(table: str) -> Row:
    """What the database fills in by itself."""
    return {
        column.name: int(column.server_default.arg)  # type: ignore[attr-defined]
        for column in metadata.tables[table].columns
        if column.server_default is not None
    }


@cache
def _columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in metadata.tables[table].columns)


# Many rows share a moment and a change.
_stored = lru_cache(maxsize=1024)(stored_moment)


@lru_cache(maxsize=1024)
def _digest_of_change(*items: tuple[str, Any]) -> str | None:
    return _digest(dict(items))


def _parts(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[start : start + _ROWS_AT_ONCE]


def _at(month: Month, day: int) -> datetime:
    return datetime(month.year, month.month, day, 9, tzinfo=SHANGHAI) + timedelta(minutes=1)
