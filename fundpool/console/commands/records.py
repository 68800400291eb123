"""Facts people record: budgets, openings, extensions, nil returns."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import (
    AnyCounty,
    AsOf,
    By,
    City,
    County,
    Json,
    MonthText,
    PeriodText,
    PolicyDir,
    Reason,
    open_month,
    parse_period,
    period_of,
)
from fundpool.console.output import print_json, print_table
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import parse_month

budget = App(name="budget", help="年度预算 / Annual budgets.", result_action="return_value")
openings = App(name="openings", help="期初数 / Opening balances.", result_action="return_value")
extension = App(
    name="extension", help="经文件批准的延期 / Extensions granted by document.", result_action="return_value"
)
nil_return = App(name="nil-return", help="零申报 / Explicit nil returns.", result_action="return_value")
waiver = App(
    name="waiver", help="经文件批准的免报 / Waivers granted by document.", result_action="return_value"
)

_File = Annotated[Path, Parameter(help="CSV 文件，UTF-8 / CSV file")]
_Number = Annotated[str, Parameter(name="--document-number", help="文号 / document number")]


@budget.command(name="import")
def import_budget(
    file: _File,
    *,
    city: City,
    year: Annotated[int, Parameter(help="预算年度 / fund year")],
    document_number: _Number,
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记年度支出预算：county,fund,amount_yuan / Record the year's budget; a change is a new revision."""
    from fundpool.adapters.documents.record_files import read_budget
    from fundpool.services.oversight.records import record_budget

    changed = record_budget(
        open_month(policy_dir),
        city=city,
        year=year,
        amounts=read_budget(file),
        document_number=document_number,
        by=by,
        now=business_clock(as_of),
    )
    return _told(changed, as_json=json)


@budget.command(name="list")
def list_budget(
    *,
    city: City,
    year: Annotated[int, Parameter(help="预算年度 / fund year")],
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """年度支出预算及历次调整 / The year's budget, with every adjustment and what it changed."""
    from fundpool.services.oversight.records import budgets_of

    told: list[dict[str, Any]] = []
    for one in budgets_of(open_month(policy_dir), city, year):
        before = told[-1] if one.revision > 1 else None
        told.append(
            {
                "county": one.county,
                "fund": one.fund,
                "revision": one.revision,
                "amount_fen": one.amount_fen,
                "change_fen": None if before is None else one.amount_fen - before["amount_fen"],
                "document_number": one.document_number,
                "recorded_by": one.recorded_by,
                "recorded_at": one.recorded_at.isoformat(),
            }
        )
    if json:
        print_json({"city": city, "year": year, "budgets": told})
        return 0
    print_table(
        f"年度支出预算 budget · {city} · {year}",
        [
            "县区 county",
            "险种 fund",
            "第几次 revision",
            "金额 yuan",
            "增减 change",
            "依据 document",
            "登记 by",
        ],
        [
            (
                one["county"],
                one["fund"],
                one["revision"],
                format_yuan(one["amount_fen"]),
                None if one["change_fen"] is None else format_yuan(one["change_fen"]),
                one["document_number"],
                f"{one['recorded_by']} {one['recorded_at'][:16].replace('T', ' ')}",
            )
            for one in told
        ],
    )
    return 0


@openings.command(name="import")
def import_openings(
    file: _File,
    *,
    city: City,
    month: MonthText,
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记期初余额，month 为其所属月末 / Record the balances at the end of the month before the first here.

    Columns: account_type,unit,fund,balance_yuan and, for county_expenditure, optionally
    spending_yuan,year_spending_yuan,year_paid_yuan.
    """
    from fundpool.adapters.documents.record_files import read_openings
    from fundpool.services.oversight.records import record_openings

    changed = record_openings(
        open_month(policy_dir),
        city=city,
        month=parse_month(month),
        rows=read_openings(file),
        by=by,
        now=business_clock(as_of),
    )
    return _told(changed, as_json=json)


@extension.command(name="add")
def add_extension(
    *,
    city: City,
    month: PeriodText,
    step: Annotated[str, Parameter(help="责任环节 / duty step, such as submit_fund_use_plan")],
    until: Annotated[str, Parameter(help="延至 / new last day, YYYY-MM-DD")],
    document_number: _Number,
    approver: Annotated[str, Parameter(help="批准人 / who approved it")],
    by: By,
    county: AnyCounty = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记延期 / Record an extension of a duty; the legal day stays visible."""
    from fundpool.services.oversight.records import record_extension

    changed = record_extension(
        open_month(policy_dir),
        city=city,
        month=parse_period(month),
        step=step,
        county=county,
        until=until,
        document_number=document_number,
        approver=approver,
        by=by,
        now=business_clock(as_of),
    )
    return _told(int(changed), as_json=json)


@nil_return.command(name="add")
def add_nil_return(
    *,
    city: City,
    month: PeriodText,
    document: Annotated[str, Parameter(help="表种 plan, report, … / which document")],
    county: County,
    reason: Reason,
    by: By,
    received: Annotated[str | None, Parameter(help="收件时间 / when it was received")] = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记零申报 / Record that a county declares it has nothing to file."""
    from fundpool.domain.submission import DocumentKind
    from fundpool.services.oversight.records import record_nil_return

    now = business_clock(as_of)
    changed = record_nil_return(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        reason=reason,
        by=by,
        received_at=now if received is None else business_clock(received),
        now=now,
    )
    return _told(int(changed), as_json=json)


@waiver.command(name="add")
def add_waiver(
    *,
    city: City,
    month: PeriodText,
    document: Annotated[str, Parameter(help="表种 plan, report, … / which document")],
    county: County,
    document_number: _Number,
    approver: Annotated[str, Parameter(help="批准人 / who approved it")],
    reason: Reason,
    by: By,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """登记免报：县区本月经批准不报该表 / Record that a county is let off filing a document."""
    from fundpool.domain.submission import DocumentKind
    from fundpool.services.oversight.records import record_waiver

    changed = record_waiver(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        document_number=document_number,
        approver=approver,
        reason=reason,
        by=by,
        now=business_clock(as_of),
    )
    return _told(int(changed), as_json=json)


def _told(changed: int, *, as_json: bool) -> int:
    if as_json:
        print_json({"recorded": changed})
    else:
        print(f"登记 {changed} 条 / {changed} recorded" if changed else "已有相同登记 / already recorded")
    return 0
