"""预演: what a step, or a coming day, would do, found by doing it on a copy of the books.

The same code as the step's and the daily tick's, with a bank that calls nobody; nothing of it lasts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.outcomes import StepReport, StepRequest
from fundpool.domain.periods import SHANGHAI, Month, day_of
from fundpool.domain.transfer import Hop
from fundpool.services.month.steps import run_step
from fundpool.services.month.whole_month import catch_up
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer, GatewayAnswerKind
from fundpool.services.ports.work import MonthPorts, Work
from schemas.payment_messages import TransferOrder

TICK_AT = time(7, 0)
"""The hour of a rehearsed day: that of the daily tick."""

DAYS_AHEAD = 366
"""How far ahead a day is rehearsed."""


class PaymentAct(StrEnum):
    """What would be done about a payment."""

    ASK = "ask"
    """The bank is asked what became of it; the same key again only where the bank never had it."""
    SEND = "send"
    ORDER = "order"
    """It is entered into a batch, which two people must still approve and release."""


@dataclass(frozen=True, slots=True)
class RehearsedPayment:
    """One payment and what would be done about it."""

    act: PaymentAct
    month: Month
    unit: str
    fund: str
    hop: Hop
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was done on the copy: the steps with their outcomes, and the payments that they touched."""

    reports: tuple[StepReport, ...]
    payments: tuple[RehearsedPayment, ...]


class RehearsedBank:
    """A bank that calls nobody: it executes at once what it is sent, and still works on what it had before."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.asked: list[str] = []

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Executed at once; see ``Gateway.submit``."""
        self.sent.append(order.key)
        return GatewayAnswer(
            GatewayAnswerKind.SUCCEEDED, bank_serial=f"rehearsal-{order.key}", executed_at=now
        )

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """What the bank would say nobody knows; see ``Gateway.query``."""
        del now
        self.asked.append(order.key)
        return GatewayAnswer(GatewayAnswerKind.PROCESSING)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """See ``query``."""
        return self.query(order, now=now)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """None has arrived; see ``Gateway.statement``."""
        del now
        raise ServiceUnavailable(
            _NOT_FETCHED,
            f"预演不取对账单（{account} {day}）",
            f"a rehearsal fetches no statement ({account} {day})",
        )


def rehearse_step(copied: MonthPorts, step: str, request: StepRequest) -> Rehearsal:
    """What ``run_step`` would do. ``copied`` are the ports of a copy of the books. Raises as ``run_step`` does."""
    return _rehearsed(copied, request.city, lambda ports: [run_step(ports, step, request)])


def rehearse_day(copied: MonthPorts, city: str, day: date, *, now: datetime) -> Rehearsal:
    """What the daily tick of a coming day would do, with the books as they are: nobody files or decides until then.

    Raises InputError for a day that is not ahead, or too far.
    """
    ahead = (day - day_of(now)).days
    if not 0 < ahead <= DAYS_AHEAD:
        raise InputError(
            "day_not_ahead",
            f"{day} 不在此后 {DAYS_AHEAD} 天之内",
            f"{day} is not one of the {DAYS_AHEAD} days to come",
            remedy="选择今天之后的日期 / choose a day after today",
        )
    begins = datetime.combine(day, TICK_AT, SHANGHAI)
    request = StepRequest(city, Month.of(day), begins, is_played=True)
    return _rehearsed(copied, city, lambda ports: catch_up(ports, request))


def _rehearsed(copied: MonthPorts, city: str, act: Callable[[MonthPorts], Iterable[StepReport]]) -> Rehearsal:
    bank = RehearsedBank()
    before = copied.database.read(lambda work: {each.id for each in work.payments.obligations(city=city)})
    reports = tuple(map(_without_statements, act(replace(copied, gateway=bank))))

    def read(work: Work) -> tuple[RehearsedPayment, ...]:
        found: list[tuple[PaymentAct, int]] = []
        for what, keys in ((PaymentAct.ASK, bank.asked), (PaymentAct.SEND, bank.sent)):
            attempts = filter(None, map(work.attempts.by_key, dict.fromkeys(keys)))
            found += [(what, attempt.obligation_id) for attempt in attempts]
        ordered = (each.id for each in work.payments.obligations(city=city) if each.id not in before)
        found += [(PaymentAct.ORDER, number) for number in ordered]
        payments = [(what, work.payments.obligation(number)) for what, number in found]
        return tuple(
            RehearsedPayment(what, each.month, each.unit, each.fund, hop=each.hop, amount_fen=each.amount_fen)
            for what, each in payments
        )

    return Rehearsal(reports, copied.database.read(read))


_NOT_FETCHED = "statement_not_arrived"


def _without_statements(report: StepReport) -> StepReport:
    """Without what the rehearsal itself leaves out: which statements the bank will have nobody knows."""
    kept = tuple(each for each in report.outcomes if each.error_code != _NOT_FETCHED)
    return replace(report, outcomes=kept)
