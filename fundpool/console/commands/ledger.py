"""``fundpool ledger``: verify, read, export and keep the books."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts
from fundpool.console.language import choose
from fundpool.console.options import (
    Act,
    ActOnGivenMonth,
    AnyCity,
    AnyFund,
    City,
    Fund,
    Options,
    PolicyDir,
    Reason,
    parse_amount,
    parse_reference,
    writing_to,
)
from fundpool.console.output import Table, findings_in_words, funds_in_words, pick
from fundpool.domain.periods import day_of
from fundpool.domain.rights import Right
from fundpool.services.ports.judging import finding_to_json

if TYPE_CHECKING:
    from fundpool.domain.ledger import AccountBalance, LedgerFault

app = App(name="ledger")


@app.command
def verify(*, options: Options = Options()) -> int:
    """由分录重算账簿；有不符退出码 1 / Recompute the books from their postings; exit 1 when anything does not add up."""
    from fundpool.services.books.ledger_checks import verify as verify_books

    return show_faults(
        options.read(verify_books),
        options,
        title="账簿核验发现问题 / faults in the books",
        sound="账簿核验无误：借贷平衡，凭证链完整 / books verified: balanced, chain whole",
    )


def show_faults(
    faults: "Sequence[LedgerFault]", options: Options, *, title: str, sound: str, **more: object
) -> int:
    """Print what a verification found; ``more`` stands in its JSON, ``sound`` is the sentence when it found nothing."""
    rows = [pick(fault, "kind subject message_zh=zh message_en=en") for fault in faults]
    columns = {"类别 / kind": "kind", "何处 / where": "subject", "说明 / message": "message_zh"}
    document = {"ok": not faults, **more, "faults": rows}
    return options.show(document, Table(title, rows, columns) if faults else sound, found=bool(faults))


@app.command
def balances(
    *,
    city: AnyCity = None,
    fund: AnyFund = None,
    as_of: Annotated[str | None, Parameter(help="按业务发生时间截止 / events up to this moment")] = None,
    recorded_until: Annotated[
        str | None, Parameter(help="按记账时间截止 / recorded up to this moment")
    ] = None,
    options: Options = Options(),
) -> int:
    """各账户余额，可按业务时间、记账时间或两者截止 / Balances of every account, now or as of an event time, a record time or both."""
    from fundpool.services.books import booking

    event_until = business_clock(as_of) if as_of else None
    until = business_clock(recorded_until) if recorded_until else None
    options.require_known(city, fund)
    found = options.read(booking.balances, city, fund, event_until=event_until, recorded_until=until)
    document = balances_document(found)
    shown = [account | {"reserved_fen": account["reserved_fen"] or None} for account in document["accounts"]]
    columns = "city fund type unit detail balance_fen reserved_fen"
    return options.show(document, Table("账户余额 / balances", shown, columns))


def balances_document(found: "Sequence[AccountBalance]") -> dict[str, Any]:
    """Balances of accounts with their trial balance, as JSON has them."""
    from fundpool.domain.ledger import natural_fen, trial_balance

    accounts = [
        {
            **pick(each.ref, "city fund type unit"),
            "detail": each.ref.detail or None,
            "balance_fen": natural_fen(each),
            "reserved_fen": each.reserved_fen,
        }
        for each in found
    ]
    totals = [
        {"city": city, "fund": fund, "debit_fen": debit, "credit_fen": credit}
        for (city, fund), (debit, credit) in sorted(trial_balance(found).items())
    ]
    return {"accounts": accounts, "trial_balance": totals}


@app.command
def export(
    *,
    format: Annotated[Literal["beancount", "csv"], Parameter(help="格式 / format of the file")],  # noqa: A002 - the option's name
    city: AnyCity = None,
    fund: AnyFund = None,
    out: Annotated[
        Path | None, Parameter(help="写入文件，缺省为标准输出 / file to write, else stdout")
    ] = None,
    policy_dir: PolicyDir = None,
) -> int:
    """导出账簿：Beancount 日记账，或全部分录的 CSV / Export the journal for Beancount, or every posting as CSV."""
    from fundpool.services.books.ledger_export import to_beancount, to_csv

    render = to_beancount if format == "beancount" else to_csv
    options = Options(policy_dir=policy_dir)
    options.require_known(city, fund)
    text = options.read(lambda work: render(work.ledger.postings(city, fund)))
    if out is None:
        sys.stdout.write(text)
    else:
        with writing_to(out):
            out.write_text(text, encoding="utf-8")
    return 0


@app.command(name="open")
@acts(Right.RECORD)
def open_books(
    file: Annotated[Path, Parameter(help="CSV 或 .xlsx 文件 / CSV or .xlsx file")], *, act: Act
) -> int:
    """由 CSV 登记期初余额：city、fund、account_type、unit、amount_yuan / Bring opening balances into the books from a CSV: city, fund, account_type, unit, amount_yuan."""
    from fundpool.adapters.documents.record_files import read_book_openings
    from fundpool.services.books import booking

    now, register = act.now, read_book_openings(file)
    entries = register.rows
    policies = act.ports().policies
    for ref, _ in entries:
        policies.require_known(ref.city, ref.fund, ref.unit)
    act.change(booking.open_balances, entries, by=act.by, event_at=now, now=now)
    return act.show(
        {
            "accounts": len(entries),
            "total_fen": sum(amount_fen for _, amount_fen in entries),
            "findings": [finding_to_json(finding) for finding in register.findings],
        },
        f"期初已入账 {len(entries)} 户 / accounts opened: {len(entries)}",
        *findings_in_words(register.findings),
    )


@app.command
@acts(Right.RECORD)
def income(
    *,
    city: City,
    fund: Fund,
    unit: Annotated[str, Parameter(help="账户所属单位代码 / unit that holds the account")],
    amount: Annotated[str, Parameter(help="金额（元） / amount in yuan")],
    reference: Annotated[str, Parameter(help="凭据号 / number of the paper")],
    source: Annotated[
        Literal["contribution", "subsidy", "interest", "transfer", "other"],
        Parameter(help="来源 / source"),
    ] = "contribution",
    into: Annotated[
        Literal[
            "treasury",
            "income_account",
            "fiscal_account",
            "city_expenditure",
            "county_expenditure",
            "county_fiscal",
        ],
        Parameter(help="账户类型 / account type"),
    ] = "fiscal_account",
    act: Act,
) -> int:
    """收入入账；同一凭据号再次登记不改变什么 / Book money that came into an account; the same reference again changes nothing."""
    from fundpool.domain.chart_of_accounts import AccountRef, AccountType
    from fundpool.services.books import booking

    now, amount_fen = act.now, parse_amount(amount)
    act.require_known(city, fund, unit)
    account = AccountRef(city, fund, AccountType(into), unit=unit)
    paper = parse_reference(reference)
    received = booking.Income(account, source, amount_fen, reference=paper, received_at=now)
    act.change(booking.book_incomes, [received], by=act.by, now=now)
    return act.show({"city": city, "fund": fund, "unit": unit, "amount_fen": amount_fen}, "已入账 / booked")


@app.command(name="import-incomes")
@acts(Right.RECORD)
def import_incomes(
    file: Annotated[Path, Parameter(help="CSV 或 .xlsx 文件 / CSV or .xlsx file")], *, act: Act
) -> int:
    """由 CSV 整份入账，或全不入账：city、fund、account_type、unit、source、received_on、reference、amount_yuan / Book every income of a CSV, all or nothing: city, fund, account_type, unit, source, received_on, reference, amount_yuan.

    每笔记在收到之日；同一凭据号再次登记不改变什么。 / Each is booked on the day it was received; the same reference again changes nothing.
    """
    from fundpool.adapters.documents.record_files import read_incomes
    from fundpool.services.books import booking

    now = act.now
    register = read_incomes(file, today=day_of(now))
    policies = act.ports().policies
    for income in register.rows:
        policies.require_known(income.into.city, income.into.fund, income.into.unit)
    booked = act.change(booking.book_incomes, register.rows, by=act.by, now=now)
    again = len(register.rows) - booked
    return act.show(
        {
            "booked": booked,
            "already_booked": again,
            "total_fen": sum(income.amount_fen for income in register.rows),
            "findings": [finding_to_json(finding) for finding in register.findings],
        },
        f"入账 {booked} 笔，此前已入账 {again} 笔 / booked {booked}, {again} booked before",
        *findings_in_words(register.findings),
    )


@app.command
@acts(Right.RECORD)
def reverse(
    key: Annotated[str, Parameter(help="分录的业务键 / business key of the entry")],
    *,
    reason: Reason,
    act: Act,
) -> int:
    """以相反分录冲销，至多一次，原分录保留 / Take a booking back by its opposite, at most once; the original stays."""
    from fundpool.services.books import booking

    now = act.now
    act.change(booking.reverse, key, reason=reason, by=act.by, event_at=now, now=now)
    return act.show({"reversed": key}, "已冲销 / reversed")


@app.command(name="close-month")
@acts(Right.OPERATE)
def close_month(*, fund: AnyFund = None, act: ActOnGivenMonth) -> int:
    """一个险种或全部险种结账；以后到的数据作调整 / Close a month's books of one fund, or of every fund; later data becomes an adjustment."""
    from fundpool.services.books import booking

    about = act.about
    city, month = about["city"], about["month"]
    act.require_known(city, fund)
    closed = act.change(booking.close_months, city, fund, month=month, by=act.by, now=act.now)
    return act.show(
        {"city": city, "month": month, "closed": closed},
        f"{choose('已结账', 'closed')}{choose('：', ': ')}{funds_in_words(closed)}",
    )
