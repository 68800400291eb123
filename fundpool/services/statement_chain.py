"""How the statements of one account follow from each other: each opens with what the last one closed with."""

from datetime import date, datetime

from fundpool.domain.periods import SHANGHAI
from fundpool.services.ports import DayStatement, Work
from fundpool.services.statement_ports import StatedBalance
from schemas.payment_messages import StatementLine


def take_in(
    work: Work,
    account_no: str,
    day: date,
    statement: DayStatement,
    fetched_at: datetime,
    now: datetime,
    *,
    source: str,
    by: str,
) -> tuple[list[StatementLine], list[StatementLine]]:
    """Keep a day's lines and balances; (new lines, lines known before with another content).

    Of statements that contradict each other only what they share is kept, and the day counts as not imported.
    """
    fresh, altered = work.transfers.add_statement_lines(statement.lines, now)
    if statement.is_contradictory:
        return fresh, altered
    work.transfers.mark_statement(account_no, day, len(statement.lines), fetched_at)
    if statement.closing_fen is not None and day < fetched_at.astimezone(SHANGHAI).date():
        balance = StatedBalance(day, statement.closing_fen, source, by, now, statement.opening_fen)
        work.statements.state_balance(account_no, balance)
    return fresh, altered
