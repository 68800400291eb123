"""Facts people record: budgets, openings, extensions, nil returns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.acting import acts
from fundpool.console.language import choose
from fundpool.console.options import (
    Act,
    ActOnDocument,
    ActOnGivenMonth,
    AnyCity,
    AnyCounty,
    BackDatedBy,
    BackDatedUnder,
    County,
    Options,
    PeriodText,
    Reason,
    back_dating_of,
    parse_period,
)
from fundpool.console.output import Table, findings_in_words, pick
from fundpool.domain.rights import Right
from fundpool.services.ports.judging import Register, finding_to_json

if TYPE_CHECKING:
    from fundpool.domain.findings import Finding
    from fundpool.domain.policy import CityPolicy

budget = App(name="budget")
openings = App(name="openings")
extension = App(name="extension")
nil_return = App(name="nil-return")
waiver = App(name="waiver")

_File = Annotated[Path, Parameter(help="CSV 或 .xlsx 文件 / CSV or .xlsx file")]
_Number = Annotated[str, Parameter(name="--document-number", help="文号 / document number")]


@budget.command(name="import")
@acts(Right.RECORD)
def import_budget(
    file: _File,
    *,
    city: AnyCity = None,
    year: Annotated[int, Parameter(help="预算年度 / fund year")],
    document_number: _Number,
    act: Act,
) -> int:
    """登记年度支出预算：county,fund,amount_yuan；调整为新的一次 / Record the year's budget: county,fund,amount_yuan; a change is a new revision."""
    from fundpool.adapters.documents.record_files import read_budget
    from fundpool.services.oversight.records import record_budget

    ports, key = act.open_month(), act.city_of(city)
    read = read_budget(file, _register(ports.policies.city(key)))
    changed = record_budget(
        ports,
        city=key,
        year=year,
        amounts=read.rows,
        document_number=document_number,
        by=act.by,
        now=act.now,
    )
    return _show_recorded(changed, act, {"city": key} if city is None else {}, findings=read.findings)


@budget.command(name="list")
def list_budget(
    *,
    city: AnyCity = None,
    year: Annotated[int, Parameter(help="预算年度 / fund year")],
    options: Options = Options(),
) -> int:
    """年度支出预算及历次调整 / The year's budget, with every adjustment and what it changed."""
    from fundpool.services.oversight.records import budgets_of

    city = options.city_of(city)
    budgets = budgets_of(options.open_month(), city, year)
    about = "county fund revision amount_fen change_fen document_number recorded_by recorded_at"
    return options.show(
        {"city": city, "year": year, "budgets": [pick(budget, about) for budget in budgets]},
        Table(f"{choose('年度支出预算', 'budget')} · {city} · {year}", budgets, about),
    )


@openings.command(name="import")
@acts(Right.RECORD)
def import_openings(file: _File, *, act: ActOnGivenMonth) -> int:
    """登记期初余额，month 为其所属月末 / Record the balances at the end of the month before the first here.

    列：account_type,unit,fund,balance_yuan；county_expenditure 还可有 spending_yuan,year_spending_yuan,year_paid_yuan。 /
    Columns: account_type,unit,fund,balance_yuan and, for county_expenditure, optionally
    spending_yuan,year_spending_yuan,year_paid_yuan.
    """
    from fundpool.adapters.documents.record_files import read_openings
    from fundpool.services.oversight.records import record_openings

    ports, about = act.open_month(), act.about
    read = read_openings(file, _register(ports.policies.city(about["city"])))
    place = {"city": about["city"]} if act.city is None else {}
    return _show_recorded(record_openings(ports, rows=read.rows, **about), act, place, findings=read.findings)


@extension.command(name="add")
@acts(Right.RECORD)
def add_extension(
    *,
    city: AnyCity = None,
    month: PeriodText,
    duty: Annotated[
        str, Parameter(help="职责，如 submit_fund_use_plan / the duty, such as submit_fund_use_plan")
    ],
    until: Annotated[str, Parameter(help="延至 YYYY-MM-DD / new last day, YYYY-MM-DD")],
    document_number: _Number,
    approver: Annotated[str, Parameter(help="批准人 / who approved it")],
    county: AnyCounty = None,
    act: Act,
) -> int:
    """登记延期；法定之日仍可见 / Record an extension of a duty; the legal day stays visible."""
    from fundpool.services.oversight.records import record_extension

    key = act.city_of(city)
    changed = record_extension(
        act.open_month(),
        city=key,
        month=parse_period(month),
        duty=duty,
        county=county,
        until=until,
        document_number=document_number,
        approver=approver,
        by=act.by,
        now=act.now,
    )
    return _show_recorded(changed, act, {"city": key} if city is None else {})


@nil_return.command(name="add")
@acts(Right.FILE)
def add_nil_return(
    *,
    county: County,
    reason: Reason,
    received: Annotated[
        str | None,
        Parameter(help="收件时间；早于此刻须有批准 / when it was received; before now it takes an approver"),
    ] = None,
    document_number: BackDatedUnder = None,
    approver: BackDatedBy = None,
    act: ActOnDocument,
) -> int:
    """登记零申报：县区声明没有可报的 / Record that a county declares it has nothing to file."""
    from fundpool.services.oversight.records import record_nil_return

    about = act.about
    received_at = about["now"] if received is None else business_clock(received)
    changed = record_nil_return(
        act.open_month(),
        county=county,
        reason=reason,
        received_at=received_at,
        back_dating=back_dating_of(reason, document_number, approver),
        **about,
    )
    return _show_recorded(changed, act, act.chosen(about))


@waiver.command(name="add")
@acts(Right.RECORD)
def add_waiver(
    *,
    county: County,
    document_number: _Number,
    approver: Annotated[str, Parameter(help="批准人 / who approved it")],
    reason: Reason,
    act: ActOnDocument,
) -> int:
    """登记免报：县区本月经批准不报该表 / Record that a county is let off filing a document."""
    from fundpool.services.oversight.records import record_waiver

    about = act.about
    changed = record_waiver(
        act.open_month(),
        county=county,
        document_number=document_number,
        approver=approver,
        reason=reason,
        **about,
    )
    return _show_recorded(changed, act, act.chosen(about))


def _register(policy: "CityPolicy") -> Register:
    return Register.of(policy.register, policy.funds, policy.name_zh)


def _show_recorded(count: int, act: Act, place: dict[str, str], *, findings: "Sequence[Finding]" = ()) -> int:
    """``place``: the city and month that the command chose by itself."""
    sentence = (
        choose(f"登记 {count:d} 条", f"recorded: {count:d}")
        if count
        else choose("已有相同登记", "already recorded")
    )
    sentence = choose("：", ": ").join([*([" ".join(place.values())] if place else []), sentence])
    document = {
        **place,
        "recorded": int(count),
        "findings": [finding_to_json(finding) for finding in findings],
    }
    return act.show(document, sentence, *findings_in_words(findings))
