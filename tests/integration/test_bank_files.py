"""Orders to a bank that is reached by files: what its statuses and statements do to the books, on both databases."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from fundpool.adapters.banks.files import FileGateway
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import Attempt, GatewayTerms
from fundpool.sandbox_bank.file_bank import FileBank
from fundpool.services.payments import kill_switches, payment_decisions, resolving, statements
from fundpool.services.ports.work import Ports
from tests.contract.test_file_gateway import another_entry, other_statement, pain_002
from tests.simulation.scene import CHECKER, CITY, CITY_UNIT, FUND, RELEASER, Scene, account_no

TERMS = GatewayTerms(can_close=False, statement_reread=timedelta(days=400))
NOON = "2026-10-08T12:00:05+08:00"


class FileScene(Scene):
    """One county to be paid through files."""

    def __init__(self, transactions: SqlTransactions, folder: Path) -> None:
        super().__init__(transactions, terms=TERMS, counties=("331002",))
        self.outbox, self.inbox = folder / "outbox", folder / "inbox"
        self.files = FileGateway(
            self.outbox, self.inbox, folder / "kept", customer_id="fundpool", resend_span=TERMS.resend_span
        )
        self.ports = Ports(database=transactions, gateway=self.files, gateway_terms=TERMS)
        self.bank = FileBank(self.book, self.outbox, self.inbox)
        self.inbox.mkdir()

    def attempts(self) -> list[Attempt]:
        return self.ports.database.read(lambda work: work.attempts.of_obligation(1))

    def status(self, status: str, moment: str = NOON, name: str = "status.xml") -> None:
        """A pain.002 about the first order."""
        digits = self.attempts()[0].key.replace("-", "")
        reason = "AM04" if status == "RJCT" else None
        text = pain_002(
            status, amount="1000.00", reason=reason, at=moment, end_to_end_id=digits, original=digits
        )
        (self.inbox / name).write_text(text)

    def allow_retry(self) -> None:
        for by in (CHECKER, RELEASER):
            self.ports.database.transaction(
                lambda work, by=by: payment_decisions.approve_retry(
                    work, 1, by=by, reason="重付", now=self.clock()
                )
            )

    def orders_out(self) -> int:
        return len(list(self.outbox.glob("*.xml")))

    def breaks(self) -> list[str]:
        return [each.kind for each in self.ports.database.read(lambda work: work.breaks.find(CITY))]


@pytest.fixture
def scene(transactions: SqlTransactions, tmp_path: Path) -> FileScene:
    scene = FileScene(transactions, tmp_path)
    scene.release()
    scene.send()
    return scene


def hours_later(scene: FileScene, hours: float) -> None:
    scene.clock.advance(hours=hours)


def test_statuses_of_one_second_that_contradict_each_other_never_fail_an_order(scene: FileScene) -> None:
    scene.status("RJCT", name="1.xml")
    scene.status("ACSP", name="2.xml")
    hours_later(scene, 4)
    scene.resolve()
    assert scene.states() == ["in_flight"]
    with pytest.raises(RuleViolation):
        scene.allow_retry()
    scene.send()
    assert scene.orders_out() == 1


def refused_then_accepted(scene: FileScene) -> None:
    """The rejection is read and a retry allowed; then the bank says that it works on the order."""
    scene.status("RJCT", name="2.xml")
    hours_later(scene, 4)
    scene.resolve()
    assert scene.states() == ["failed"]
    scene.allow_retry()
    scene.status("ACSP", name="1.xml")


def test_a_retry_that_was_allowed_sends_nothing_once_the_bank_contradicts_its_rejection(
    scene: FileScene,
) -> None:
    refused_then_accepted(scene)
    scene.send()  # before any query
    assert scene.orders_out() == 1
    scene.resolve()
    assert scene.breaks() == ["bank_contradicts"]
    with_no_proof(scene)
    assert scene.orders_out() == len(scene.attempts()) == 1
    scene.bank.take_orders(scene.clock())
    hours_later(scene, 24)
    scene.bank.deliver_statements(date(2026, 10, 8), scene.clock())
    resolving.import_statements(scene.ports, CITY, date(2026, 10, 8), now=scene.clock(), clock=scene.clock)
    assert len(scene.book.executions) == 1
    assert "executed_after_end" in scene.breaks()


def with_no_proof(scene: FileScene) -> None:
    (outcome,) = scene.send()
    assert outcome.error_code == "absence_not_proved"


def test_a_contradicted_outcome_is_put_in_doubt_once_and_proved_by_statements(scene: FileScene) -> None:
    refused_then_accepted(scene)
    (scene.outbox / next(scene.outbox.glob("*.xml")).name).unlink()  # lost on its way to the bank
    hours_later(scene, 24)
    scene.resolve()
    with_no_proof(scene)
    doubted = scene.attempts()[0].last_sent_at
    assert doubted is not None
    for _ in range(9):
        hours_later(scene, 24)
        scene.resolve()
    assert scene.attempts()[0].last_sent_at == doubted
    assert scene.breaks() == ["bank_contradicts"]
    first, last = date(2026, 10, 8), (doubted + TERMS.key_retention).astimezone(SHANGHAI).date()
    hours_later(scene, 24)
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        scene.bank.deliver_statements(day, scene.clock())
        resolving.import_statements(scene.ports, CITY, day, now=scene.clock(), clock=scene.clock)
    for by in (CHECKER, RELEASER):
        scene.ports.database.transaction(
            lambda work, by=by: resolving.confirm_absence(work, 1, by=by, now=scene.clock(), terms=TERMS)
        )
    scene.send()
    assert len(scene.attempts()) == 2
    assert scene.orders_out() == 1


def test_a_second_statement_of_a_final_day_is_read_and_stops_the_fund(scene: FileScene) -> None:
    scene.bank.take_orders(scene.clock())
    payer = account_no("fiscal_account", CITY_UNIT)
    first = date(2026, 9, 8)
    scene.clock.now = datetime(2026, 10, 14, 9, tzinfo=SHANGHAI)
    for number in range((date(2026, 10, 13) - first).days + 1):
        scene.bank.deliver_statements(first + timedelta(days=number), scene.clock(), [payer])
    caught = statements.catch_up(scene.ports, CITY, scene.clock())
    assert (caught.missing, caught.settled, scene.breaks()) == ([], 1, [])
    again = statements.catch_up(scene.ports, CITY, scene.clock())
    assert (again.days, again.lines_new, scene.breaks()) == (35, 0, [])

    paid = date(2026, 10, 8)
    text = (scene.inbox / f"camt053-{payer}-{paid}.xml").read_text()
    other = another_entry(other_statement(text, paid), "1.00", ("99000.00", "98999.00"))
    (scene.inbox / "later.xml").write_text(other)
    statements.catch_up(scene.ports, CITY, scene.clock())
    assert scene.breaks() == ["statements_contradict"]
    imports = scene.ports.database.read(lambda work: work.statements.imports(payer))
    assert paid not in imports
    assert scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))

    (scene.inbox / f"camt053-{payer}-{paid}.xml").unlink()  # the bank says that the later one holds
    scene.clock.advance(days=1)
    caught = statements.catch_up(scene.ports, CITY, scene.clock())
    assert caught.lines_new == 1
    assert scene.breaks() == ["statements_contradict", "closing_differs", "bank_not_us"]


def test_a_final_day_imported_from_the_banks_own_file_is_not_missing(scene: FileScene) -> None:
    payer = account_no("fiscal_account", CITY_UNIT)
    days = [date(2026, 9, 8) + timedelta(days=number) for number in range(36)]
    scene.clock.now = datetime(2026, 10, 14, 9, tzinfo=SHANGHAI)
    scene.ports.database.transaction(
        lambda work: statements.import_file(
            work,
            payer,
            days,
            lines=(),
            opening_fen={},
            closing_fen={},
            source="银行.csv",
            by=CHECKER,
            now=scene.clock(),
            terms=TERMS,
        )
    )
    caught = statements.catch_up(scene.ports, CITY, scene.clock())
    assert [missed for _, missed, _ in caught.missing] == [date(2026, 10, 13)]


def test_a_further_file_that_contradicts_an_outcome_puts_it_in_doubt_again(scene: FileScene) -> None:
    refused_then_accepted(scene)
    hours_later(scene, 24)
    scene.resolve()
    doubted = scene.attempts()[0].last_sent_at
    hours_later(scene, 24)
    scene.status("ACCP", name="3.xml")
    scene.resolve()
    again = scene.attempts()[0].last_sent_at
    assert isinstance(doubted, datetime)
    assert isinstance(again, datetime)
    assert again > doubted
