"""``fundpool ledger``: verify, read, export and keep the books."""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import PolicyDir, settings_of
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import InputError
from fundpool.domain.periods import parse_month

if TYPE_CHECKING:
    from fundpool.services.ports.work import Ports, Work

app = App(name="ledger", help="账簿 / The books: verify, balances, export.", result_action="return_value")

_City = Annotated[str | None, Parameter(help="统筹区 / city key")]
_Fund = Annotated[str | None, Parameter(help="险种基金 / fund key")]
_AsOf = Annotated[str | None, Parameter(help="业务时间 / business time of the act")]
_By = Annotated[str, Parameter(help="经办人 / who does it")]


def _ports(policy_dir: Path | None) -> "Ports":
    from fundpool.bootstrap import build_ports

    return build_ports(settings_of(policy_dir))


@app.command
def verify(*, policy_dir: PolicyDir = None, json: bool = False) -> int:
    """Recompute the books from their postings; exit 1 when anything does not add up."""
    from fundpool.services.books.ledger_checks import verify as verify_books

    faults = _ports(policy_dir).database.read(verify_books)
    if json:
        print_json(
            {
                "ok": not faults,
                "faults": [
                    {
                        "kind": fault.kind,
                        "subject": fault.subject,
                        "message_zh": fault.zh,
                        "message_en": fault.en,
                    }
                    for fault in faults
                ],
            }
        )
    elif faults:
        print_table(
            "账簿核验发现问题 / faults in the books",
            ["kind", "where", "中文", "English"],
            [[fault.kind, fault.subject, fault.zh, fault.en] for fault in faults],
        )
    else:
        print("账簿核验无误：借贷平衡，凭证链完整 / books verified: balanced, chain whole")
    return 1 if faults else 0


@app.command
def balances(
    *,
    city: _City = None,
    fund: _Fund = None,
    as_of: Annotated[str | None, Parameter(help="按业务发生时间截止 / events up to this moment")] = None,
    recorded_until: Annotated[
        str | None, Parameter(help="按记账时间截止 / recorded up to this moment")
    ] = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Balances of every account, now or as of an event time, a record time or both."""
    from fundpool.domain.ledger import natural_fen, trial_balance
    from fundpool.domain.money import format_yuan
    from fundpool.services.books import booking

    event_until = business_clock(as_of) if as_of else None
    until = business_clock(recorded_until) if recorded_until else None
    found = _ports(policy_dir).database.read(
        lambda work: booking.balances(work, city, fund, event_until=event_until, recorded_until=until)
    )
    if json:
        totals = trial_balance(found)
        print_json(
            {
                "accounts": [
                    {
                        "city": each.ref.city,
                        "fund": each.ref.fund,
                        "type": each.ref.type.value,
                        "unit": each.ref.unit,
                        "detail": each.ref.detail or None,
                        "balance_fen": natural_fen(each),
                        "reserved_fen": each.reserved_fen,
                    }
                    for each in found
                ],
                "trial_balance": [
                    {"city": key[0], "fund": key[1], "debit_fen": debit, "credit_fen": credit}
                    for key, (debit, credit) in sorted(totals.items())
                ],
            }
        )
        return 0
    print_table(
        "账户余额 / balances",
        ["city", "fund", "account", "unit", "detail", "yuan", "reserved"],
        [
            [
                each.ref.city,
                each.ref.fund,
                each.ref.type,
                each.ref.unit,
                each.ref.detail or None,
                format_yuan(natural_fen(each)),
                format_yuan(each.reserved_fen) if each.reserved_fen else None,
            ]
            for each in found
        ],
    )
    return 0


@app.command
def export(
    *,
    format: Annotated[Literal["beancount", "csv"], Parameter(help="格式 / format")],  # noqa: A002 - the option's name
    city: _City = None,
    fund: _Fund = None,
    out: Annotated[Path | None, Parameter(help="写入文件 / file to write, else stdout")] = None,
    policy_dir: PolicyDir = None,
) -> int:
    """Export the journal for Beancount, or every posting as CSV."""
    from fundpool.services.books.ledger_export import to_beancount, to_csv

    render = to_beancount if format == "beancount" else to_csv
    text = _ports(policy_dir).database.read(lambda work: render(work.ledger.postings(city, fund)))
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
    return 0


@app.command(name="open")
def open_books(
    file: Path, *, by: _By, as_of: _AsOf = None, policy_dir: PolicyDir = None, json: bool = False
) -> int:
    """Bring opening balances into the books from a CSV: city, fund, account_type, unit, amount_yuan."""
    from fundpool.domain.chart_of_accounts import AccountRef, AccountType
    from fundpool.domain.money import parse_yuan
    from fundpool.services.books import booking

    now = business_clock(as_of)
    entries = []
    for number, row in enumerate(read_rows(file), start=2):
        try:
            ref = AccountRef(row["city"], row["fund"], AccountType(row["account_type"]), row["unit"])
            entries.append((ref, parse_yuan(row["amount_yuan"])))
        except (KeyError, ValueError) as error:
            raise unreadable_row(file, number, error) from error

    def act(work: "Work") -> None:
        booking.open_balances(work, entries, by=by, event_at=now, now=now)

    _ports(policy_dir).database.transaction(act)
    total_fen = sum(amount_fen for _, amount_fen in entries)
    if json:
        print_json({"accounts": len(entries), "total_fen": total_fen})
    else:
        print(f"期初已入账 {len(entries)} 户 / opened {len(entries)} accounts")
    return 0


@app.command
def income(
    *,
    city: Annotated[str, Parameter(help="统筹区 / city key")],
    fund: Annotated[str, Parameter(help="险种基金 / fund key")],
    unit: Annotated[str, Parameter(help="账户所属单位代码 / unit that holds the account")],
    amount: Annotated[str, Parameter(help="金额（元） / amount in yuan")],
    reference: Annotated[str, Parameter(help="凭据号 / number of the paper")],
    by: _By,
    source: Annotated[
        Literal["contribution", "subsidy", "interest", "transfer", "other"],
        Parameter(help="来源 / source"),
    ] = "contribution",
    into: Annotated[str, Parameter(help="账户类型 / account type")] = "fiscal_account",
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Book money that came into an account; the same reference again changes nothing."""
    from fundpool.domain.chart_of_accounts import AccountType
    from fundpool.domain.money import parse_yuan
    from fundpool.services.books import booking

    now = business_clock(as_of)
    try:
        amount_fen, into_type = parse_yuan(amount), AccountType(into)
    except ValueError as error:
        raise InputError(
            "amount", f"金额或账户类型写法不对：{error}", f"cannot read the amount or account type: {error}"
        ) from error
    _ports(policy_dir).database.transaction(
        lambda work: booking.book_income(
            work,
            city=city,
            fund=fund,
            unit=unit,
            source=source,
            amount_fen=amount_fen,
            reference=reference,
            by=by,
            event_at=now,
            now=now,
            into=into_type,
        )
    )
    if json:
        print_json({"city": city, "fund": fund, "unit": unit, "amount_fen": amount_fen})
    else:
        print("已入账 / booked")
    return 0


@app.command
def reverse(
    key: str,
    *,
    reason: Annotated[str, Parameter(help="原因 / why")],
    by: _By,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Take a booking back by its opposite, at most once; the original stays."""
    from fundpool.services.books import booking

    now = business_clock(as_of)
    _ports(policy_dir).database.transaction(
        lambda work: booking.reverse(work, key, reason=reason, by=by, event_at=now, now=now)
    )
    if json:
        print_json({"reversed": key})
    else:
        print("已冲销 / reversed")
    return 0


@app.command(name="close-month")
def close_month(
    *,
    city: Annotated[str, Parameter(help="统筹区 / city key")],
    month: Annotated[str, Parameter(help="月份 YYYY-MM / month")],
    by: _By,
    fund: _Fund = None,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Close a month's books of one fund, or of every fund; later data becomes an adjustment."""
    from fundpool.services.books import booking

    now = business_clock(as_of)
    wanted = parse_month(month)
    database = _ports(policy_dir).database
    funds = (
        [fund] if fund else database.read(lambda work: [c[1] for c in work.ledger.chains() if c[0] == city])
    )
    closed = database.transaction(
        lambda work: [each for each in funds if booking.close_month(work, city, each, wanted, by=by, now=now)]
    )
    if json:
        print_json({"city": city, "month": str(wanted), "closed": closed})
    else:
        print(f"已结账 / closed: {', '.join(closed) or '–'}")
    return 0


def read_rows(file: Path) -> list[dict[str, str]]:
    """Rows of a UTF-8 CSV file; raises InputError when it cannot be read."""
    try:
        return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "file_unreadable", f"读不了文件 {file}：{error}", f"cannot read {file}: {error}"
        ) from error


def unreadable_row(file: Path, number: int, error: Exception) -> InputError:
    """The error for a CSV row that does not say what it must."""
    return InputError(
        "row_unreadable",
        f"{file} 第 {number} 行有误：{error}",
        f"{file} line {number}: {error}",
        remedy="按表头补全该行 / complete the line under its headings",
    )
