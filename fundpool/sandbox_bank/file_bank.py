"""The sandbox bank's file desk: takes pain.001 from an outbox, answers with pain.002 and camt.053.

The same book as over HTTP, so what it executed is the oracle for the file gateway too. Like a
bank's transport it takes each file away (into ``taken/`` of the outbox), and never answers twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from fundpool.adapters.banks.iso20022 import REASONS, end_to_end_of, read_order, require_extra, write_message
from fundpool.adapters.documents.raw_files import is_arrived, write_through
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI, day_of, midnight
from fundpool.sandbox_bank.bank_book import PROMPT, BankBook, BookAnswer, Course
from schemas.payment_messages import CURRENCY, Direction, StatementLine, TransferOrder

_REASON_CODES = {reason: code for code, reason in REASONS.items()}


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of one file of the outbox: the status the bank wrote, or why it could not be read."""

    name: str
    key: str | None
    status: str
    reason: str | None


class FileBank:
    """A bank that is reached by files. Raises InputError without the extra ``iso20022``."""

    def __init__(self, book: BankBook, outbox: Path, inbox: Path) -> None:
        require_extra()
        self.book = book
        self._outbox = outbox
        self._inbox = inbox

    def take_orders(self, now: datetime, courses: Mapping[str, Course] | None = None) -> tuple[Handled, ...]:
        """Take in every order file and write its pain.002; ``courses`` say what befalls a key."""
        if not self._outbox.is_dir():
            return ()
        handled = []
        for path in sorted(self._outbox.iterdir()):
            if not is_arrived(path):
                continue
            try:
                order = read_order(path.read_bytes())
            except InputError as error:
                handled.append(Handled(path.name, None, "unreadable", reason=error.code))
            else:
                course = (courses or {}).get(order.key, PROMPT)
                known = order.key in self.book.transfers
                handled.append(
                    self._answer(path.name, order, self.book.submit(order, now, course), known=known, now=now)
                )
            taken = self._outbox / "taken"
            taken.mkdir(exist_ok=True)
            path.replace(taken / path.name)
        return tuple(handled)

    def deliver_statements(
        self, day: date, now: datetime, accounts: Iterable[str] | None = None
    ) -> tuple[str, ...]:
        """Write the day's camt.053 of every account, or of ``accounts``; names of the files."""
        self.book.advance(now)
        names = []
        for account in sorted(self.book.accounts if accounts is None else accounts):
            name = f"camt053-{account}-{day}.xml"
            self._write(name, self.statement(account, day, now))
            names.append(name)
        return tuple(names)

    def statement(self, account: str, day: date, now: datetime) -> bytes:
        """The camt.053 of one account and day."""
        of_account = [line for line in self.book.lines if line.account == account]
        later = [line for line in of_account if day_of(line.executed_at) > day]
        lines = [line for line in of_account if day_of(line.executed_at) == day]
        closing_fen = self.book.accounts[account].balance_fen - sum(line.moved_fen for line in later)
        opening_fen = closing_fen - sum(line.moved_fen for line in lines)
        lines = [replace(line, counterparty_account=self._other_account(line)) for line in lines]
        return write_message(
            "camt.053.001.08",
            lambda m: _camt_053(
                m, account, day=day, now=now, opening_fen=opening_fen, closing_fen=closing_fen, lines=lines
            ),
        )

    def _other_account(self, line: StatementLine) -> str | None:
        """The account on whose statement the same movement stands; money from elsewhere has none."""
        of_movement = (each for each in self.book.lines if each.bank_serial == line.bank_serial)
        return next((each.account for each in of_movement if each.account != line.account), None)

    def _answer(
        self, name: str, order: TransferOrder, answer: BookAnswer, *, known: bool, now: datetime
    ) -> Handled:
        state, reason = answer.document.get("state"), answer.document.get("reason")
        if known:
            # A second copy of a file: this refuses the copy, and says nothing of the first.
            status, code = "RJCT", "AM05"
        elif state == "rejected":
            status, code = "RJCT", _REASON_CODES.get(str(reason), "NARR")
        else:
            status, code = ("ACSP" if state == "succeeded" else "PDNG"), None
        content = write_message("pain.002.001.10", lambda m: _pain_002(m, order, status, code=code, now=now))
        suffix = f"{now.astimezone(SHANGHAI):%Y%m%dT%H%M%S}"
        self._write(f"pain002-{end_to_end_of(order.key)}-{suffix}.xml", content)
        return Handled(name, order.key, status, reason=code)

    def _write(self, name: str, content: bytes) -> None:
        self._inbox.mkdir(parents=True, exist_ok=True)
        write_through(self._inbox / name, content)


def _amount(m: Any, amount_fen: int) -> Any:
    value = Decimal(format_yuan(amount_fen, separators=False))
    return m.ActiveOrHistoricCurrencyAndAmount(value=value, ccy=CURRENCY)


def _moment(moment: datetime) -> Any:
    from xsdata.models.datatype import XmlDateTime  # noqa: PLC0415 - takes long to import, rarely needed

    return XmlDateTime.from_datetime(moment.astimezone(SHANGHAI).replace(microsecond=0))


def _pain_002(m: Any, order: TransferOrder, status: str, *, code: str | None, now: datetime) -> Any:
    digits = end_to_end_of(order.key)
    reasons = [] if code is None else [m.StatusReasonInformation12(rsn=m.StatusReason6Choice(cd=code))]
    transaction = m.PaymentTransaction105(
        orgnl_end_to_end_id=digits,
        tx_sts=status,
        sts_rsn_inf=reasons,
        orgnl_tx_ref=m.OriginalTransactionReference28(
            amt=m.AmountType4Choice(instd_amt=_amount(m, order.amount_fen))
        ),
    )
    report = m.CustomerPaymentStatusReportV10(
        grp_hdr=m.GroupHeader86(msg_id=f"S{digits}", cre_dt_tm=_moment(now)),
        orgnl_grp_inf_and_sts=m.OriginalGroupHeader17(orgnl_msg_id=digits, orgnl_msg_nm_id="pain.001.001.09"),
        orgnl_pmt_inf_and_sts=[
            m.OriginalPaymentInstruction32(orgnl_pmt_inf_id=digits, tx_inf_and_sts=[transaction])
        ],
    )
    return m.Document(cstmr_pmt_sts_rpt=report)


def _camt_053(
    m: Any,
    account: str,
    day: date,
    *,
    now: datetime,
    opening_fen: int,
    closing_fen: int,
    lines: list[StatementLine],
) -> Any:
    start = midnight(day)
    statement_id = f"{account[-20:]}-{day:%Y%m%d}"
    statement = m.AccountStatement9(
        id=statement_id,
        cre_dt_tm=_moment(now),
        fr_to_dt=m.DateTimePeriod1(
            fr_dt_tm=_moment(start), to_dt_tm=_moment(start + timedelta(hours=23, minutes=59, seconds=59))
        ),
        elctrnc_seq_nb=Decimal((day - date(day.year, 1, 1)).days + 1),
        acct=m.CashAccount39(id=_number(m, account), ccy=CURRENCY),
        bal=[_balance(m, "OPBD", opening_fen, day=day), _balance(m, "CLBD", closing_fen, day=day)],
        ntry=[_entry(m, line) for line in lines],
    )
    return m.Document(
        bk_to_cstmr_stmt=m.BankToCustomerStatementV08(
            grp_hdr=m.GroupHeader81(msg_id=statement_id, cre_dt_tm=_moment(now)), stmt=[statement]
        )
    )


def _number(m: Any, number: str) -> Any:
    return m.AccountIdentification4Choice(othr=m.GenericAccountIdentification1(id=number))


def _balance(m: Any, code: str, amount_fen: int, *, day: date) -> Any:
    from xsdata.models.datatype import XmlDate  # noqa: PLC0415 - as above

    return m.CashBalance8(
        tp=m.BalanceType13(cd_or_prtry=m.BalanceType10Choice(cd=code)),
        amt=_amount(m, abs(amount_fen)),
        cdt_dbt_ind=m.CreditDebitCode.CRDT if amount_fen >= 0 else m.CreditDebitCode.DBIT,
        dt=m.DateAndDateTime2Choice(dt=XmlDate.from_date(day)),
    )


def _entry(m: Any, line: StatementLine) -> Any:
    is_credit = line.direction is Direction.CREDIT
    end_to_end_id = (end_to_end_of(line.key) if line.key else None) or "NOTPROVIDED"
    party = m.Party40Choice(pty=m.PartyIdentification135(nm=line.counterparty or None))
    number = line.counterparty_account
    account = None if number is None else m.CashAccount38(id=_number(m, number))
    parties = (
        m.TransactionParties6(dbtr=party, dbtr_acct=account)
        if is_credit
        else m.TransactionParties6(cdtr=party, cdtr_acct=account)
    )
    return m.ReportEntry10(
        amt=_amount(m, line.amount_fen),
        cdt_dbt_ind=m.CreditDebitCode.CRDT if is_credit else m.CreditDebitCode.DBIT,
        sts=m.EntryStatus1Choice(cd="BOOK"),
        bookg_dt=m.DateAndDateTime2Choice(dt_tm=_moment(line.executed_at)),
        acct_svcr_ref=line.bank_serial,
        bk_tx_cd=m.BankTransactionCodeStructure4(
            prtry=m.ProprietaryBankTransactionCodeStructure1(cd="TRANSFER")
        ),
        ntry_dtls=[
            m.EntryDetails9(
                tx_dtls=[
                    m.EntryTransaction10(
                        refs=m.TransactionReferences6(end_to_end_id=end_to_end_id), rltd_pties=parties
                    )
                ]
            )
        ],
    )
