"""The bank's statements and matched receipts, on SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select

from fundpool.adapters.stores.listed_values import among, listed
from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.adapters.stores.store import Store, StoredRow, record_of, rows_where, values_of
from fundpool.domain.chart_of_accounts import AccountRef, Flow
from fundpool.domain.ledger import COUNTING
from fundpool.domain.periods import midnight
from fundpool.services.ports.statement_ports import CashEntry, MatchRule, StatedBalance, StoredLine
from schemas.payment_messages import Direction, StatementLine
from schemas.tables.ledger import ledger_account, posting, voucher
from schemas.tables.statements import receipt_match, statement_balance
from schemas.tables.transfers import statement_day, statement_line

_BALANCES = rows_where(statement_balance, "account_no")
_LINE = rows_where(statement_line, "account_no", "bank_serial")
_DAYS = rows_where(statement_day, "account_no")
_LINES_BETWEEN = (
    rows_where(statement_line, "account_no")
    .where(
        statement_line.c.executed_at >= bindparam("first"), statement_line.c.executed_at < bindparam("end")
    )
    .order_by(statement_line.c.executed_at, statement_line.c.id)
)
_LINES_OF_KEY = rows_where(statement_line, "attempt_key").order_by(statement_line.c.id)


@cache
def _keys_with_lines(dialect: str) -> Select[Any]:
    return select(statement_line.c.attempt_key).where(among(dialect, statement_line.c.attempt_key))


class SqlStatementStore(Store):
    """``StatementStore`` on SQL."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        super().__init__(connection, rows)
        # A catch-up keeps two months of an account's days in one transaction: what stood before is read once.
        self._days: dict[str, dict[date, StoredRow]] = {}
        self._balances: dict[str, dict[date, StatedBalance]] = {}

    def add_lines(
        self, lines: Sequence[StatementLine], at: datetime
    ) -> tuple[list[StatementLine], list[StatementLine]]:
        fresh: list[StatementLine] = []
        altered: list[StatementLine] = []
        for line in lines:
            row = self._first(_LINE, account_no=line.account, bank_serial=line.bank_serial)
            if row is not None:
                if not _is_same(_line(row), line):
                    altered.append(line)
                continue
            fresh.append(line)
            self._rows.insert(
                statement_line,
                _line_values(line) | {"imported_at": at},
            )
        return fresh, altered

    def mark_imported(
        self, account_no: str, day: date, lines: int, *, at: datetime, sequence: int | None
    ) -> None:
        key = {"account_no": account_no, "day": day.isoformat()}
        values = {"lines": lines, "imported_at": at, "sequence": sequence}
        days = self._days_of(account_no)
        if day in days:
            self._rows.put(statement_day, key, values)
        else:
            self._rows.insert(statement_day, key | values)
        days[day] = values

    def mark_not_imported(self, account_no: str, day: date) -> None:
        c = statement_day.c
        self._rows.delete(statement_day, [c.account_no == account_no, c.day == day.isoformat()])
        self._days_of(account_no).pop(day, None)

    def sequences(self, account_no: str) -> dict[date, int]:
        days = self._days_of(account_no).items()
        return {day: row["sequence"] for day, row in days if row["sequence"] is not None}

    def imports(self, account_no: str) -> dict[date, datetime]:
        return {day: row["imported_at"] for day, row in self._days_of(account_no).items()}

    def _days_of(self, account_no: str) -> dict[date, StoredRow]:
        if account_no not in self._days:
            rows = self._all(_DAYS, account_no=account_no)
            self._days[account_no] = {date.fromisoformat(row["day"]): row for row in rows}
        return self._days[account_no]

    def lines_of_key(self, attempt_key: str) -> list[StatementLine]:
        return [_line(row) for row in self._all(_LINES_OF_KEY, attempt_key=attempt_key)]

    def keys_with_lines(self, keys: Iterable[str]) -> frozenset[str]:
        dialect = self._connection.dialect.name
        return frozenset(self._connection.scalars(_keys_with_lines(dialect), listed(dialect, keys)))

    def lines_of_account(self, account_no: str, first: date, last: date) -> list[StatementLine]:
        end = midnight(last + timedelta(days=1))
        rows = self._all(_LINES_BETWEEN, account_no=account_no, first=midnight(first), end=end)
        return [_line(row) for row in rows]

    def state_balance(self, account_no: str, balance: StatedBalance) -> None:
        values = values_of(balance)
        del values["day"]
        key = {"account_no": account_no, "day": balance.day.isoformat()}
        self._rows.put(statement_balance, key, values)
        self._balances_of(account_no)[balance.day] = balance

    def balances(self, account_no: str) -> list[StatedBalance]:
        balances = self._balances_of(account_no)
        return [balances[day] for day in sorted(balances)]

    def _balances_of(self, account_no: str) -> dict[date, StatedBalance]:
        if account_no not in self._balances:
            self._balances[account_no] = {
                (day := date.fromisoformat(row["day"])): record_of(StatedBalance, row, day=day)
                for row in self._all(_BALANCES, account_no=account_no)
            }
        return self._balances[account_no]

    def lines(self, account_no: str, until: date) -> list[StoredLine]:
        c = statement_line.c
        query = (
            select(statement_line)
            .where(c.account_no == account_no, c.executed_at < midnight(until + timedelta(days=1)))
            .order_by(c.executed_at, c.id)
        )
        return [StoredLine(row["id"], _line(row)) for row in self._all(query)]

    def entries(self, ref: AccountRef, until: datetime) -> list[CashEntry]:
        c, account = posting.c, ledger_account.c
        account_id = self._connection.scalar(
            select(account.id).where(
                account.city == ref.city,
                account.fund == ref.fund,
                account.type == ref.type.value,
                account.unit == ref.unit,
                account.detail == ref.detail,
            )
        )
        rows = self._all(
            # By the vouchers of its book: an index of accounts would cost every posting more than it saves.
            select(posting)
            .join(voucher, voucher.c.id == c.voucher_id)
            .where(
                voucher.c.city == ref.city,
                voucher.c.fund == ref.fund,
                or_(c.debit_id == account_id, c.credit_id == account_id),
                c.phase.in_([phase.value for phase in COUNTING]),
                c.event_at < until,
            )
            .order_by(c.event_at, c.id)
        )
        return [
            record_of(
                CashEntry,
                row,
                amount_fen=row["amount_fen"] if row["debit_id"] == account_id else -row["amount_fen"],
                flow=Flow(row["flow"]),
            )
            for row in rows
        ]

    def matches(self, account_no: str) -> dict[int, str]:
        rows = self._connection.execute(
            select(receipt_match.c.statement_line_id, receipt_match.c.posting_key)
            .join(statement_line, statement_line.c.id == receipt_match.c.statement_line_id)
            .where(statement_line.c.account_no == account_no)
        )
        return {row.statement_line_id: row.posting_key for row in rows}

    def matched_postings(self, keys: Sequence[str]) -> frozenset[str]:
        query = select(receipt_match.c.posting_key).where(receipt_match.c.posting_key.in_(keys))
        return frozenset(self._connection.scalars(query))

    def add_match(self, line_id: int, posting_key: str, rule: MatchRule, *, by: str, at: datetime) -> None:
        self._rows.insert(
            receipt_match,
            {
                "statement_line_id": line_id,
                "posting_key": posting_key,
                "rule": rule.value,
                "matched_by": by,
                "matched_at": at,
            },
        )


def _line_values(line: StatementLine) -> dict[str, Any]:
    values = values_of(line)
    return values | {"account_no": values.pop("account"), "attempt_key": values.pop("key")}


def _line(row: StoredRow) -> StatementLine:
    direction = Direction(row["direction"])
    return record_of(
        StatementLine, row, account=row["account_no"], direction=direction, key=row["attempt_key"]
    )


def _is_same(known: StatementLine, line: StatementLine) -> bool:
    """Whether the bank says the same; another source of it may not give the other party's account."""
    if known.counterparty_account is None or line.counterparty_account is None:
        return replace(known, counterparty_account=None) == replace(line, counterparty_account=None)
    return known == line
