"""A small month from two counties' plans to the closed books: every act may be cut short anywhere and done again.

Two counties, two funds, two hops, over the product's own steps and people's use cases; the bank
refuses one payment, loses another until its key is closed, and hides its answer to others, so that
every outside call of the money path is made.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.audit import verify_chain
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import Month
from fundpool.domain.policy import PolicyLibrary
from fundpool.domain.transfer import LEAVES_ROOM, GatewayTerms, ObligationState, PaymentOrder, attempt_key
from fundpool.sandbox_bank.bank_book import BankBook, Command
from fundpool.sandbox_bank.faults import FaultPlan, Switch
from fundpool.services.books import booking
from fundpool.services.books.ledger_checks import verify
from fundpool.services.payments import payment_decisions, resolving
from fundpool.services.ports.gateway import Gateway
from fundpool.services.ports.judging import Parser
from fundpool.services.ports.work import Work
from tests.integration.month_digest import month_digest
from tests.integration.month_scene import APPROVER, CHECKER, FISCAL_FEN, MAKER, RELEASER, CityScene, at

CITY, OCTOBER = "taizhou", Month(2026, 10)
COUNTIES_PLAYED = 2
TERMS = GatewayTerms(key_retention=timedelta(hours=12))
"""A bank that forgets a key after half a day, so that a key can grow too old to send within the month."""

BACKUP = "backup.db"
"""The copy of the database that a restored month puts back, in the month's folder."""


@dataclass(frozen=True)
class Act:
    """One thing that somebody does at a moment of the month; done again it changes nothing more."""

    name: str
    at: datetime
    do: Callable[[datetime], object]
    beside: "Act | None" = None
    """What another process does at the same time."""


class SmallMonth(CityScene):
    """The month over one database and one bank; ``is_new`` records accounts and openings first."""

    KILLED_FROM: str | None = None
    """Name of the act before which no kill is worth playing."""
    KNOWS_EVERY_REFUSAL = True
    """Whether each order that the bank refused must be in the books at the end, wherever the month was killed."""

    def __init__(
        self, transactions: SqlTransactions, home: Path, gateway: Gateway, parse: Parser, *, is_new: bool
    ) -> None:
        self.is_new = is_new
        super().__init__(transactions, home, CITY, OCTOBER, judges=False)
        self.ports = replace(self.ports, gateway=gateway, gateway_terms=TERMS, parse_files=parse)

    def found(self, without_account: tuple[str, ...] = ()) -> None:
        """Record openings, budget and accounts, unless they are on record."""
        few = replace(self.ports, policies=with_few_counties(self.ports.policies))
        self.move_in(few, self.folder, CITY, OCTOBER)
        if self.is_new:
            super().found(without_account)

    def write_files(self) -> None:
        """The counties' workbooks, made once for every case."""
        for county in self.counties:
            self.drop(self.plan(county), "plan")
            self.report(county)

    def bank(self, commands: list[Command]) -> tuple[BankBook, FaultPlan]:
        """The bank that this month is played against."""
        return bank_of(self, commands)

    # ------------------------------------------------------------------ the acts

    def acts(self) -> Iterator[Act]:
        """The whole month in order."""
        yield from self._acts_until_payment()
        yield from self._acts_of_hop("disbursement", "07:00", ("07:16", "07:45", "08:50", "09:55"))
        yield from self._acts_of_hop(
            "allocation", "10:00", ("10:16", "10:45", "11:50", "19:30", "20:35", "21:40")
        )
        yield from self._acts_of_hop("allocation", "22:00", ("22:16", "22:45", "23:50"))
        yield from self._acts_after_payment()

    def _acts_until_payment(self) -> Iterator[Act]:
        yield self._step("plan-collection", "2026-09-14 16:00")
        yield self._step("plan-review", "2026-09-14 16:30")
        yield Act("propose and confirm", at("2026-09-15 10:00"), self.decide)
        yield self._step("funds-application", "2026-09-15 11:00")
        yield Act("finance reviews", at("2026-09-16 09:00"), self.review_by_finance)

    def _acts_of_hop(self, step: str, begins: str, rounds: tuple[str, ...]) -> Iterator[Act]:
        day = "2026-09-30 "
        yield self._step(step, day + begins)
        yield Act(f"authorise {step}", at(day + begins), lambda now: self.authorise(step, now))
        for moment in (begins, *rounds):
            yield Act(f"{step} again", at(day + moment), lambda now: self._run_while_open(step, now))
            yield Act("approve retries", at(day + moment), self._approve_retries)

    def _acts_after_payment(self) -> Iterator[Act]:
        yield Act("callbacks", at("2026-09-30 23:55"), self._callbacks)
        yield Act("statements", at("2026-10-01 09:00"), self._statements)
        yield self._step("reconciliation", "2026-10-01 09:30")
        yield Act("income", at("2026-10-10 09:00"), self._income)
        yield Act("reversal", at("2026-10-10 10:00"), self._reversal)
        for county in self.counties:
            yield Act(f"report of {county}", at("2026-11-10 10:00"), self._submit_report(county))
        yield self._step("expenditure-reporting", "2026-11-10 16:00")
        yield self._step("report-filing", "2026-11-11 09:00")
        yield Act("close the month", at("2026-11-12 09:00"), self._close)

    def trigger(self, step: str, moment: datetime, county: str | None = None) -> Act:
        """A step of the product, for all counties or one."""
        return Act(step, moment, lambda now: self.run(step, now, *([county] if county else [])))

    def _step(self, step: str, moment: str) -> Act:
        return self.trigger(step, at(moment))

    def _submit_report(self, county: str) -> Callable[[datetime], object]:
        file = self.folder / "outbox" / f"report-{county}.xlsx"
        return lambda now: self.submit(file, "report", now)

    def _run_while_open(self, step: str, now: datetime) -> None:
        """The scheduler runs a payment step until everything has arrived."""
        found = self.ports.database.read(
            lambda work: [
                each
                for hop in self.hops_of(step)
                for each in work.payments.obligations(city=CITY, month=OCTOBER, hop=hop)
            ]
        )
        if any(each.state is not ObligationState.SETTLED for each in found):
            self.run(step, now)

    def _approve_retries(self, now: datetime) -> None:
        """One person after a plain refusal, two where the outcome was ever unknown."""

        def failed(work: Work) -> list[int]:
            return [each.id for each in work.payments.obligations(city=CITY, states=[ObligationState.FAILED])]

        for by in (APPROVER, RELEASER):
            for obligation_id in self.ports.database.read(failed):
                with suppress(RuleViolation):  # the same person twice, after a restart
                    self.ports.database.transaction(
                        lambda work, number=obligation_id, who=by: payment_decisions.approve_retry(
                            work, number, by=who, reason="已更正", now=now
                        )
                    )

    def _callbacks(self, now: datetime) -> None:
        keys = self.ports.database.read(
            lambda work: [
                each.key
                for obligation in work.payments.obligations(city=CITY)
                for each in work.attempts.of_obligation(obligation.id)
            ]
        )
        for key in keys[:2]:
            resolving.receive_callback(
                self.ports, gateway="main", event_id=f"event-{key}", key=key, raw=b"{}", now=now
            )

    def _statements(self, now: datetime) -> None:
        resolving.import_statements(self.ports, CITY, at("2026-09-30 00:00").date(), now=now)

    def _income(self, now: datetime) -> None:
        incomes = [
            booking.Income(
                AccountRef(CITY, fund, AccountType.FISCAL_ACCOUNT, unit=self.policy.division_code),
                source="subsidy",
                amount_fen=123_45,
                reference="财社〔2026〕1号",
                received_at=now,
            )
            for fund in self.funds
        ]
        self.ports.database.transaction(lambda work: booking.book_incomes(work, incomes, by=MAKER, now=now))

    def _reversal(self, now: datetime) -> None:
        keys = self.ports.database.read(
            lambda work: sorted(
                each.posting.key
                for each in work.ledger.postings(CITY)
                if "财社〔2026〕1号" in each.posting.key
            )
        )
        key = next(each for each in keys if "employee" in each)
        with suppress(RuleViolation):  # already reversed, before the restart
            self.ports.database.transaction(
                lambda work: booking.reverse(work, key, reason="重复", by=MAKER, event_at=now, now=now)
            )

    def _close(self, now: datetime) -> None:
        for fund in self.funds:
            self.ports.database.transaction(
                lambda work, fund=fund: booking.close_month(
                    work, CITY, fund, month=OCTOBER, by=CHECKER, now=now
                )
            )

    # ------------------------------------------------------------------ what it came to

    def digest(self) -> dict[str, str]:
        """Digests of the month, the payments, the books and the bank's answers; and what is unsound."""

        def read(work: Work) -> dict[str, str]:
            obligations = work.payments.obligations(city=CITY)
            known = [
                each for obligation in obligations for each in work.attempts.of_obligation(obligation.id)
            ]
            left_out = frozenset(
                each.key for each in known if each.state in LEAVES_ROOM and not self.KNOWS_EVERY_REFUSAL
            )
            facts = {
                "attempts": [
                    [each.key, each.state, each.attempt_no] for each in known if each.key not in left_out
                ],
                "balances": sorted(
                    [str(each.ref), each.posted_fen, each.reserved_fen] for each in booking.balances(work)
                ),
                "breaks": [[each.kind, each.reference] for each in work.breaks.find(only_open=False)],
                "closed": [
                    str(m) for fund in self.funds for m in sorted(work.ledger.locked_months(CITY, fund))
                ],
                "unsettled": [each.key for each in obligations if each.state is not ObligationState.SETTLED],
            }
            digests = {name: _digest(value) for name, value in facts.items()}
            digests["month"] = month_digest(work, CITY, OCTOBER, left_out)
            faults = [*verify(work), *verify_chain(work.audit.records(), {})]
            return digests | {"faults": str(faults), "unsettled": str(facts["unsettled"])}

        return self.ports.database.read(read)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:16]


def with_few_counties(policies: PolicyLibrary) -> PolicyLibrary:
    """The same law for the first counties alone."""
    cities = tuple(
        replace(city, register=city.units[:COUNTIES_PLAYED]) if city.key == CITY else city
        for city in policies.cities
    )
    return replace(policies, cities=cities)


def bank_of(month: SmallMonth, commands: list[Command]) -> tuple[BankBook, FaultPlan]:
    """The bank's book, which writes every request into ``commands``, and what goes wrong there."""
    book = BankBook(key_retention=TERMS.key_retention, record=commands.append)
    book.open_on_first_use(FISCAL_FEN)
    plan = FaultPlan()
    first, second = month.counties
    city = month.policy.division_code
    plan.add("500_after", key=_first_key(month, "disbursement", city, "employee"))
    plan.add("processing", key=_first_key(month, "disbursement", city, "resident"), seconds=1200)
    plan.add("reject", key=_first_key(month, "allocation", first, "employee"))
    plan.add("reset_after", key=_first_key(month, "allocation", first, "resident"))
    # Never gets through, however often it is sent: its key grows too old and is closed.
    plan.add("reset_before", key=_first_key(month, "allocation", second, "employee"), times=1000)
    plan.add("503", key=_first_key(month, "allocation", second, "resident"))
    return book, plan


def bank_again(commands: list[Command], switches: list[Switch]) -> tuple[BankBook, FaultPlan]:
    """The bank as it stood after ``commands``, with these faults still to come."""
    book = BankBook(key_retention=TERMS.key_retention)
    book.replay(commands)
    plan = FaultPlan()
    plan.switches.extend(switches)
    return book, plan


def _first_key(month: SmallMonth, step: str, unit: str, fund: str) -> str:
    (hop,) = month.hops_of(step)
    order = PaymentOrder(CITY, fund, OCTOBER, hop, month.policy.division_code, unit, 1)
    return attempt_key(order.key, 1)
