"""The file bank of the schedules: the product's file gateway and the sandbox's file desk, over two folders.

Files are slower than calls (tens of milliseconds a seed more), so one seed in ``FILE_EVERY`` is played
so. What goes wrong is what befalls files: a status is lost, late, doubled or contradicted within its own
second; an order's file reaches the bank twice; a statement is late, comes twice, or comes a second time
with other contents.
"""

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from fundpool.adapters.banks import files
from fundpool.adapters.banks.files import FileGateway
from fundpool.adapters.banks.iso20022 import end_to_end_of, write_message
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.transfer import GatewayTerms
from fundpool.sandbox_bank import file_bank
from fundpool.sandbox_bank.bank_book import PROMPT, BankBook, Course
from fundpool.sandbox_bank.faults import Call
from fundpool.sandbox_bank.file_bank import FileBank
from fundpool.services.ports.gateway import DayStatement, GatewayAnswer
from schemas.payment_messages import TransferOrder, TransferState
from tests.simulation.bank import CountedPlan
from tests.simulation.scene import NOW

_OF_THE_CITY = "62331000"


class ByFile(FileGateway):
    """The file gateway, and behind it the bank and whoever carries the files to and fro.

    Before each look into the inbox the bank works: it takes the orders that lie in the outbox and
    delivers the statements of the days that are over.
    """

    def __init__(self, book: BankBook, plan: CountedPlan) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="simulated-files-", dir=_memory_disk()))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        outbox, self.inbox = self.folder / "outbox", self.folder / "inbox"
        super().__init__(
            outbox,
            self.inbox,
            self.folder / "handed-over",
            customer_id="fundpool",
            resend_span=GatewayTerms().resend_span,
        )
        self.book, self.plan = book, plan
        self._accounts = [each for each in book.accounts if each.startswith(_OF_THE_CITY)]
        self.bank = FileBank(book, outbox, self.inbox)
        self._delivered: dict[tuple[str, date], int] = {}
        self._worked_on: dict[str, TransferOrder] = {}

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Hand the order over, and let the bank take it in unless its file is under way; see ``Gateway``."""
        answer = super().submit(order, now=now)
        switch = self.plan.take(Call.SUBMIT, order.key)
        if switch is not None and not switch.fault.reaches_book:
            return answer
        self._take_orders(now, {order.key: PROMPT if switch is None else switch.fault.course})
        name = "" if switch is None else switch.name
        self._disturb_status(order, name, now)
        return answer

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Look for the order in the bank's files; see ``Gateway``."""
        self._work(now)
        return super().query(order, now=now)

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """Look for the day's statement; see ``Gateway``."""
        self._work(now)
        return super().statement(account, day, now=now)

    def withdraw_contradicted(self) -> None:
        """The bank wrote which of two statements of a day holds, the later one; the other file is taken away."""
        for later in self.inbox.glob("camt053-*-2.xml"):
            first = f"{later.stem.removesuffix('-2')}.xml"
            for name in (first, f"again-{first}"):
                (self.inbox / name).unlink(missing_ok=True)

    def _work(self, now: datetime) -> None:
        self._take_orders(now, {})
        self.book.advance(now)
        self._tell_refusals(now)
        self._deliver_statements(now)

    def _take_orders(self, now: datetime, courses: dict[str, Course]) -> None:
        for each in self.bank.take_orders(now, courses):
            transfer = self.book.transfers.get(each.key or "")
            if each.status == "PDNG" and transfer is not None:
                self._worked_on[transfer.order.key] = transfer.order

    def _disturb_status(self, order: TransferOrder, name: str, now: datetime) -> None:
        """What becomes of the status file that answers the order."""
        digits = end_to_end_of(order.key)
        answers = sorted(self.inbox.glob(f"pain002-{digits}-*.xml")) if self.inbox.is_dir() else []
        if name == "status_lost":
            for path in answers:
                path.unlink()
        elif name == "status_twice":
            for path in answers:
                shutil.copy(path, path.with_name(f"again-{path.name}"))
        elif name in {"status_contradicted_before", "status_contradicted_after"}:
            # Both of one second; which one the folder lists first decides nothing.
            prefix = "a" if name == "status_contradicted_before" else "z"
            self._write_status(order, f"{prefix}-{digits}.xml", "RJCT", "AM04", now)
        elif name == "order_file_twice":
            taken = self.folder / "outbox" / "taken" / f"pain001-{digits}.xml"
            if taken.exists():
                shutil.copy(taken, self.folder / "outbox" / f"again-{taken.name}")
                self.bank.take_orders(now + timedelta(seconds=1))

    def _write_status(
        self, order: TransferOrder, name: str, status: str, code: str | None, now: datetime
    ) -> None:
        content = write_message(
            "pain.002.001.10", lambda m: file_bank._pain_002(m, order, status, code=code, now=now)
        )
        self.inbox.mkdir(parents=True, exist_ok=True)
        (self.inbox / name).write_bytes(content)

    def _tell_refusals(self, now: datetime) -> None:
        """The bank said that it works on an order, and refuses or drops it after all."""
        for key, order in list(self._worked_on.items()):
            transfer = self.book.transfers.get(key)
            if transfer is not None and transfer.state is TransferState.PROCESSING:
                continue
            del self._worked_on[key]
            if transfer is None or transfer.state is TransferState.REJECTED:
                self._write_status(order, f"refused-{end_to_end_of(key)}.xml", "RJCT", "TM01", now)

    def _deliver_statements(self, now: datetime) -> None:
        """Every morning's statements of the days before; a fault keeps one back or sends it twice."""
        booked = Counter(
            (each.account, each.executed_at.astimezone(SHANGHAI).date()) for each in self.book.lines
        )
        today = now.astimezone(SHANGHAI).date()
        for day in (NOW.date() + timedelta(days=n) for n in range((today - NOW.date()).days)):
            for account in self._accounts:
                if self._delivered.get((account, day)) != booked[account, day]:
                    self._deliver_statement(account, day, booked[account, day], now)

    def _deliver_statement(self, account: str, day: date, lines: int, now: datetime) -> None:
        known = self._delivered.get((account, day))
        switch = self.plan.take(Call.STATEMENT, None)
        name = "" if switch is None else switch.name
        if name == "statement_late":
            return
        content = self.bank.statement(account, day, now)
        path = self.inbox / f"camt053-{account}-{day}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        if known is not None:
            # Booked on that day since: a statement of its own, which the first one contradicts.
            statement_id = f"{account[-20:]}-{day:%Y%m%d}".encode()
            content = content.replace(statement_id, statement_id + b"-2")
            path = path.with_name(f"camt053-{account}-{day}-2.xml")
        path.write_bytes(content)
        if name == "statement_twice":
            path.with_name(f"again-{path.name}").write_bytes(content)
        self._delivered[account, day] = lines


def _memory_disk() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _written(target: Path, content: bytes) -> None:
    target.write_bytes(content)


@contextmanager
def unsynchronised() -> Iterator[None]:
    """Files are written without waiting for a disk; only the schedules may."""
    with patch.object(files, "write_through", _written), patch.object(file_bank, "write_through", _written):
        yield
