"""The gateway contract over files: what holds for any bank, and what the bank's own files can do wrong."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyiso20022.pain.pain_001_001_09 import Document
from xsdata.formats.dataclass.parsers import XmlParser

from fundpool.adapters.banks import iso20022
from fundpool.adapters.banks.files import FileGateway
from fundpool.domain.errors import InputError, ServiceUnavailable
from fundpool.domain.transfer import GatewayTerms
from fundpool.sandbox_bank.bank_book import BankBook, Course
from fundpool.sandbox_bank.file_bank import FileBank
from fundpool.services.ports.gateway import GatewayAnswerKind as Kind
from schemas.payment_messages import Direction
from tests.contract.conftest import NOW, PAYEE, PAYEE_NAME, PAYER, an_order

TODAY = NOW.date()
EVENING = NOW + timedelta(hours=9)


def key(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


ORDER = an_order(key("order-1"))
NAME = f"pain001-{ORDER.end_to_end_id}.xml"


class Desk:
    """A file gateway with the bank behind it, and what the bank's transport does."""

    def __init__(self, folder: Path) -> None:
        self.outbox, self.inbox, self.kept = folder / "outbox", folder / "inbox", folder / "handed-over"
        self.book = BankBook()
        self.book.open_account(PAYER, "台州市财政专户", 1_000_000)
        self.book.open_account(PAYEE, PAYEE_NAME, 0)
        self.bank = FileBank(self.book, self.outbox, self.inbox)
        self.restart()

    def restart(self) -> None:
        span = GatewayTerms().resend_span
        self.gateway = FileGateway(
            self.outbox, self.inbox, self.kept, customer_id="fundpool", resend_span=span
        )

    def submit(self, order=ORDER):
        return self.gateway.submit(order, now=NOW)

    def query(self, order=ORDER):
        return self.gateway.query(order, now=NOW)

    def settle(self, order=ORDER, day: date = TODAY):
        """Submit, let the bank work and deliver the day's statements, and ask."""
        self.submit(order)
        self.bank.take_orders(NOW.replace(year=day.year, month=day.month, day=day.day))
        self.bank.deliver_statements(day, EVENING)
        return self.query(order)

    def status(self, text: str | bytes, name: str = "status.xml") -> None:
        self.inbox.mkdir(exist_ok=True)
        (self.inbox / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def statement_text(self, day: date = TODAY) -> str:
        return self.bank.statement(PAYER, day, EVENING).decode()

    def deliver(self, text: str | bytes, name: str = "statement.xml") -> None:
        self.status(text, name)


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def pain_002(status="RJCT", amount="123.45", reason="AM04", at="2026-10-01T10:00:00+08:00", **changes):
    digits = changes.get("end_to_end_id", ORDER.end_to_end_id)
    original = changes.get("original", ORDER.end_to_end_id)
    reference = (
        f'<OrgnlTxRef><Amt><InstdAmt Ccy="CNY">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
    )
    reasons = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>S1</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"{changes.get('group', '')}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{digits}</OrgnlPmtInfId>"
        f"<TxInfAndSts><OrgnlEndToEndId>{digits}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reasons}{reference}"
        "</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )


# ------------------------------------------------------------------ as over HTTP


def test_an_order_moves_its_amount_once_and_the_statement_says_so(desk):
    answer = desk.settle()
    assert (answer.kind, answer.executed_at) == (Kind.SUCCEEDED, NOW)
    assert desk.book.accounts[PAYER].balance_fen == 1_000_000 - 12_345
    assert desk.book.accounts[PAYEE].balance_fen == 12_345


def test_the_same_key_again_moves_nothing_and_answers_the_same(desk):
    first = desk.settle()
    assert desk.settle().bank_serial == first.bank_serial
    assert desk.book.executions_of(ORDER.key) == 1


@pytest.mark.parametrize(
    "changed", [{"amount_fen": 1}, {"credit_account": PAYER}, {"credit_name": "x"}, {"purpose": "x"}]
)
def test_the_same_key_with_another_content_is_a_mismatch_and_writes_nothing(desk, changed):
    desk.submit()
    content = (desk.outbox / NAME).read_bytes()
    assert desk.submit(an_order(ORDER.key, **changed)).kind is Kind.PAYLOAD_MISMATCH
    assert (desk.outbox / NAME).read_bytes() == content
    desk.bank.take_orders(NOW)
    assert desk.submit(an_order(ORDER.key, **changed)).kind is Kind.PAYLOAD_MISMATCH
    assert not (desk.outbox / NAME).exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount_fen": 1_000_001}, "insufficient_balance"),
        ({"credit_account": "9999"}, "unknown_credit_account"),
        ({"debit_account": "9999"}, "unknown_debit_account"),
        ({"credit_name": "黄岩区医保支出户"}, "name_mismatch"),
        ({"credit_account": PAYER, "credit_name": "台州市财政专户"}, "same_account"),
        ({"valid_until": NOW - timedelta(seconds=1)}, "expired"),
    ],
)
def test_an_order_that_cannot_be_executed_is_rejected_for_good(desk, changed, reason):
    order = an_order(ORDER.key, **changed)
    answer = desk.settle(order)
    assert (answer.kind, answer.reason) == (Kind.REJECTED, reason)
    assert desk.book.executions == []


def test_a_key_never_seen_is_not_found(desk):
    assert desk.query().kind is Kind.NOT_FOUND


def test_returned_money_shows_as_returned_with_lines_of_its_own(desk):
    desk.settle()
    tomorrow = NOW + timedelta(days=1)
    desk.book.return_transfer(ORDER.key, "payee account closed", tomorrow)
    desk.bank.deliver_statements(tomorrow.date(), tomorrow)
    assert desk.query().kind is Kind.RETURNED
    back = desk.gateway.statement(PAYER, tomorrow.date(), now=tomorrow).lines
    assert [(line.direction, line.amount_fen, line.key) for line in back] == [
        (Direction.CREDIT, 12_345, ORDER.key)
    ]


def test_a_statement_lists_the_lines_of_one_account_and_one_day(desk):
    other = an_order(key("order-2"))
    desk.settle()
    desk.settle(other, TODAY + timedelta(days=1))
    days = [desk.gateway.statement(PAYER, TODAY + timedelta(days=n), now=NOW) for n in range(2)]
    assert [[line.key for line in each.lines] for each in days] == [[ORDER.key], [other.key]]
    (credit,) = desk.gateway.statement(PAYEE, TODAY, now=NOW).lines
    assert (credit.direction, credit.counterparty) == (Direction.CREDIT, "台州市财政专户")
    assert (days[0].lines[0].counterparty_account, credit.counterparty_account) == (PAYEE, PAYER)
    assert [(each.opening_fen, each.closing_fen, each.sequence) for each in days] == [
        (1_000_000, 1_000_000 - 12_345, 274),
        (1_000_000 - 12_345, 1_000_000 - 2 * 12_345, 275),
    ]


def test_a_query_shows_a_late_success_after_a_rejection(desk):
    desk.submit()
    course = Course(refused_for="account_closed", executes_after_refusal_s=60)
    desk.bank.take_orders(NOW, {ORDER.key: course})
    assert (desk.query().kind, desk.query().reason) == (Kind.REJECTED, "account_closed")
    desk.bank.deliver_statements(TODAY, EVENING)
    assert desk.query().kind is Kind.SUCCEEDED


# ------------------------------------------------------------------ what is written


def test_a_file_is_the_same_bytes_however_often_and_wherever_it_is_written(desk, tmp_path):
    desk.submit()
    content = (desk.outbox / NAME).read_bytes()
    other = Desk(tmp_path / "elsewhere")
    other.gateway.submit(ORDER, now=NOW + timedelta(hours=5))
    assert (other.outbox / NAME).read_bytes() == content
    assert iso20022.read_order(content) == ORDER


def test_the_written_message_keeps_every_rule_of_its_shape(desk):
    desk.submit()
    document = XmlParser().from_bytes((desk.outbox / NAME).read_bytes(), Document)
    assert len(list(faults_of(document))) == 0
    document.cstmr_cdt_trf_initn.grp_hdr.msg_id = "x" * 36
    assert list(faults_of(document)) == ["MsgId max_length"]


def faults_of(part: object) -> Iterator[str]:
    """Facets of the official schema, as the message classes carry them, that a message breaks."""
    for spec in fields(part):
        value, rules = getattr(part, spec.name), spec.metadata
        for each in value if isinstance(value, list) else [value]:
            if is_dataclass(each):
                yield from faults_of(each)
            elif isinstance(each, str):
                if len(each) > rules.get("max_length", 10**9):
                    yield f"{rules['name']} max_length"
                if len(each) < rules.get("min_length", 0):
                    yield f"{rules['name']} min_length"
                if not re.fullmatch(rules.get("pattern", "(?s).*"), each):
                    yield f"{rules['name']} pattern"
            elif isinstance(each, Decimal) and -each.as_tuple().exponent > rules.get("fraction_digits", 99):
                yield f"{rules['name']} fraction_digits"


def test_a_file_the_transport_has_taken_is_not_written_again(desk):
    desk.submit()
    (desk.outbox / NAME).unlink()
    desk.restart()
    assert desk.submit().kind is Kind.UNKNOWN
    assert not (desk.outbox / NAME).exists()
    assert (desk.query().kind, desk.query().reason) == (Kind.UNKNOWN, "awaiting_bank")


def test_a_stop_between_outbox_and_copy_leaves_one_order_for_the_bank(desk):
    desk.submit()
    (desk.kept / NAME).unlink()
    desk.restart()
    assert desk.query().reason == "awaiting_bank"
    desk.submit()
    assert len(list(desk.outbox.glob("*.xml"))) == 1
    assert (desk.kept / NAME).exists()


def test_a_second_copy_that_the_bank_refuses_is_no_rejection_of_the_order(desk):
    desk.submit()
    content = (desk.outbox / NAME).read_bytes()
    desk.bank.take_orders(NOW)
    (desk.outbox / NAME).write_bytes(content)
    (handled,) = desk.bank.take_orders(NOW + timedelta(minutes=1))
    assert (handled.status, handled.reason) == ("RJCT", "AM05")
    assert desk.query().kind is Kind.PROCESSING
    assert desk.book.executions_of(ORDER.key) == 1


def test_an_outbox_that_takes_nothing_is_an_unreachable_bank(desk):
    desk.outbox.parent.joinpath("outbox").write_text("a file where the folder should be")
    assert desk.submit().unreachable
    assert desk.query().kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    "changed",
    [
        {"credit_name": "名" * 141},
        {"credit_account": "1" * 35},
        {"purpose": "x" * 141},
        {"credit_name": "a\x01b"},
        {"key": "order-1"},
    ],
)
def test_an_order_no_message_can_carry_is_refused_before_anything_is_written(desk, changed):
    order = an_order(**{"key": ORDER.key} | changed)
    answer = desk.submit(order)
    assert (answer.kind, answer.reason) == (Kind.REJECTED, "order_does_not_fit")
    assert not desk.outbox.exists()


# ------------------------------------------------------------------ what the bank's statuses prove


@pytest.mark.parametrize(
    ("texts", "kind", "reason"),
    [
        ([pain_002()], Kind.REJECTED, "insufficient_balance"),
        ([pain_002(reason="FF99")], Kind.REJECTED, "FF99"),
        ([pain_002("ACCP", reason=None)], Kind.PROCESSING, None),
        ([pain_002("ACSP", reason=None)], Kind.PROCESSING, None),
        ([pain_002("PDNG", reason=None, amount=None)], Kind.PROCESSING, None),
        ([pain_002("ACSC", reason=None)], Kind.UNKNOWN, "status_ACSC"),
        ([pain_002("ACTC", reason=None)], Kind.PROCESSING, None),
        ([pain_002("ACSP", reason=None), pain_002("ACSC", reason=None)], Kind.UNKNOWN, "status_ACSC"),
        ([pain_002(), pain_002(reason="AC04")], Kind.REJECTED, "insufficient_balance"),
        ([pain_002(amount=None), pain_002()], Kind.REJECTED, "insufficient_balance"),
        ([pain_002(amount=None)], Kind.UNKNOWN, "unconfirmed_rejection"),
        ([pain_002(amount="123.46")], Kind.UNKNOWN, "echo_mismatch"),
        ([pain_002("ACSP", amount="0.01")], Kind.UNKNOWN, "echo_mismatch"),
        ([pain_002(reason="AM05")], Kind.UNKNOWN, "duplicate_reported"),
        ([pain_002(original="another")], Kind.UNKNOWN, "awaiting_bank"),
        ([pain_002(end_to_end_id="another")], Kind.UNKNOWN, "awaiting_bank"),
        ([pain_002(end_to_end_id="x", group="<GrpSts>RJCT</GrpSts>")], Kind.UNKNOWN, "awaiting_bank"),
        (
            [pain_002("ACSP", at="2026-10-01T11:00:00+08:00"), pain_002()],
            Kind.UNKNOWN,
            "contradictory_status",
        ),
        (
            [pain_002("ACSP", at="2026-10-01T09:30:00+08:00"), pain_002()],
            Kind.REJECTED,
            "insufficient_balance",
        ),
        (
            [pain_002(), pain_002(reason="AM05", at="2026-10-01T12:00:00+08:00")],
            Kind.REJECTED,
            "insufficient_balance",
        ),
    ],
)
def test_a_status_proves_what_it_names_and_nothing_more(desk, texts, kind, reason):
    desk.submit()
    for number, text in enumerate(texts):
        desk.status(text, f"status-{number}.xml")
    answer = desk.query()
    assert (answer.kind, answer.reason) == (kind, reason)


def at(clock: str) -> str:
    return f"2026-10-01T{clock}+08:00"


CONTRADICTIONS = {
    "one second": (("ACSP", at("10:00:00")), ("RJCT", at("10:00:00"))),
    "a second apart": (("ACSP", at("10:00:04")), ("RJCT", at("10:00:05"))),
    "a minute apart, no seconds": (("ACSP", at("10:04:00")), ("RJCT", at("10:05:00"))),
    "one minute of which one has no seconds": (("ACSP", at("10:04:00")), ("RJCT", at("10:04:59"))),
    "one day of which one has no time": (("PDNG", at("00:00:00")), ("RJCT", at("17:00:05"))),
    "midnight elsewhere": (("PDNG", "2026-10-01T00:00:00Z"), ("RJCT", at("17:00:05"))),
    "a rejection first": (("RJCT", at("09:00:01")), ("ACSP", at("17:00:05"))),
    "a rejection in between": (("RJCT", at("09:00:01")), ("ACSP", at("10:00:05")), ("RJCT", at("11:00:01"))),
    "paid, then rejected": (("ACSC", at("09:00:01")), ("RJCT", at("17:00:05"))),
    "credited, then rejected": (("ACCC", at("09:00:01")), ("RJCT", at("17:00:05"))),
    "in part, then rejected": (("PART", at("09:00:01")), ("RJCT", at("17:00:05"))),
    "no such status": (("XXXX", at("09:00:01")), ("RJCT", at("17:00:05"))),
}


@pytest.mark.parametrize("how", CONTRADICTIONS)
@pytest.mark.parametrize("backwards", [False, True])
def test_statuses_that_contradict_each_other_prove_nothing_in_any_order_of_files(desk, how, backwards):
    desk.submit()
    statuses = CONTRADICTIONS[how]
    for number, (status, moment) in enumerate(reversed(statuses) if backwards else statuses):
        reason = "AM04" if status == "RJCT" else None
        desk.status(pain_002(status, reason=reason, at=moment), f"status-{number}.xml")
    answer = desk.query()
    assert (answer.kind, answer.reason) == (Kind.UNKNOWN, "contradictory_status")


def test_a_file_about_the_order_that_cannot_be_read_leaves_its_rejection_open(desk):
    desk.submit()
    desk.status(pain_002(), "a.xml")
    desk.status(pain_002(end_to_end_id="0" * 32, original="0" * 32)[:-5], "another.xml")
    assert desk.query().kind is Kind.REJECTED
    desk.status(pain_002("ACSP", reason=None)[:-5], "b.xml")
    assert desk.query().reason == "contradictory_status"


@pytest.mark.parametrize(
    ("before", "rejected"),
    [(at("10:00:03"), at("10:00:05")), (at("10:03:00"), at("10:04:01")), (at("10:03:07"), at("10:05:00"))],
)
def test_a_rejection_counts_that_is_later_for_certain(desk, before, rejected):
    desk.submit()
    desk.status(pain_002("ACSP", reason=None, at=before), "b.xml")
    desk.status(pain_002(at=rejected), "a.xml")
    assert desk.query().kind is Kind.REJECTED


def test_one_file_that_says_two_things_of_an_order_proves_nothing(desk):
    desk.submit()
    text = pain_002()
    transaction = text[text.index("<TxInfAndSts>") : text.index("</OrgnlPmtInfAndSts>")]
    accepted = transaction.replace("RJCT", "ACSP")
    for both in (transaction + accepted, accepted + transaction):
        desk.status(text.replace(transaction, both))
        assert desk.query().reason == "contradictory_status"


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        ("<GrpSts>ACSC</GrpSts>", "contradictory_status"),
        ("<GrpSts>ACTC</GrpSts>", "contradictory_status"),
        ("<GrpSts>RJCT</GrpSts>", "insufficient_balance"),
    ],
)
def test_a_status_of_the_whole_message_counts_against_a_rejection(desk, level, reason):
    desk.submit()
    desk.status(pain_002(group=level))
    assert desk.query().reason == reason


def test_no_status_settles_an_order(desk):
    desk.submit()
    for status in ("ACCP", "ACSP", "ACSC", "ACCC", "ACWC", "ACTC", "RCVD"):
        desk.status(pain_002(status, reason=None))
        assert desk.query().kind in {Kind.UNKNOWN, Kind.PROCESSING}


# ------------------------------------------------------------------ what the bank's statements prove


def without_statement(desk: Desk) -> None:
    with pytest.raises(ServiceUnavailable, match="对账单"):
        desk.gateway.statement(PAYER, TODAY, now=NOW)
    assert desk.query().kind in {Kind.UNKNOWN, Kind.PROCESSING}


def test_without_a_whole_statement_of_the_day_there_is_none(desk):
    desk.submit()
    without_statement(desk)


BROKEN = {
    "cut": lambda text: text[: len(text) // 2],
    "a line missing": lambda text: text[: text.index("<Ntry>")] + text[text.rindex("</Ntry>") + 7 :],
    "another amount": lambda text: text.replace('<Amt Ccy="CNY">123.45</Amt>', '<Amt Ccy="CNY">123.46</Amt>'),
    "a fraction of a fen": lambda text: text.replace("123.45", "123.455"),
    "full-width digits": lambda text: text.replace("123.45", "１２３.45"),
    "an exponent": lambda text: text.replace("123.45", "1.2345E2"),
    "dollars": lambda text: text.replace('Ccy="CNY"', 'Ccy="USD"'),
    "an unknown element": lambda text: text.replace("<Ntry>", "<Ntry><Surprise/>", 1),
    "no serial": lambda text: text.replace("<AcctSvcrRef>", "<NtryRef_>").replace(
        "</AcctSvcrRef>", "</NtryRef_>"
    ),
    "half a day": lambda text: text.replace("T23:59:59", "T12:00:00"),
    "an entry of another day": lambda text: text.replace("<DtTm>2026-10-01T09", "<DtTm>2026-09-30T09"),
    "another account": lambda text: text.replace(f"<Id>{PAYER}</Id>", "<Id>7777</Id>"),
    "an entity": lambda text: text.replace(
        "<Document", '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document', 1
    ).replace("台州", "&x;"),
    "a bomb": lambda text: text.replace(
        "<Document",
        "<!DOCTYPE Document ["
        '<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(8))
        + "]><Document",
        1,
    ),
    "another message": lambda text: text.replace("camt.053.001.08", "camt.052.001.08"),
    "another encoding": lambda text: text.encode("gb18030"),
    "nested deep": lambda text: "<a>" * 5000 + "</a>" * 5000,
    "huge": lambda text: text + " " * iso20022.FILE_BYTES,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_statement_proves_nothing_and_hides_no_other(desk, how):
    desk.submit()
    desk.bank.take_orders(NOW)
    good = desk.statement_text()
    assert "<AcctSvcrRef>" in good
    bad = BROKEN[how](good)
    assert bad != good
    desk.deliver(bad, "0-broken.xml")
    without_statement(desk)
    desk.deliver(good, "1-good.xml")
    assert desk.query().kind is Kind.SUCCEEDED
    assert len(desk.gateway.statement(PAYER, TODAY, now=NOW).lines) == 1
    assert (desk.inbox / "0-broken.xml").exists()


def test_every_unusable_file_has_its_error_in_both_languages(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    good = desk.statement_text()
    broken = {f"{how}.xml": breaking(good) for how, breaking in BROKEN.items() if how != "another account"}
    for name, text in broken.items():
        desk.deliver(text, name)
    desk.deliver(good, "good.xml")
    notes = {note.name: note for note in desk.gateway.files()}
    assert notes["good.xml"].error is None
    for name in broken:
        note = notes[name]
        assert note.error is not None, name
        assert note.error.zh
        assert note.error.en
        assert note.error.remedy


def errors_of(desk: Desk) -> dict[str, str | None]:
    return {note.name: note.error.code if note.error else None for note in desk.gateway.files()}


def test_a_statement_delivered_twice_is_one_and_of_two_that_differ_only_what_they_share_counts(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    text = desk.statement_text()
    desk.deliver(text, "first.xml")
    desk.deliver(text, "again.xml")
    assert len(desk.gateway.statement(PAYER, TODAY, now=NOW).lines) == 1
    assert set(errors_of(desk).values()) == {None}
    desk.deliver(text.replace("椒江区医保支出户", "黄岩区医保支出户"), "other.xml")
    found = desk.gateway.statement(PAYER, TODAY, now=NOW)
    assert (found.lines, sorted(line.counterparty for line in found.differing)) == (
        (),
        ["椒江区医保支出户", "黄岩区医保支出户"],
    )
    assert (desk.query().kind, desk.query().reason) == (Kind.UNKNOWN, "statement_differs")
    assert errors_of(desk)["other.xml"] == errors_of(desk)["first.xml"] == "bank_statement_clash"


def other_statement(text: str, day: date = TODAY) -> str:
    """The same statement under another number, as a bank would correct one."""
    return re.sub(rf"<Id>([^<]*-{day:%Y%m%d})</Id>", r"<Id>\1-2</Id>", text, count=1)


def another_entry(text: str, amount: str, closing: tuple[str, str]) -> str:
    """A statement with one debit more; ``closing`` is the balance before and after."""
    entry = text[text.index("<Ntry>") : text.index("</Ntry>") + 7]
    more = re.sub(r"<AcctSvcrRef>[^<]*", "<AcctSvcrRef>X-1", entry)
    more = re.sub(r"<Amt (.*?)>[0-9.]+<", rf"<Amt \1>{amount}<", more)
    more = re.sub(r"<EndToEndId>[^<]*", "<EndToEndId>NOTPROVIDED", more)
    return text.replace(entry, entry + more).replace(*closing)


@pytest.mark.parametrize("backwards", [False, True])
def test_two_statements_of_one_day_are_never_merged(desk, backwards):
    desk.submit()
    desk.bank.take_orders(NOW)
    text = desk.statement_text()
    other = another_entry(other_statement(text), "1.00", ("9876.55", "9875.55"))
    for name, content in zip(("1.xml", "2.xml"), (other, text) if backwards else (text, other), strict=True):
        desk.deliver(content, name)
    found = desk.gateway.statement(PAYER, TODAY, now=NOW)
    assert [line.key for line in found.lines] == [ORDER.key]
    assert [(line.bank_serial, line.amount_fen) for line in found.differing] == [("X-1", 100)]
    assert (found.opening_fen, found.closing_fen) == (1_000_000, None)
    assert found.is_contradictory
    assert desk.query().kind is Kind.SUCCEEDED  # both have this entry


def test_a_second_entry_under_the_key_in_one_of_two_statements_leaves_the_order_open(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    text = desk.statement_text()
    other = another_entry(other_statement(text), "123.45", ("9876.55", "9753.10"))
    desk.deliver(text, "1.xml")
    desk.deliver(other.replace("NOTPROVIDED", ORDER.end_to_end_id), "2.xml")
    assert (desk.query().kind, desk.query().reason) == (Kind.UNKNOWN, "statement_differs")


def test_a_day_without_entries_that_two_statements_give_other_balances_contradicts_itself(desk):
    text = desk.statement_text()
    desk.deliver(text, "1.xml")
    desk.deliver(other_statement(text), "2.xml")
    assert not desk.gateway.statement(PAYER, TODAY, now=NOW).is_contradictory
    desk.deliver(other_statement(text).replace("10000.00", "10000.01"), "2.xml")
    found = desk.gateway.statement(PAYER, TODAY, now=NOW)
    assert (found.differing, found.opening_fen, found.is_contradictory) == ((), None, True)


def test_a_statement_of_two_days_agrees_with_those_of_each(desk):
    desk.settle()
    desk.settle(an_order(key("order-2")), TODAY + timedelta(days=1))
    days = [desk.bank.statement(PAYER, TODAY + timedelta(days=n), EVENING).decode() for n in range(2)]
    entry = days[1][days[1].index("<Ntry>") : days[1].rindex("</Ntry>") + 7]
    both = other_statement(days[0]).replace("<ToDtTm>2026-10-01", "<ToDtTm>2026-10-02")
    both = both.replace("</Ntry>", "</Ntry>" + entry).replace("9876.55", "9753.10")
    desk.deliver(both, "both.xml")
    found = [desk.gateway.statement(PAYER, TODAY + timedelta(days=n), now=NOW) for n in range(2)]
    assert [each.is_contradictory for each in found] == [False, False]
    assert [each.closing_fen for each in found] == [987_655, 975_310]
    (desk.inbox / f"camt053-{PAYER}-2026-10-02.xml").unlink()
    (found_2,) = [desk.gateway.statement(PAYER, TODAY + timedelta(days=1), now=NOW)]
    assert (found_2.opening_fen, found_2.closing_fen) == (None, 975_310)


def test_a_statement_in_pages_counts_when_the_last_one_is_there(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    whole = desk.statement_text()

    def page(number: int, last: str, text: str) -> str:
        pagination = (
            f"</Id><StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn><ElctrncSeqNb>"
        )
        return re.sub(r"</Id>\s*<ElctrncSeqNb>", pagination, text)

    entry = whole[whole.index("<Ntry>") : whole.rindex("</Ntry>") + 7]
    first = page(1, "false", whole.replace(entry, "")).replace("9876.55", "10000.00").replace("CLBD", "ITBD")
    second = page(2, "true", whole).replace("OPBD", "ITBD")
    desk.deliver(second, "2.xml")
    without_statement(desk)
    assert errors_of(desk)["2.xml"] == "bank_statement_incomplete"
    desk.deliver(first, "1.xml")
    assert [line.key for line in desk.gateway.statement(PAYER, TODAY, now=NOW).lines] == [ORDER.key]
    assert errors_of(desk)["2.xml"] is None


def test_a_file_still_being_written_is_left_alone(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    for path in desk.inbox.iterdir():
        path.unlink()
    desk.deliver(desk.statement_text(), "statement.xml.part")
    assert desk.gateway.files() == ()


def test_an_entry_that_is_not_booked_is_no_money(desk):
    desk.submit()
    desk.bank.take_orders(NOW)
    text = desk.statement_text().replace("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>")
    text = text.replace("9876.55", "10000.00")  # pending entries are not in the balance
    desk.deliver(text)
    assert desk.gateway.statement(PAYER, TODAY, now=NOW).lines == ()
    assert desk.query().kind is Kind.PROCESSING


def test_an_entry_of_another_amount_under_our_key_proves_nothing(desk):
    desk.settle()
    other = an_order(ORDER.key, amount_fen=12_346)
    assert (desk.query(other).kind, desk.query(other).reason) == (Kind.UNKNOWN, "statement_differs")


def test_the_older_statement_of_many_banks_is_read_alike(desk):
    text = CAMT_053_02.format(digits=ORDER.end_to_end_id, payer=PAYER)
    desk.deliver(text)
    (line, fee, interest) = desk.gateway.statement(PAYER, TODAY, now=NOW).lines
    assert (line.key, line.amount_fen, line.bank_serial) == (ORDER.key, 12_345, "B-1/1")
    assert (fee.key, fee.amount_fen, fee.bank_serial) == (None, 655, "B-1/2")
    assert (interest.direction, interest.amount_fen, interest.bank_serial) == (
        Direction.CREDIT,
        3,
        "20261001-9",
    )


def in_04(text: str) -> str:
    """The statement as version 04 writes it: transactions bear their amounts themselves."""
    text = text.replace("camt.053.001.02", "camt.053.001.04")
    return re.sub(r"<AmtDtls><TxAmt>(.*?)</TxAmt></AmtDtls>", r"\1<CdtDbtInd>DBIT</CdtDbtInd>", text)


def test_the_statement_of_version_04_is_read_alike(desk):
    text = CAMT_053_02.format(digits=ORDER.end_to_end_id, payer=PAYER)
    assert iso20022.read_bank_file(in_04(text).encode()).pages == iso20022.read_bank_file(text.encode()).pages
    paged = in_04(text).replace(
        "<Stmt><Id>1</Id>", "<Stmt><Id>1</Id><StmtPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></StmtPgntn>"
    )
    desk.deliver(paged)
    assert [line.amount_fen for line in desk.gateway.statement(PAYER, TODAY, now=NOW).lines] == [
        12_345,
        655,
        3,
    ]


@pytest.mark.parametrize("declared", ["GBK", "gbk", "GB2312", "GB18030"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_statement_in_the_encoding_that_it_declares_is_read(desk, declared, quote):
    desk.settle()
    text = desk.statement_text()
    name = re.search(r"<Nm>(.*?)</Nm>", text)[1]
    renamed = text.replace(name, "椒江区医疗保障局（职工）")
    declaration = f"<?xml version={quote}1.0{quote} encoding={quote}{declared}{quote}?>"
    chinese = re.sub(r"^<\?xml.*?\?>", declaration, renamed)
    in_utf8, in_gbk = (
        iso20022.read_bank_file(content) for content in (renamed.encode(), chinese.encode("gb18030"))
    )
    assert in_gbk == in_utf8
    assert in_gbk.pages[0].lines[0].counterparty == "椒江区医疗保障局（职工）"
    (desk.inbox / f"camt053-{PAYER}-{TODAY}.xml").unlink()
    desk.deliver(chinese.encode("gb18030"))
    assert [line.key for line in desk.gateway.statement(PAYER, TODAY, now=NOW).lines] == [ORDER.key]


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("UTF-8", "gb18030"),
        ("GBK", "latin-1"),
        ("Big5", "big5"),
        ("ISO-8859-1", "utf-8"),
        ("UTF-16", "utf-16"),
    ],
)
def test_a_statement_that_is_not_written_as_it_declares_is_refused(desk, declared, written):
    desk.settle()
    text = re.sub(r"^<\?xml.*?\?>", f'<?xml version="1.0" encoding="{declared}"?>', desk.statement_text())
    name = re.search(r"<Nm>(.*?)</Nm>", text)[1]
    content = text.replace(name, "\xff\xfe\xfd" if written == "latin-1" else "椒江區").encode(written)
    with pytest.raises(InputError) as refused:
        iso20022.read_bank_file(content)
    assert refused.value.code == "bank_file_unreadable"


def test_a_doctype_hidden_in_gbk_is_refused():
    text = '<?xml version="1.0" encoding="GBK"?><!DOCTYPE 甲 [<!ENTITY a "b">]><甲>&a;</甲>'
    with pytest.raises(InputError, match="DOCTYPE"):
        iso20022.read_bank_file(text.encode("gbk"))


CAMT_053_02 = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
    "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-10-01T22:00:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>"
    "<CreDtTm>2026-10-01T22:00:00</CreDtTm><Acct><Id><Othr><Id>{payer}</Id></Othr></Id></Acct>"
    '<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">10000</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Dt><Dt>2026-10-01</Dt></Dt></Bal>"
    '<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">9870.03</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Dt><Dt>2026-10-01</Dt></Dt></Bal>"
    '<Ntry><Amt Ccy="CNY">130.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>'
    "<BookgDt><Dt>2026-10-01</Dt></BookgDt><AcctSvcrRef>B-1</AcctSvcrRef><BkTxCd/><NtryDtls>"
    "<TxDtls><Refs><EndToEndId>{digits}</EndToEndId></Refs>"
    '<AmtDtls><TxAmt><Amt Ccy="CNY">123.45</Amt></TxAmt></AmtDtls></TxDtls>'
    "<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
    '<AmtDtls><TxAmt><Amt Ccy="CNY">6.55</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls></Ntry>'
    '<Ntry><NtryRef>9</NtryRef><Amt Ccy="CNY">0.03</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
    "<BookgDt><Dt>2026-10-01</Dt></BookgDt><BkTxCd/></Ntry></Stmt></BkToCstmrStmt></Document>"
)


def test_a_file_nobody_may_open_is_reported_and_hides_no_other(desk, monkeypatch):
    desk.settle()
    locked = desk.inbox / "0-locked.xml"
    locked.write_text("x")

    def open_(self, *rest, **options):
        if self == locked:
            raise PermissionError(13, "Permission denied")
        return original(self, *rest, **options)

    original = Path.open
    monkeypatch.setattr(Path, "open", open_)
    assert [note.name for note in desk.gateway.files() if note.error] == ["0-locked.xml"]
    assert desk.query().kind is Kind.SUCCEEDED


def test_an_order_file_that_is_none_of_ours_is_not_executed(desk):
    desk.outbox.mkdir()
    (desk.outbox / "x.xml").write_text("<x/>")
    (handled,) = desk.bank.take_orders(NOW)
    assert handled.status == "unreadable"
    with pytest.raises(InputError):
        iso20022.read_order(b"<x/>")
