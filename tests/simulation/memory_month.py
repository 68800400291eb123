"""Stores of the month in memory, as far as payments rest on them: budgets, applications, statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from fundpool.domain.application import Application
from fundpool.domain.chart_of_accounts import AccountRef
from fundpool.domain.ledger import COUNTING
from fundpool.domain.month_records import BudgetRevision, Opening
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.services.ports.statement_ports import CashEntry, StatedBalance
from schemas.payment_messages import StatementLine
from tests.seals import SEALS


class MemoryBudgets:
    """``BudgetStore`` in memory; nobody has opening figures."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def budgets(self, city: str, year: int) -> Mapping[tuple[str, str], int]:
        return {(each.county, each.fund): each.amount_fen for each in self.budget_revisions(city, year)}

    def budget_revisions(self, city: str, year: int) -> tuple[BudgetRevision, ...]:
        found = [
            each
            for (of_city, of_year, *_), each in self._state.budgets.items()
            if (of_city, of_year) == (city, year)
        ]
        return tuple(sorted(found, key=lambda each: (each.county, each.fund, each.revision)))

    def set_budget(
        self,
        city: str,
        year: int,
        county: str,
        fund: str,
        amount_fen: int,
        document_number: str,
        by: str,
        at: datetime,
    ) -> bool:
        revisions = [
            each for each in self.budget_revisions(city, year) if (each.county, each.fund) == (county, fund)
        ]
        latest = revisions[-1] if revisions else None
        if latest and (latest.amount_fen, latest.document_number) == (amount_fen, document_number):
            return False
        number = latest.revision + 1 if latest else 1
        revision = BudgetRevision(year, county, fund, number, amount_fen, document_number, by, at)
        sealed = replace(revision, seal=SEALS.of(revision, city))
        self._state.own("budgets")[city, year, county, fund, number] = sealed
        return True

    def openings(self, city: str) -> tuple[Opening, ...]:
        return ()


class MemoryApplications:
    """``ApplicationStore`` in memory: the schedules order without one."""

    def applications(
        self, city: str, month: Month | None = None, year: int | None = None
    ) -> tuple[Application, ...]:
        return ()


class MemoryStatements:
    """``StatementStore`` in memory, as far as payments and the statements of past days need it."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def add_lines(
        self, lines: Sequence[StatementLine], at: datetime
    ) -> tuple[list[StatementLine], list[StatementLine]]:
        fresh, altered = [], []
        for line in lines:
            known = self._state.lines.get((line.account, line.bank_serial))
            if known is None:
                self._state.own("lines")[line.account, line.bank_serial] = line
                fresh.append(line)
            elif known != line:
                altered.append(line)
        return fresh, altered

    def mark_imported(
        self, account_no: str, day: date, lines: int, at: datetime, *, sequence: int | None
    ) -> None:
        self._state.own("statement_days")[account_no, day] = at
        if sequence is None:
            self._state.own("sequences").pop((account_no, day), None)
        else:
            self._state.own("sequences")[account_no, day] = sequence

    def mark_not_imported(self, account_no: str, day: date) -> None:
        self._state.own("statement_days").pop((account_no, day), None)
        self._state.own("sequences").pop((account_no, day), None)

    def sequences(self, account_no: str) -> dict[date, int]:
        return {day: no for (account, day), no in self._state.sequences.items() if account == account_no}

    def imports(self, account_no: str) -> dict[date, datetime]:
        return {day: at for (account, day), at in self._state.statement_days.items() if account == account_no}

    def lines_of_key(self, attempt_key: str) -> list[StatementLine]:
        return [each for each in self._state.lines.values() if each.key == attempt_key]

    def keys_with_lines(self, keys: Iterable[str]) -> frozenset[str]:
        return frozenset(keys) & {each.key for each in self._state.lines.values() if each.key is not None}

    def lines_of_account(self, account_no: str, first: date, last: date) -> list[StatementLine]:
        return [
            each
            for (account, _), each in self._state.lines.items()
            if account == account_no and first <= each.executed_at.astimezone(SHANGHAI).date() <= last
        ]

    def state_balance(self, account_no: str, balance: StatedBalance) -> None:
        self._state.own("stated")[account_no, balance.day] = balance

    def balances(self, account_no: str) -> list[StatedBalance]:
        return [each for (account, _), each in sorted(self._state.stated.items()) if account == account_no]

    def entries(self, ref: AccountRef, until: datetime) -> list[CashEntry]:
        found = [
            CashEntry(
                entry.key,
                entry.amount_fen if entry.debit == ref else -entry.amount_fen,
                entry.event_at,
                entry.flow,
                entry.attempt_key,
                entry.reverses,
                entry.memo,
            )
            for entry in (stored.posting for stored in self._state.postings.values())
            if ref in {entry.debit, entry.credit} and entry.phase in COUNTING and entry.event_at < until
        ]
        return sorted(found, key=lambda each: each.event_at)
