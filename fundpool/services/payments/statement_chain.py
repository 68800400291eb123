"""How the statements of one account follow from each other, and what breaks the chain.

A statement opens with what the last one closed with, its entries lead from opening to closing, its number is
the next, and what it said once it says for good. A break in any of that is entered into the register; where
money may have moved unseen it stops the fund.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

from fundpool.domain.errors import RuleViolation
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import day_of, days_between
from fundpool.domain.transfer import GatewayTerms, final_days
from fundpool.services.payments.breaks import report_break
from fundpool.services.ports.gateway import DayStatement
from fundpool.services.ports.statement_ports import StatedBalance
from fundpool.services.ports.work import Work
from schemas.payment_messages import Direction, StatementLine


def take_in(
    work: Work,
    account_no: str,
    day: date,
    *,
    statement: DayStatement,
    fetched_at: datetime,
    now: datetime,
    terms: GatewayTerms,
    source: str,
    by: str,
) -> tuple[list[StatementLine], list[StatementLine]]:
    """Keep a day's lines and balances; returns the new lines, and those known before with another content.

    Of statements that contradict each other only what they share is kept, and the day counts as not imported.
    """
    imports = work.statements.imports(account_no)
    chain = _Chain(work, account_no, now, imported=frozenset(imports) | {day})
    fresh, altered = work.statements.add_lines(statement.lines, now)
    was_final = day in final_days(imports, terms)
    if was_final:
        chain.report_changes(day, fresh)
    if statement.is_contradictory:
        chain.report_contradiction(day, statement)
        work.statements.mark_not_imported(account_no, day)
        return fresh, altered
    is_newest = day not in imports or fetched_at >= imports[day]
    if was_final and is_newest:
        chain.report_gone(day, statement.lines)
    if is_newest:
        # A worker that slept over a later fetch must not make the day look younger than it is known.
        work.statements.mark_imported(
            account_no, day, len(statement.lines), at=fetched_at, sequence=statement.sequence
        )
    if day < day_of(fetched_at):
        chain.follow_balances(day, statement, source, by=by)
        chain.follow_numbers(day)
    return fresh, altered


def require_fitting(work: Work, account_no: str, balance: StatedBalance) -> None:
    """Raise RuleViolation ``closing_differs`` where a person's closing balance differs from what the bank states.

    That is another closing of the same day, or the next opening less the lines in between.
    """
    imported = frozenset(work.statements.imports(account_no))
    chain = _Chain(work, account_no, balance.recorded_at, imported=imported)
    stated = {each.day: each for each in work.statements.balances(account_no)}
    stands = stated.get(balance.day)
    if stands is not None and stands.closing_fen != balance.closing_fen:
        raise _another_closing(account_no, balance, stands.closing_fen, source=stands.source)
    following = min((each for each in stated if each > balance.day), default=None)
    if following is None or (opening_fen := stated[following].opening_fen) is None:
        return
    expected_fen = chain.expected_opening(following, stated | {balance.day: balance})
    if expected_fen not in {None, opening_fen}:
        fitting_fen = balance.closing_fen + opening_fen - (expected_fen or 0)
        raise _another_closing(
            account_no, balance, fitting_fen, source=f"{following} {stated[following].source}"
        )


def _another_closing(
    account_no: str, balance: StatedBalance, standing_fen: int, *, source: str
) -> RuleViolation:
    return RuleViolation(
        "closing_differs",
        f"账户 {account_no} {balance.day} 的期末余额已有记录 {format_yuan(standing_fen)}（{source}），与 "
        f"{format_yuan(balance.closing_fen)} 不符",
        f"the closing balance of account {account_no} on {balance.day} stands at {format_yuan(standing_fen)} "
        f"({source}), not {format_yuan(balance.closing_fen)}",
        remedy="核对日期与金额；银行改动余额须书面说明 / compare day and amount; a bank that changes a balance explains it",
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    """Follows one account's statements, in one transaction."""

    work: Work
    account_no: str
    now: datetime
    imported: frozenset[date]

    # ------------------------------------------------------------------ lines

    def report_contradiction(self, day: date, statement: DayStatement) -> None:
        lines = "、".join(_named(line) for line in statement.differing[:20])
        # Other lines later are another contradiction, also when people have resolved the first.
        content = sha256(repr(sorted(map(repr, statement.differing))).encode()).hexdigest()[:12]
        self._enter(
            "statements_contradict",
            f"{day}/{content}",
            f"{day} 的对账单互相矛盾，不同之处未采用，当日不算对账：{lines or '余额不同'}",
            en=f"the statements of {day} contradict each other; where they differ they are not used, and the day is "
            f"not imported: {lines or 'other balances'}",
            stops_fund=True,
        )

    def report_changes(self, day: date, fresh: Iterable[StatementLine]) -> None:
        """Lines that came after the day's statement could not grow any more."""
        for line in fresh:
            is_ours = line.key is not None and self.work.attempts.by_key(line.key) is not None
            self._enter(
                "statement_changed_after_final",
                line.bank_serial,
                f"{day} 的对账单定稿后又多出流水 {_named(line)}",
                en=f"the statement of {day} was final and has another line since: {_named(line)}",
                stops_fund=line.direction is Direction.DEBIT or is_ours,
            )

    def report_gone(self, day: date, lines: Iterable[StatementLine]) -> None:
        serials = {line.bank_serial for line in lines}
        for line in self.work.statements.lines_of_account(self.account_no, day, day):
            if line.bank_serial not in serials:
                self._enter(
                    "statement_line_gone",
                    line.bank_serial,
                    f"{day} 的对账单已定稿，再取时少了流水 {_named(line)}",
                    en=f"the statement of {day} was final and lacks a line since: {_named(line)}",
                    stops_fund=True,
                )

    # ------------------------------------------------------------------ balances

    def follow_balances(self, day: date, statement: DayStatement, source: str, *, by: str) -> None:
        """Compare the balances the bank states of a past day with each other, and keep them."""
        opening_fen, closing_fen = statement.opening_fen, statement.closing_fen
        if opening_fen is not None and closing_fen is not None:
            self._require_closing(
                day, opening_fen + sum(line.moved_fen for line in statement.lines), closing_fen
            )
        stated = {each.day: each for each in self.work.statements.balances(self.account_no)}
        stands = stated.get(day)
        if stands is not None:
            if closing_fen is not None:
                self._require_closing(day, stands.closing_fen, closing_fen)
            if opening_fen is not None and stands.opening_fen is None:
                stated[day] = replace(stands, opening_fen=opening_fen)
                self.work.statements.state_balance(self.account_no, stated[day])
        elif closing_fen is not None:
            stated[day] = StatedBalance(
                day, closing_fen, source, recorded_by=by, recorded_at=self.now, opening_fen=opening_fen
            )
            self.work.statements.state_balance(self.account_no, stated[day])
        if opening_fen is not None:
            self._require_opening(day, opening_fen, stated)
        following = min((each for each in stated if each > day), default=None)
        if following is not None and (next_opening_fen := stated[following].opening_fen) is not None:
            self._require_opening(following, next_opening_fen, stated)

    def _require_closing(self, day: date, expected_fen: int, closing_fen: int) -> None:
        if expected_fen != closing_fen:
            self._enter(
                "closing_differs",
                f"{day}/{closing_fen}",
                f"{day} 期末余额应为 {format_yuan(expected_fen)}，银行另写 {format_yuan(closing_fen)}",
                en=f"the closing balance of {day} should be {format_yuan(expected_fen)}; the bank now states "
                f"{format_yuan(closing_fen)}",
                stops_fund=True,
            )

    def _require_opening(self, day: date, opening_fen: int, stated: dict[date, StatedBalance]) -> None:
        expected_fen = self.expected_opening(day, stated)
        if expected_fen not in {None, opening_fen}:
            self._enter(
                "opening_differs",
                f"{day}/{opening_fen}",
                f"{day} 期初余额 {format_yuan(opening_fen)}，由上一次期末余额推算应为 {_yuan(expected_fen)}",
                en=f"{day} opens with {format_yuan(opening_fen)}; the closing balance before leads to "
                f"{_yuan(expected_fen)}",
                stops_fund=True,
            )

    def expected_opening(self, day: date, stated: dict[date, StatedBalance]) -> int | None:
        """The last closing stated before and the lines since; ``None`` where a statement since is missing."""
        before = max((each for each in stated if each < day), default=None)
        if before is None or not self._all_imported(before, day):
            return None
        between = self.work.statements.lines_of_account(
            self.account_no, before + timedelta(days=1), day - timedelta(days=1)
        )
        return stated[before].closing_fen + sum(line.moved_fen for line in between)

    def _all_imported(self, after: date, before: date) -> bool:
        return self.imported.issuperset(days_between(after, before)[1:-1])

    # ------------------------------------------------------------------ numbers

    def follow_numbers(self, day: date) -> None:
        """The day's number is the next after the last one, and the next day's after it; a year may begin anew."""
        numbers = self.work.statements.sequences(self.account_no)
        if day not in numbers:
            return
        earlier, later = [each for each in numbers if each < day], [each for each in numbers if each > day]
        if earlier:
            self._require_next(max(earlier), day, numbers)
        if later:
            self._require_next(day, min(later), numbers)
        twice = [
            each
            for each in numbers
            if each != day and each.year == day.year and numbers[each] == numbers[day]
        ]
        if twice:
            self._report_number(day, f"与 {twice[0]} 重号", f"{twice[0]} has it too", number=numbers[day])

    def _require_next(self, before: date, day: date, numbers: dict[date, int]) -> None:
        expected = {numbers[before] + 1} | ({1} if day.year > before.year else set())
        is_twice = numbers[day] == numbers[before] and day.year == before.year  # reported by follow_numbers
        if numbers[day] in expected or is_twice or not self._all_imported(before, day):
            return
        zh, en = f"前一份为 {numbers[before]}（{before}）", f"the one before is {numbers[before]} ({before})"
        self._report_number(day, zh, en, number=numbers[day])

    def _report_number(self, day: date, zh: str, en: str, *, number: int) -> None:
        self._enter(
            "statement_sequence_gap",
            f"{day}/{number}",
            f"{day} 的对账单编号 {number} 不连续：{zh}",
            en=f"the statement of {day} has number {number}, which does not follow: {en}",
            stops_fund=False,
        )

    def _enter(self, kind: str, what: str, zh: str, *, en: str, stops_fund: bool) -> None:
        """Enter a break, once; a grave one stops the fund."""
        report_break(
            self.work,
            next(iter(self.work.accounts.find(account_no=self.account_no)), None),
            kind=kind,
            reference=f"{self.account_no}/{what}"[:200],
            zh=f"账户 {self.account_no}：{zh}",
            en=f"account {self.account_no}: {en}",
            stops_fund=stops_fund,
            now=self.now,
        )


def _yuan(amount_fen: int | None) -> str:
    return "—" if amount_fen is None else format_yuan(amount_fen)


def _named(line: StatementLine) -> str:
    sign = "+" if line.direction is Direction.CREDIT else "-"
    return f"{line.bank_serial} {sign}{format_yuan(line.amount_fen)}"
