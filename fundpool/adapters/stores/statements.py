"""Stated balances and matched receipts, on SQL."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, or_, select

from fundpool.adapters.stores.sealed_rows import RowWriter
from fundpool.domain.chart_of_accounts import AccountRef, Flow
from fundpool.domain.errors import InputError
from fundpool.domain.ledger import COUNTING
from fundpool.domain.periods import SHANGHAI
from fundpool.services.ports.statement_ports import CashEntry, MatchRule, StatedBalance, StoredLine
from schemas.payment_messages import Direction, StatementLine
from schemas.tables.ledger import ledger_account, posting, voucher
from schemas.tables.statements import receipt_match, statement_balance
from schemas.tables.transfers import reconciliation_break, statement_line


class SqlStatementStore:
    """Statements beside the books, read and written in the transaction of ``connection``."""

    def __init__(self, connection: Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows

    def state_balance(self, account_no: str, balance: StatedBalance) -> None:
        values = {
            "closing_fen": balance.closing_fen,
            "opening_fen": balance.opening_fen,
            "source": balance.source,
            "recorded_by": balance.recorded_by,
            "recorded_at": balance.recorded_at,
        }
        key = {"account_no": account_no, "day": balance.day.isoformat()}
        self._rows.put(statement_balance, key, values)

    def balances(self, account_no: str) -> list[StatedBalance]:
        c = statement_balance.c
        rows = self._connection.execute(
            select(statement_balance).where(c.account_no == account_no).order_by(c.day)
        )
        return [
            StatedBalance(
                date.fromisoformat(row.day),
                row.closing_fen,
                row.source,
                row.recorded_by,
                row.recorded_at,
                row.opening_fen,
            )
            for row in rows
        ]

    def lines(self, account_no: str, until: date) -> list[StoredLine]:
        c = statement_line.c
        end = datetime.combine(until + timedelta(days=1), time(), SHANGHAI)
        rows = self._connection.execute(
            select(statement_line)
            .where(c.account_no == account_no, c.executed_at < end)
            .order_by(c.executed_at, c.id)
        )
        return [
            StoredLine(
                row.id,
                StatementLine(
                    bank_serial=row.bank_serial,
                    account=row.account_no,
                    direction=Direction(row.direction),
                    amount_fen=row.amount_fen,
                    key=row.attempt_key,
                    counterparty=row.counterparty,
                    executed_at=row.executed_at,
                    counterparty_account=row.counterparty_account,
                ),
            )
            for row in rows
        ]

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
        rows = self._connection.execute(
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
            CashEntry(
                key=row.key,
                amount_fen=row.amount_fen if row.debit_id == account_id else -row.amount_fen,
                event_at=row.event_at,
                flow=Flow(row.flow),
                attempt_key=row.attempt_key,
                reverses=row.reverses,
                memo=row.memo,
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

    def add_match(self, line_id: int, posting_key: str, rule: MatchRule, by: str, at: datetime) -> None:
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

    def assign_break(self, break_id: int, owner: str) -> None:
        c = reconciliation_break.c
        is_open = (c.id == break_id, c.resolved_at.is_(None))
        if self._rows.update(reconciliation_break, is_open, {"owner": owner}) != 1:
            raise InputError(
                "break_unknown", f"没有未结的第 {break_id} 号差异", f"there is no open break {break_id}"
            )
