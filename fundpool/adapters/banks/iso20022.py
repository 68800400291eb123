"""ISO 20022 messages of the file gateway: pain.001 written, pain.002 and camt.053 read.

Bytes in, plain values out; no folder, no clock. The message classes are pyiso20022's. A bank's file
is taken whole or not at all: too large, with a DOCTYPE, not well formed, of another message or
currency, or a statement whose balances do not follow from its entries is an error that says so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from xml.parsers import expat

from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI, midnight
from schemas.payment_messages import CURRENCY, Direction, StatementLine, TransferOrder

FILE_BYTES = 16 * 1024 * 1024
"""A larger file is refused unread: about ten thousand entries, far above an account's day."""

ON_ITS_WAY = frozenset({"RCVD", "ACTC", "ACCP", "ACSP", "ACWC", "PDNG"})
"""Statuses that mean: the bank has the order and works on it; a rejection may still follow."""

REJECTED = "RJCT"

DUPLICATE_REASONS = frozenset({"AM05", "DU01", "DU02", "DU03", "DU04", "DU05", "DUPL"})
"""The bank has seen the file before. It refuses the second copy and says nothing of the first."""

REASONS = {
    "AM04": "insufficient_balance",
    "AC01": "unknown_credit_account",
    "AC02": "unknown_debit_account",
    "AC04": "account_closed",
    "BE01": "name_mismatch",
    "AG01": "same_account",
    "TM01": "expired",
}
"""ISO status reasons in the words of the HTTP gateway; any other code is passed on as it is."""

_URN = "urn:iso:std:iso:20022:tech:xsd:"
_PAIN_001 = "pain.001.001.09"
_PAIN_002 = frozenset({"pain.002.001.03", "pain.002.001.10"})
_CAMT_053 = frozenset({"camt.053.001.02", "camt.053.001.04", "camt.053.001.08"})
_DECLARATION = re.compile(rb"""<\?xml\s[^>]*?(?:\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*)?\?>""")
_DECLARATION_BYTES = 256
"""A longer one is none that a bank writes, and is not searched."""
_ENCODINGS = {"utf-8": "utf-8", "us-ascii": "utf-8"} | dict.fromkeys(("gbk", "gb2312", "gb18030"), "gb18030")
"""How a bank may declare its XML, and what that is read as; GB18030 holds all that GBK and GB2312 write."""
_DEPTH = 40
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,5})?", re.ASCII)
_END_TO_END = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_VALID_UNTIL = "VALID UNTIL "


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """What one pain.002 says of one transaction; ``amount_fen`` only where the bank repeats it.

    ``created_within``: how coarse the bank's clock may be at ``created_at``.
    """

    created_at: datetime
    created_within: timedelta
    original_message_id: str
    end_to_end_id: str
    status: str
    amount_fen: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class StatementPage:
    """One page of one account's statement. ``first_day`` to ``last_day`` are covered from end to end.

    ``opening_fen`` and ``closing_fen`` are the booked balances at both ends of the page, ``sequence`` the number
    the bank gives the statement.
    """

    account: str
    statement_id: str
    number: int
    is_last: bool
    first_day: date
    last_day: date
    opening_fen: int
    closing_fen: int
    sequence: int | None
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True)
class BankFile:
    """What a bank's file holds: statuses or pages of statements."""

    message: str
    statuses: tuple[OrderStatus, ...] = ()
    pages: tuple[StatementPage, ...] = ()


# ---------------------------------------------------------------------------------- keys


def end_to_end_of(key: str) -> str | None:
    """MsgId and EndToEndId of a key: its 32 hex digits. ``None`` for a key that is no UUID."""
    return key.replace("-", "") if _KEY.fullmatch(key) else None


def key_of(end_to_end_id: str | None) -> str | None:
    """The key an EndToEndId stands for; ``None`` when it cannot be one of ours."""
    if end_to_end_id is None or not _END_TO_END.fullmatch(end_to_end_id):
        return None
    parts = (slice(0, 8), slice(8, 12), slice(12, 16), slice(16, 20), slice(20, 32))
    return "-".join(end_to_end_id[part] for part in parts)


# ---------------------------------------------------------------------------------- pain.001


def write_order(order: TransferOrder, *, customer_id: str, created_at: datetime) -> bytes:
    """The pain.001 of one order: the same order and moment always give the same bytes.

    Raises ValueError when the order does not fit into the message: a key that is no UUID, an
    account above 34 or a name or purpose above 140 characters, a character XML cannot hold.
    """
    content = _serialized(_pain_001(order, customer_id, created_at))
    try:
        read_back = read_order(content)
    except InputError as error:
        raise ValueError(error.en) from error
    if read_back != order:
        raise ValueError("the order does not survive being written as pain.001")
    return content


def _pain_001(order: TransferOrder, customer_id: str, created_at: datetime) -> Any:
    m = _module(_PAIN_001)
    from xsdata.models.datatype import XmlDate, XmlDateTime  # noqa: PLC0415 - a second to import, rarely needed

    message_id = end_to_end_of(order.key)
    fits = max(len(order.debit_account), len(order.credit_account)) <= 34
    if message_id is None or not fits or max(len(order.credit_name), len(order.purpose)) > 140:
        raise ValueError("key, account, name or purpose do not fit into a pain.001")
    amount = Decimal(format_yuan(order.amount_fen, separators=False))
    nobody = m.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=m.FinancialInstitutionIdentification18(
            othr=m.GenericFinancialIdentification1(id="NOTPROVIDED")
        )
    )
    customer = m.Party38Choice(
        org_id=m.OrganisationIdentification29(othr=[m.GenericOrganisationIdentification1(id=customer_id)])
    )
    transaction = m.CreditTransferTransaction34(
        pmt_id=m.PaymentIdentification6(end_to_end_id=message_id),
        amt=m.AmountType4Choice(instd_amt=m.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=CURRENCY)),
        cdtr=m.PartyIdentification135(nm=order.credit_name),
        cdtr_acct=_own_account(m, order.credit_account),
        instr_for_dbtr_agt=_VALID_UNTIL + order.valid_until.isoformat(),
        rmt_inf=m.RemittanceInformation16(ustrd=[order.purpose]),
    )
    payment = m.PaymentInstruction30(
        pmt_inf_id=message_id,
        pmt_mtd=m.PaymentMethod3Code.TRF,
        btch_bookg=False,
        nb_of_txs="1",
        ctrl_sum=amount,
        reqd_exctn_dt=m.DateAndDateTime2Choice(dt=XmlDate.from_date(created_at.date())),
        dbtr=m.PartyIdentification135(id=customer),
        dbtr_acct=_own_account(m, order.debit_account),
        dbtr_agt=nobody,
        cdt_trf_tx_inf=[transaction],
    )
    header = m.GroupHeader85(
        msg_id=message_id,
        cre_dt_tm=XmlDateTime.from_datetime(created_at),
        nb_of_txs="1",
        ctrl_sum=amount,
        initg_pty=m.PartyIdentification135(id=customer),
    )
    return m.Document(
        cstmr_cdt_trf_initn=m.CustomerCreditTransferInitiationV09(grp_hdr=header, pmt_inf=[payment])
    )


def _own_account(m: Any, number: str) -> Any:
    return m.CashAccount38(
        id=m.AccountIdentification4Choice(othr=m.GenericAccountIdentification1(id=number)), ccy=CURRENCY
    )


def read_order(content: bytes) -> TransferOrder:
    """The order a pain.001 of ours carries, for the sandbox bank and for comparing; raises InputError."""
    message, document = _document(content)
    if message != _PAIN_001:
        raise _foreign(f"{message}, 应为 / expected {_PAIN_001}")
    initiation = document.cstmr_cdt_trf_initn
    try:
        (payment,) = initiation.pmt_inf
        (transaction,) = payment.cdt_trf_tx_inf
        valid_until = transaction.instr_for_dbtr_agt
        return TransferOrder(
            key=key_of(transaction.pmt_id.end_to_end_id) or "",
            amount_fen=_fen(transaction.amt.instd_amt),
            debit_account=_account_no(payment.dbtr_acct),
            credit_account=_account_no(transaction.cdtr_acct),
            credit_name=transaction.cdtr.nm,
            purpose=transaction.rmt_inf.ustrd[0],
            end_to_end_id=transaction.pmt_id.end_to_end_id,
            valid_until=datetime.fromisoformat(valid_until.removeprefix(_VALID_UNTIL)),
        )
    except (ValueError, AttributeError, IndexError) as error:
        raise _unreadable(str(error)) from error


# ---------------------------------------------------------------------------------- reading the bank's files


def read_bank_file(content: bytes) -> BankFile:
    """What a bank's file says. Raises InputError for anything that is not wholly understood."""
    message, document = _document(content)
    try:
        if message in _PAIN_002:
            return BankFile(message, statuses=_statuses(document.cstmr_pmt_sts_rpt))
        if message in _CAMT_053:
            report = document.bk_to_cstmr_stmt
            return BankFile(
                message, pages=tuple(_page(statement, report.grp_hdr) for statement in report.stmt)
            )
    except (ValueError, AttributeError) as error:
        raise _unreadable(str(error)) from error
    raise _foreign(message)


def _statuses(report: Any) -> tuple[OrderStatus, ...]:
    created = report.grp_hdr.cre_dt_tm
    original = report.orgnl_grp_inf_and_sts

    def status(
        end_to_end_id: str, code: Any, amount_fen: int | None, *, informations: list[Any]
    ) -> OrderStatus:
        return OrderStatus(
            created_at=_moment(created),
            created_within=_clock_step(created),
            original_message_id=original.orgnl_msg_id,
            end_to_end_id=end_to_end_id,
            status=_code(code),
            amount_fen=amount_fen,
            reason=_reason(informations),
        )

    payments = report.orgnl_pmt_inf_and_sts
    found = [
        status(
            each.orgnl_end_to_end_id,
            each.tx_sts,
            _original_fen(each.orgnl_tx_ref),
            informations=each.sts_rsn_inf,
        )
        for payment in payments
        for each in payment.tx_inf_and_sts
        if each.orgnl_end_to_end_id and each.tx_sts
    ]
    # One order a message, so MsgId, PmtInfId and EndToEndId are the same digits. What the levels above say
    # counts against a rejection; their own rejection may be of a copy, as only the transaction's status shows.
    above = [(original.orgnl_msg_id, original.grp_sts, original.sts_rsn_inf)]
    above += [(each.orgnl_pmt_inf_id, each.pmt_inf_sts, each.sts_rsn_inf) for each in payments]
    found += [
        status(digits, code, None, informations=informations)
        for digits, code, informations in above
        if digits and code and _code(code) != REJECTED
    ]
    return tuple(found)


def _clock_step(xml: Any) -> timedelta:
    """How coarse a written moment may be: zero seconds are often no seconds, midnight often a mere day."""
    if xml.second or xml.fractional_second:
        return timedelta(seconds=1)
    return timedelta(minutes=1) if xml.hour or xml.minute else timedelta(days=1)


def _original_fen(reference: Any) -> int | None:
    amount = reference.amt.instd_amt if reference is not None and reference.amt is not None else None
    return None if amount is None else _fen(amount)


def _reason(informations: list[Any]) -> str | None:
    for information in informations:
        if information.rsn is not None and (code := information.rsn.cd or information.rsn.prtry):
            return str(code)
    return None


def _page(statement: Any, header: Any) -> StatementPage:
    account = _account_no(statement.acct)
    if statement.acct.ccy not in {None, CURRENCY}:
        raise _foreign_currency(statement.acct.ccy)
    pagination = getattr(statement, "stmt_pgntn", None) or header.msg_pgntn
    sequence = statement.lgl_seq_nb if statement.elctrnc_seq_nb is None else statement.elctrnc_seq_nb
    opening, closing = _balances(statement.bal)
    first_day, last_day = _days(statement, closing)
    lines = tuple(line for entry in statement.ntry if _is_booked(entry) for line in _lines(account, entry))
    outside = [line for line in lines if not first_day <= line.executed_at.date() <= last_day]
    if outside:
        raise _inconsistent(
            f"{account}：流水 {outside[0].bank_serial} 记账日 {outside[0].executed_at.date()} 不在对账期间内",
            f"{account}: entry {outside[0].bank_serial} is booked outside the period of the statement",
        )
    serials = [line.bank_serial for line in lines]
    if len(set(serials)) != len(serials):
        raise _inconsistent(
            f"{account}：对账单中有流水号重复", f"{account}: a serial stands twice in the statement"
        )
    page = StatementPage(
        account=account,
        statement_id=statement.id,
        number=int(pagination.pg_nb) if pagination else 1,
        is_last=pagination.last_pg_ind if pagination else True,
        first_day=first_day,
        last_day=last_day,
        opening_fen=_signed_fen(opening),
        closing_fen=_signed_fen(closing),
        sequence=None if sequence is None else int(sequence),
        lines=lines,
    )
    _require_tie(page)
    return page


def _require_tie(page: StatementPage) -> None:
    expected_fen = page.opening_fen + sum(line.moved_fen for line in page.lines)
    if expected_fen != page.closing_fen:
        expected, found = format_yuan(expected_fen), format_yuan(page.closing_fen)
        raise _inconsistent(
            f"{page.account}：期初余额加减已记账各笔应为 {expected}，文件写期末 {found}，有缺行或错行",
            f"{page.account}: opening balance and booked entries give {expected}, the file closes with {found}",
        )


_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def _balances(balances: list[Any]) -> tuple[Any, Any]:
    """Booked balances at the page's start and end; a page in the middle carries interim ones."""
    coded: dict[str, list[Any]] = {}
    for balance in balances:
        code = balance.tp.cd_or_prtry.cd
        coded.setdefault(_code(code) if code else "", []).append(balance)
    interim = coded.get("ITBD", [])
    opening = next((coded[code][0] for code in _OPENING if code in coded), None) or (interim or [None])[0]
    closing = next((coded[code][0] for code in _CLOSING if code in coded), None) or (interim or [None])[-1]
    if opening is None or closing is None:
        raise ValueError("no opening (OPBD) or closing (CLBD) booked balance")
    return opening, closing


def _days(statement: Any, closing: Any) -> tuple[date, date]:
    """Days covered from end to end: by the stated period, else the one day of the closing balance."""
    if statement.fr_to_dt is None:
        day = _moment_of(closing.dt).date()
        return day, day
    first, last = _moment(statement.fr_to_dt.fr_dt_tm), _moment(statement.fr_to_dt.to_dt_tm)
    first_day = first.date() if first.time() == time() else first.date() + timedelta(days=1)
    ends_day = last.time() >= time(23, 59)
    last_day = last.date() if ends_day else last.date() - timedelta(days=1)
    if last_day < first_day:
        raise _inconsistent(
            f"对账期间 {first} 至 {last} 不足一日，当日未完不作对账",
            f"the period {first} to {last} is no whole day; a day that is not over proves nothing",
        )
    return first_day, last_day


def _is_booked(entry: Any) -> bool:
    """Only booked entries are money; pending, future and informational ones are not in the balance."""
    status = entry.sts.cd if hasattr(entry.sts, "cd") else entry.sts
    return status is not None and _code(status) == "BOOK"


def _lines(account: str, entry: Any) -> list[StatementLine]:
    total_fen = _fen(entry.amt)
    if total_fen == 0:
        return []  # an entry of nil moves no money and has no side
    details = [detail for details in entry.ntry_dtls for detail in details.tx_dtls]
    executed_at = _moment_of(entry.bookg_dt)
    serial = entry.acct_svcr_ref or (f"{executed_at:%Y%m%d}-{entry.ntry_ref}" if entry.ntry_ref else None)
    if serial is None:
        raise ValueError("an entry without AcctSvcrRef and NtryRef")
    direction = Direction.CREDIT if _code(entry.cdt_dbt_ind) == "CRDT" else Direction.DEBIT

    def line(detail: Any, number: int | None, amount_fen: int) -> StatementLine:
        name, account_no = _counterparty(detail, direction)
        return StatementLine(
            bank_serial=serial if number is None else f"{serial}/{number}",
            account=account,
            direction=direction,
            amount_fen=amount_fen,
            key=key_of(detail.refs.end_to_end_id) if detail is not None and detail.refs else None,
            counterparty=name,
            executed_at=executed_at,
            counterparty_account=account_no,
        )

    if len(details) <= 1:
        return [line(details[0] if details else None, None, total_fen)]
    parts = [_detail_fen(detail) for detail in details]
    if sum(parts) != total_fen:
        raise _inconsistent(
            f"{account}：流水 {serial} 合计 {format_yuan(total_fen)}，明细合计 {format_yuan(sum(parts))}",
            f"{account}: entry {serial} is {format_yuan(total_fen)}, its details add up to {format_yuan(sum(parts))}",
        )
    return [
        line(detail, number, amount_fen)
        for number, (detail, amount_fen) in enumerate(zip(details, parts, strict=True), start=1)
    ]


def _detail_fen(detail: Any) -> int:
    amount = getattr(detail, "amt", None)
    if amount is None and detail.amt_dtls is not None and detail.amt_dtls.tx_amt is not None:
        amount = detail.amt_dtls.tx_amt.amt
    if amount is None:
        raise ValueError("a batch entry whose transactions carry no amounts")
    return _fen(amount)


def _counterparty(detail: Any, direction: Direction) -> tuple[str | None, str | None]:
    """Name and account number of the other party."""
    parties = detail.rltd_pties if detail is not None else None
    if parties is None:
        return None, None
    is_credit = direction is Direction.CREDIT
    party, account = (parties.dbtr, parties.dbtr_acct) if is_credit else (parties.cdtr, parties.cdtr_acct)
    party = getattr(party, "pty", party)
    name = None if party is None or party.nm is None else str(party.nm)[:200]
    return name, None if account is None else _account_no(account)[:64]


# ---------------------------------------------------------------------------------- values


def _fen(amount: Any) -> int:
    if amount.ccy != CURRENCY:
        raise _foreign_currency(amount.ccy)
    fen = amount.value.scaleb(2)
    if fen != fen.to_integral_value():
        raise ValueError(f"{amount.value} yuan is no whole number of fen")
    return int(fen)


def _signed_fen(balance: Any) -> int:
    amount_fen = _fen(balance.amt)
    return amount_fen if _code(balance.cdt_dbt_ind) == "CRDT" else -amount_fen


def _account_no(account: Any) -> str:
    number = account.id.iban or (account.id.othr.id if account.id.othr else None)
    if not number:
        raise ValueError("an account without its number")
    return str(number)


def _code(value: Any) -> str:
    return str(getattr(value, "value", value))


def _moment(xml: Any) -> datetime:
    moment: datetime = xml.to_datetime()
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(SHANGHAI)


def _moment_of(choice: Any) -> datetime:
    """A date or a moment; a day without a time counts from its start."""
    if choice is None or (choice.dt is None and choice.dt_tm is None):
        raise ValueError("an entry or balance without its date")
    if choice.dt_tm is not None:
        return _moment(choice.dt_tm)
    return midnight(choice.dt.to_date())


# ---------------------------------------------------------------------------------- XML


def _document(content: bytes) -> tuple[str, Any]:
    """Name of the message and its object; every value that the message's shape does not know is an error."""
    content = _in_utf8(content)
    message = _guarded(content)
    if message != _PAIN_001 and message not in _PAIN_002 | _CAMT_053:
        raise _foreign(message)
    from xsdata.exceptions import ConverterError, ParserError, XmlHandlerError  # noqa: PLC0415 - as above

    try:
        return message, _parser().from_bytes(content, _module(message).Document)
    except (ParserError, ConverterError, XmlHandlerError, TypeError, ValueError) as error:
        raise _unreadable(str(error)) from error


@cache
def _classes() -> Any:
    """What xsdata has learnt of the message classes, kept for all files."""
    from xsdata.formats.dataclass.context import XmlContext  # noqa: PLC0415 - as above

    return XmlContext()


def _parser() -> Any:
    from xsdata.formats.dataclass.parsers import XmlParser  # noqa: PLC0415 - as above
    from xsdata.formats.dataclass.parsers.config import ParserConfig  # noqa: PLC0415
    from xsdata.formats.dataclass.parsers.handlers import XmlEventHandler  # noqa: PLC0415

    strict = ParserConfig(
        fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True
    )
    return XmlParser(context=_classes(), config=strict, handler=XmlEventHandler)


def _in_utf8(content: bytes) -> bytes:
    """The XML in UTF-8 without its declaration. Refuses what is too large or not written as it declares.

    Chinese banks also write GBK, which XML parsers do not take.
    """
    if len(content) > FILE_BYTES:
        raise InputError(
            "bank_file_too_large",
            f"银行文件 {len(content)} 字节，超过上限 {FILE_BYTES} 字节",
            f"the bank's file of {len(content)} bytes is above the limit of {FILE_BYTES} bytes",
            remedy="请银行按账户、按日分文件 / ask the bank for a file per account and day",
        )
    content = content.removeprefix(b"\xef\xbb\xbf")
    found = _DECLARATION.match(content[:_DECLARATION_BYTES])
    if found is None and content.startswith((b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n")):
        raise _unreadable("XML 声明不完整 / the XML declaration is not whole")
    declared = (found[1] or b"utf-8").decode().lower() if found else "utf-8"
    encoding = _ENCODINGS.get(declared)
    if encoding is None:
        raise _unreadable(
            f"编码 {declared}，只收 UTF-8 与 GB18030 / encoding {declared}; UTF-8 or GB18030 is read"
        )
    start = found.end() if found else 0
    try:
        return content[start:].decode(encoding).encode()
    except UnicodeDecodeError as error:
        where = start + error.start + 1
        raise _unreadable(f"不是所声明的 {declared} / not {declared} as declared, byte {where}") from error


def _guarded(content: bytes) -> str:
    """Name of the message, after a first look by a parser that keeps nothing.

    Refuses what has a DOCTYPE (so no entity is ever defined), is nested too deep, or writes an amount
    otherwise than in plain ASCII digits: a lenient number reader would take full-width digits and
    exponents without a word.
    """
    look = _FirstLook()
    parser = expat.ParserCreate(encoding="UTF-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = look.doctype
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    parser.CharacterDataHandler = look.text
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes it by position
    except expat.ExpatError as error:
        raise _unreadable(str(error)) from error
    namespace = look.root.partition(" ")[0]
    return namespace.removeprefix(_URN) if namespace.startswith(_URN) else namespace or look.root


class _FirstLook:
    def __init__(self) -> None:
        self.root = ""
        self._depth = 0
        self._amount: list[str] | None = None

    def doctype(self, *_: object) -> None:
        raise InputError(
            "bank_file_forbidden",
            "银行文件含 DOCTYPE 声明，不读取",
            "the bank's file has a DOCTYPE and is not read",
            remedy="报文不应有 DOCTYPE；向银行核实来源 / a message has none; ask the bank where it comes from",
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self._depth += 1
        if self._depth > _DEPTH:
            raise _unreadable("嵌套过深 / nested too deep")
        self._amount = [] if "Ccy" in attributes else None

    def end(self, _name: str) -> None:
        self._depth -= 1
        if self._amount is not None and not _AMOUNT.fullmatch("".join(self._amount).strip(" \t\r\n")):
            raise _unreadable(f"金额写法 / amount {''.join(self._amount)[:40]!r}")
        self._amount = None

    def text(self, data: str) -> None:
        if self._amount is not None:
            self._amount.append(data)


def _serialized(document: Any) -> bytes:
    from xsdata.formats.dataclass.serializers import XmlSerializer  # noqa: PLC0415 - as above
    from xsdata.formats.dataclass.serializers.config import SerializerConfig  # noqa: PLC0415

    serializer = XmlSerializer(context=_classes(), config=SerializerConfig(indent="  "))
    text: str = serializer.render(document, ns_map={None: type(document).Meta.namespace})
    return text.encode()


def write_message(message: str, build: Callable[[Any], Any]) -> bytes:
    """The bytes of a message that ``build`` makes with the message's classes (for the sandbox bank)."""
    return _serialized(build(_module(message)))


def _module(message: str) -> Any:
    family = message.partition(".")[0]
    return import_module(f"pyiso20022.{family}.{message.replace('.', '_')}")


# ---------------------------------------------------------------------------------- errors


def require_extra() -> None:
    """Raises InputError when the extra ``iso20022`` is not installed."""
    if find_spec("pyiso20022") is None or find_spec("xsdata") is None:
        raise InputError(
            "iso20022_missing",
            "没有安装银行文件（ISO 20022）所需的组件",
            "what reads and writes the bank's ISO 20022 files is not installed",
            remedy="pip install 'fundpool[iso20022]'；在检出目录中 make iso20022 / in a checkout: make iso20022",
        )


def _unreadable(what: str) -> InputError:
    return InputError(
        "bank_file_unreadable",
        f"银行文件读不出：{what[:300]}",
        f"the bank's file cannot be read: {what[:300]}",
        remedy="文件已原样保留，请银行重发 / the file is kept as it is; ask the bank to send it again",
    )


def _foreign(what: str) -> InputError:
    return InputError(
        "bank_file_foreign",
        f"不是本系统的银行报文：{what[:200]}",
        f"not a message this program reads: {what[:200]}",
        remedy="收件目录只放 pain.002.001.03/.10 与 camt.053.001.02/.04/.08 / the inbox is for these messages only",
    )


def _foreign_currency(currency: str) -> InputError:
    return InputError(
        "bank_file_currency",
        f"银行文件的币种是 {currency}，本系统只收人民币 CNY",
        f"the bank's file is in {currency}; only CNY is read",
        remedy="核对账户 / compare the account",
    )


def _inconsistent(zh: str, en: str) -> InputError:
    return InputError(
        "bank_statement_inconsistent",
        zh,
        en,
        remedy="不予采用；请银行重发完整对账单 / not used; ask the bank for the whole statement",
    )
