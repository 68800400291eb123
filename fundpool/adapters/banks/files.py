"""The payment gateway of a bank without an API: files in an outbox, the bank's files in an inbox.

An order is handed over as one pain.001 whose name, MsgId and EndToEndId are the digits of its key.
What became of it is read from the bank's files alone: pain.002 says accepted or rejected, and only
a booked entry of a camt.053 says that money moved. The bank's files stay where they are.
"""

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from fundpool.adapters.banks.iso20022 import (
    DUPLICATE_REASONS,
    FILE_BYTES,
    ON_ITS_WAY,
    REASONS,
    REJECTED,
    BankFile,
    OrderStatus,
    StatementPage,
    end_to_end_of,
    read_bank_file,
    read_order,
    write_order,
)
from fundpool.adapters.documents.raw_files import is_arrived, write_through
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.periods import SHANGHAI
from fundpool.services.payments.line_matching import standing_of
from fundpool.services.ports.gateway import BankFileNote, DayStatement, GatewayAnswer, GatewayAnswerKind
from schemas.payment_messages import StatementLine, TransferOrder

_log = logging.getLogger(__name__)


_Place = tuple[str, int, int, int]
"""Name, number, size and time of a file: another content is another place."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement whose pages are all there.

    One of which a page came with different contents is ``torn``: ``differing`` are the lines that not every
    version of the page has.
    """

    account: str
    first_day: date
    last_day: date
    opening_fen: int
    closing_fen: int
    sequence: int | None
    lines: tuple[StatementLine, ...]
    is_torn: bool = False
    differing: tuple[StatementLine, ...] = ()

    def covers(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def balances_of(self, day: date) -> tuple[int, int]:
        """What the account holds at the day's start and end, by the statement."""
        before = sum(line.moved_fen for line in self.lines if line.executed_at.date() < day)
        of_day = sum(line.moved_fen for line in self.lines if line.executed_at.date() == day)
        return self.opening_fen + before, self.opening_fen + before + of_day


class FileGateway:
    """The bank behind two folders.

    ``handed_over`` keeps a copy of every file that was ever put into the outbox, so that the bank's
    transport may take files away and the same order is still known to be under way.
    """

    def __init__(
        self, outbox: Path, inbox: Path, handed_over: Path, *, customer_id: str, resend_span: timedelta
    ) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self._handed_over = handed_over
        self._customer_id = customer_id
        self._resend_span = resend_span
        self._names: dict[_Place, frozenset[bytes] | None] = {}
        self._read: dict[_Place, BankFile | InputError] = {}
        self._joined: dict[str, tuple[list[BankFile], list[_Statement]]] = {}

    def submit(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Put the order's file into the outbox, once; what becomes of it is never known here.

        The same order again is the same file; another order under its key is a mismatch.
        """
        # The moment of preparing, so that the bytes are a function of the order alone.
        created_at = order.valid_until.astimezone(SHANGHAI) - self._resend_span
        try:
            content = write_order(order, customer_id=self._customer_id, created_at=created_at)
        except ValueError as error:
            _log.warning("order %s cannot be written: %s", order.key, error)
            return GatewayAnswer(GatewayAnswerKind.REJECTED, reason="order_does_not_fit")
        name = f"pain001-{end_to_end_of(order.key)}.xml"
        try:
            for folder in (self._handed_over, self._outbox):
                if (folder / name).exists():
                    known = (folder / name).read_bytes()
                    if read_order(known) != order:
                        return GatewayAnswer(GatewayAnswerKind.PAYLOAD_MISMATCH, reason="payload_mismatch")
                    content = known
                    break
            if not (self._handed_over / name).exists():
                # The outbox first: killed in between, the next submission finds the order there and adds the
                # copy. The other way round, an order that never left would count as handed over.
                for folder in (self._outbox, self._handed_over):
                    folder.mkdir(parents=True, exist_ok=True)
                    if not (folder / name).exists():
                        write_through(folder / name, content)
        except InputError:
            return GatewayAnswer(GatewayAnswerKind.PAYLOAD_MISMATCH, reason="payload_mismatch")
        except OSError as error:
            _log.warning("the outbox %s does not take %s: %s", self._outbox, name, error)
            return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason="unreachable")
        return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason="awaiting_bank")

    def query(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """What the bank's files say of the order; a statement counts for more than any status."""
        digits = end_to_end_of(order.key)
        if digits is None:
            return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason="order_does_not_fit")
        moved, differing = self._lines_of(order)
        if moved or differing:
            return _by_statement(order, moved, differing)
        about = [read for _, read in self._files(digits)]
        statuses = [
            status
            for read in about
            if isinstance(read, BankFile)
            for status in read.statuses
            if status.end_to_end_id == digits and status.original_message_id == digits
        ]
        if statuses:
            is_all_read = not any(isinstance(read, InputError) for read in about)
            return _by_status(order, statuses, is_all_read=is_all_read)
        name = f"pain001-{digits}.xml"
        if (self._handed_over / name).exists() or (self._outbox / name).exists():
            return GatewayAnswer(GatewayAnswerKind.UNKNOWN, reason="awaiting_bank")
        return GatewayAnswer(GatewayAnswerKind.NOT_FOUND)

    def close(self, order: TransferOrder, *, now: datetime) -> GatewayAnswer:
        """Files cannot be fenced: the answer is what stands, or that nothing was fenced."""
        answer = self.query(order, now=now)
        if answer.kind in {
            GatewayAnswerKind.SUCCEEDED,
            GatewayAnswerKind.RETURNED,
            GatewayAnswerKind.PROCESSING,
        }:
            return answer
        return GatewayAnswer(GatewayAnswerKind.NOT_FOUND, reason="no_fence")

    def statement(self, account: str, day: date, *, now: datetime) -> DayStatement:
        """The day's booked entries and balances; see ``Gateway.statement``.

        Raises ServiceUnavailable until statements are there, with every page, that cover the whole
        day: half a day proves nothing.
        """
        statements = [each for each in self._statements(account) if each.covers(day)]
        if not statements:
            raise ServiceUnavailable(
                "statement_not_arrived",
                f"账户 {account} {day} 的银行对账单（camt.053）尚未到齐",
                f"no whole camt.053 of account {account} for {day} has arrived",
                remedy=f"文件到达 {self._inbox} 后重试；查看收件：fundpool transfers bank-files / "
                "run again once it is there",
            )
        return _day_of(statements, day)

    def files(self) -> tuple[BankFileNote, ...]:
        """Every file in the inbox and what it is, or why it is not used."""
        read = list(self._files(None))
        pages = [page for _, file in read if isinstance(file, BankFile) for page in file.pages]
        unused = {statement: error for statement, (_, error) in _together(pages).items() if error}
        return tuple(_note(path, file, unused) for path, file in read)

    def _statements(self, account: str) -> list[_Statement]:
        """Statements of the account whose pages are all there."""
        files = [read for _, read in self._files(account) if isinstance(read, BankFile)]
        known = self._joined.get(account)
        if known is not None and list(map(id, known[0])) == list(map(id, files)):
            return known[1]
        pages = [page for read in files for page in read.pages if page.account == account]
        statements = [
            _joined(of_statement)
            for of_statement, error in _together(pages).values()
            if error is None or error.code == "bank_statement_clash"
        ]
        self._joined[account] = files, statements
        return statements

    def _lines_of(self, order: TransferOrder) -> tuple[list[StatementLine], list[StatementLine]]:
        """Lines of the paying account under the order's key: those every statement has, and the others."""
        statements = self._statements(order.debit_account)
        days = {
            line.executed_at.date()
            for statement in statements
            for line in (*statement.lines, *statement.differing)
            if line.key == order.key
        }
        views = [_day_of([each for each in statements if each.covers(day)], day) for day in sorted(days)]
        return (
            [line for view in views for line in view.lines if line.key == order.key],
            [line for view in views for line in view.differing if line.key == order.key],
        )

    def _files(self, wanted: str | None) -> Iterable[tuple[Path, BankFile | InputError]]:
        """The inbox's files that name the account or EndToEndId ``wanted``, in order of name.

        A year's statements lie there: each file is searched once and taken apart only when asked for.
        """
        if not self._inbox.is_dir():
            return
        with os.scandir(self._inbox) as entries:
            arrived = sorted(filter(is_arrived, entries), key=lambda entry: entry.name)
        for entry in arrived:
            path = self._inbox / entry.name
            try:
                status = entry.stat()
                place = (entry.name, status.st_ino, status.st_size, status.st_mtime_ns)
                if place not in self._names:
                    self._names[place] = _names_in(_content_of(path))
                names = self._names[place]
                if wanted is not None and names is not None and wanted.encode() not in names:
                    continue
                if place not in self._read:
                    self._read[place] = _read_or_error(_content_of(path))
            except OSError as error:
                yield path, _not_opened(error)
                continue
            yield path, self._read[place]


def _content_of(path: Path) -> bytes:
    # One byte above the limit is enough for the reader to refuse it.
    with path.open("rb") as stream:
        return stream.read(FILE_BYTES + 1)


_NAMES = re.compile(rb">\s*([^<>\s]{1,64})\s*<")


def _names_in(content: bytes) -> frozenset[bytes] | None:
    """Every short word that stands alone in an element; None where one may be written in disguise."""
    if b"&#" in content or b"<![CDATA[" in content or b"<!--" in content:
        return None
    return frozenset(_NAMES.findall(content))


def _read_or_error(content: bytes) -> BankFile | InputError:
    try:
        return read_bank_file(content)
    except InputError as error:
        return error


def _together(
    pages: list[StatementPage],
) -> dict[tuple[str, str], tuple[list[StatementPage], InputError | None]]:
    """Pages by account and statement, each page once, and why a statement cannot be used."""
    groups: dict[tuple[str, str], dict[int, set[StatementPage]]] = {}
    for page in pages:
        groups.setdefault((page.account, page.statement_id), {}).setdefault(page.number, set()).add(page)
    together: dict[tuple[str, str], tuple[list[StatementPage], InputError | None]] = {}
    for statement, numbered in groups.items():
        of_statement = [page for number in sorted(numbered) for page in numbered[number]]
        error = None
        if any(len(versions) > 1 for versions in numbered.values()):
            error = _clash(*statement)
        elif not _is_whole(of_statement):
            error = _incomplete(*statement)
        together[statement] = (of_statement, error)
    return together


def _is_whole(pages: list[StatementPage]) -> bool:
    numbered = [page.number for page in pages] == list(range(1, len(pages) + 1))
    ends = [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    running = all(before.closing_fen == after.opening_fen for before, after in pairwise(pages))
    return numbered and ends and running


def _joined(pages: list[StatementPage]) -> _Statement:
    """The statement of all its pages, in order; of a page that came in versions the lines they share."""
    versions: dict[int, list[StatementPage]] = {}
    for page in pages:
        versions.setdefault(page.number, []).append(page)
    every = dict.fromkeys(line for page in pages for line in page.lines)
    shared = frozenset[StatementLine]().union(
        *(
            frozenset.intersection(*(frozenset(page.lines) for page in of_number))
            for of_number in versions.values()
        )
    )
    return _Statement(
        account=pages[0].account,
        first_day=min(page.first_day for page in pages),
        last_day=max(page.last_day for page in pages),
        opening_fen=pages[0].opening_fen,
        closing_fen=pages[-1].closing_fen,
        sequence=pages[-1].sequence,
        lines=tuple(line for line in every if line in shared),
        is_torn=len(versions) < len(pages),
        differing=tuple(line for line in every if line not in shared),
    )


def _day_of(statements: list[_Statement], day: date) -> DayStatement:
    """The day by every statement that covers it; they are never merged where they differ."""
    every = dict.fromkeys(
        line
        for statement in statements
        for line in (*statement.lines, *statement.differing)
        if line.executed_at.date() == day
    )
    shared = frozenset.intersection(*(frozenset(statement.lines) for statement in statements))
    balances = {statement.balances_of(day) for statement in statements}
    return DayStatement(
        lines=tuple(line for line in every if line in shared),
        opening_fen=_only(each.opening_fen for each in statements if each.first_day == day),
        closing_fen=_only(each.closing_fen for each in statements if each.last_day == day),
        sequence=_only(each.sequence for each in statements if each.last_day == day),
        differing=tuple(line for line in every if line not in shared),
        balances_differ=len(balances) > 1 or any(statement.is_torn for statement in statements),
    )


def _only(numbers: Iterable[int | None]) -> int | None:
    """The number that all agree on."""
    found = set(numbers)
    return found.pop() if len(found) == 1 else None


def _by_statement(
    order: TransferOrder, lines: list[StatementLine], differing: list[StatementLine]
) -> GatewayAnswer:
    """What booked entries under the order's key prove: executed, and returned when the whole came back.

    An entry that does not agree with the order, or that another statement of its day does not have,
    proves nothing. How much came back in part is found when the statement is matched.
    """
    standing = standing_of(order, lines)
    if differing or standing.differing or len(standing.executions) != 1:
        evidence = sorted(f"camt.053 {line.account} {line.bank_serial}" for line in (*lines, *differing))
        return GatewayAnswer(
            GatewayAnswerKind.UNKNOWN, reason="statement_differs", raw="; ".join(evidence).encode()
        )
    is_back = standing.returned_fen == order.amount_fen
    first = standing.executions[0]
    return GatewayAnswer(
        GatewayAnswerKind.RETURNED if is_back else GatewayAnswerKind.SUCCEEDED,
        reason="returned" if is_back else None,
        bank_serial=first.bank_serial,
        executed_at=first.executed_at,
        raw=f"camt.053 {first.account} {first.bank_serial}".encode(),
    )


def _by_status(order: TransferOrder, statuses: list[OrderStatus], *, is_all_read: bool) -> GatewayAnswer:
    """What the bank's statuses of the order prove together; the order of files decides nothing."""
    evidence = sorted(
        f"pain.002 {status.created_at.isoformat()} {status.status} {status.reason or ''}".strip()
        for status in statuses
    )
    firsts = [each for each in statuses if each.reason not in DUPLICATE_REASONS]
    kind, reason = _proven(order, firsts)
    if kind is GatewayAnswerKind.REJECTED and not is_all_read:
        # What cannot be read may say that the money moved.
        kind, reason = GatewayAnswerKind.UNKNOWN, "contradictory_status"
    return GatewayAnswer(kind, reason=reason, raw="; ".join(evidence).encode())


def _proven(order: TransferOrder, statuses: list[OrderStatus]) -> tuple[GatewayAnswerKind, str | None]:
    rejections = [each for each in statuses if each.status == REJECTED]
    unclear = _why_unclear(order, statuses, rejections)
    if unclear is not None:
        return GatewayAnswerKind.UNKNOWN, unclear
    if not rejections:
        return GatewayAnswerKind.PROCESSING, None
    code = max((each.created_at, each.reason or "") for each in rejections)[1]
    return GatewayAnswerKind.REJECTED, REASONS.get(code, code or None)


def _why_unclear(
    order: TransferOrder, statuses: list[OrderStatus], rejections: list[OrderStatus]
) -> str | None:
    """Why nothing follows; a rejection counts with our amount, and as the end of what the bank said before."""
    if not statuses:
        return "duplicate_reported"  # only a copy was refused
    if any(status.amount_fen not in {None, order.amount_fen} for status in statuses):
        return "echo_mismatch"
    others = [each for each in statuses if each.status != REJECTED]
    foreign = {each.status for each in others} - ON_ITS_WAY
    if rejections:
        if foreign or not all(_is_later(each, other) for each in rejections for other in others):
            return "contradictory_status"
        return None if any(each.amount_fen is not None for each in rejections) else "unconfirmed_rejection"
    return f"status_{min(foreign)}" if foreign else None


def _is_later(status: OrderStatus, other: OrderStatus) -> bool:
    """Whether the status is later for certain, however coarse the bank's clock is."""
    return status.created_at - other.created_at > max(status.created_within, other.created_within)


def _note(path: Path, read: BankFile | InputError, unused: dict[tuple[str, str], InputError]) -> BankFileNote:
    if isinstance(read, InputError):
        return BankFileNote(path.name, None, (), end_to_end_ids=(), error=read)
    return BankFileNote(
        name=path.name,
        message=read.message,
        accounts=tuple(dict.fromkeys(page.account for page in read.pages)),
        end_to_end_ids=tuple(dict.fromkeys(status.end_to_end_id for status in read.statuses)),
        error=next(
            (
                unused[page.account, page.statement_id]
                for page in read.pages
                if (page.account, page.statement_id) in unused
            ),
            None,
        ),
    )


def _clash(account: str, statement_id: str) -> InputError:
    return InputError(
        "bank_statement_clash",
        f"账户 {account} 的对账单 {statement_id} 收到内容不同的两份，不同之处均不采用",
        f"statement {statement_id} of account {account} came twice with different contents; where they differ, neither is used",
        remedy="向银行核实，移走作废的一份 / ask the bank which one holds and take the other away",
    )


def _incomplete(account: str, statement_id: str) -> InputError:
    return InputError(
        "bank_statement_incomplete",
        f"账户 {account} 的对账单 {statement_id} 页数未齐或前后页余额不接",
        f"statement {statement_id} of account {account} lacks pages, or their balances do not follow",
        remedy="等待或请银行补发缺页 / wait for the missing pages or ask the bank for them",
    )


def _not_opened(error: OSError) -> InputError:
    return InputError(
        "bank_file_unreadable",
        f"银行文件打不开：{error.strerror}",
        f"the bank's file cannot be opened: {error.strerror}",
        remedy="检查权限后重试 / check its rights and run again",
    )
