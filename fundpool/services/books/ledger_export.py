"""The books for other programs: a Beancount journal, or the postings as CSV."""

import csv
import io
from collections.abc import Iterable

from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.inert import inert
from fundpool.domain.ledger import COUNTING
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI, day_of
from fundpool.services.ports.money_ports import StoredPosting

_ROOTS = {
    AccountType.FUND_INCOME: "Income",
    AccountType.FUND_EXPENDITURE: "Expenses",
    AccountType.FUND_BALANCE: "Equity",
}

CSV_COLUMNS = (
    "city",
    "fund",
    "voucher",
    "line",
    "key",
    "phase",
    "flow",
    "debit",
    "credit",
    "amount_fen",
    "event_at",
    "recorded_at",
    "month",
    "adjusts_month",
    "made_by",
    "memo",
)


def beancount_account(ref: AccountRef) -> str:
    """Name of an account in a Beancount journal, such as ``Assets:Taizhou:Employee:FiscalAccount:331000``."""
    parts = [_ROOTS.get(ref.type, "Assets"), ref.city, ref.fund, ref.type.value, ref.unit]
    return ":".join([parts[0], *(_component(part) for part in [*parts[1:], ref.detail] if part)])


def _component(text: str) -> str:
    """A component: letters, digits and dashes, first letter upper case."""
    camel = "".join(part[:1].upper() + part[1:] for part in text.split("_"))
    plain = "".join(char if char.isalnum() else "-" for char in camel)
    return plain if plain[0].isupper() or plain[0].isdigit() else f"X{plain}"


def to_beancount(postings: Iterable[StoredPosting]) -> str:
    """A journal of everything that moved money; reserves and voids move nothing and are left out."""
    entries = sorted(
        (each for each in postings if each.posting.phase in COUNTING), key=lambda each: each.posting.event_at
    )
    if not entries:
        return 'option "operating_currency" "CNY"\n'
    first_day = day_of(entries[0].posting.event_at)
    refs = sorted({ref for each in entries for ref in (each.posting.debit, each.posting.credit)})
    lines = ['option "title" "fundpool"', 'option "operating_currency" "CNY"', ""]
    lines += [f"{first_day} open {beancount_account(ref)} CNY" for ref in refs]
    for each in entries:
        entry = each.posting
        yuan = format_yuan(entry.amount_fen, separators=False)
        lines += [
            "",
            f"{day_of(entry.event_at)} * {_quoted(entry.flow)} {_quoted(entry.memo)}",
            f"  key: {_quoted(entry.key)}",
            f"  {beancount_account(entry.debit)}  {yuan} CNY",
            f"  {beancount_account(entry.credit)}  -{yuan} CNY",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def to_csv(postings: Iterable[StoredPosting]) -> str:
    """Every posting, reserves included, one line each, amounts in fen."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for each in postings:
        entry = each.posting
        cells = (
            entry.debit.city,
            entry.debit.fund,
            each.voucher_number,
            each.line,
            entry.key,
            entry.phase.value,
            entry.flow.value,
            entry.debit,
            entry.credit,
            entry.amount_fen,
            entry.event_at.astimezone(SHANGHAI).isoformat(),
            each.recorded_at.astimezone(SHANGHAI).isoformat(),
            each.month,
            each.adjusts_month or "",
            each.made_by,
            entry.memo,
        )
        writer.writerow([cell if isinstance(cell, int) else _csv_text(str(cell)) for cell in cells])
    return out.getvalue()


def _csv_text(text: str) -> str:
    # The writer quotes no lone CR, and a reader that ends a line at it would begin another with what follows.
    return inert(text).replace("\r\n", "\n").replace("\r", "\n")
