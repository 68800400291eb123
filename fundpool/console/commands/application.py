"""``fundpool application``: the city's applications, and finance's review of them."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import (
    AnyCounty,
    AnyFund,
    AnyReason,
    AsOf,
    By,
    City,
    Json,
    MonthText,
    PolicyDir,
    open_month,
    parse_amount,
)
from fundpool.console.output import print_json, print_table
from fundpool.domain.application import Application
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import parse_month

app = App(
    name="application",
    help="用款申请与财政复核 / The city's application to finance, and finance's review.",
    result_action="return_value",
)


@app.command(name="list")
def list_applications(
    *, city: City, month: MonthText, policy_dir: PolicyDir = None, json: Json = False
) -> int:
    """列出当月申请 / List the month's applications line by line."""
    from fundpool.services.payments.application import applications_of

    return _show(applications_of(open_month(policy_dir), city, parse_month(month)), as_json=json)


@app.command
def review(
    *,
    city: City,
    month: MonthText,
    by: By,
    fund: AnyFund = None,
    county: AnyCounty = None,
    amount: Annotated[str | None, Parameter(help="复核额（元）/ finance's amount in yuan")] = None,
    reason: AnyReason = None,
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """财政复核：缺省按申请额复核全部 / Finance's review; without an amount every line as applied for."""
    from fundpool.services.payments.application import review_application

    applications = review_application(
        open_month(policy_dir),
        city=city,
        month=parse_month(month),
        fund=fund,
        county=county,
        amount_fen=parse_amount(amount),
        reason=reason,
        by=by,
        now=business_clock(as_of),
    )
    return _show(applications, as_json=json)


def _show(applications: tuple[Application, ...], *, as_json: bool) -> int:
    if as_json:
        print_json({"applications": [_as_json(application) for application in applications]})
        return 0
    print_table(
        "申请 applications",
        ["险种 fund", "号 no.", "县区 county", "申请额 applied", "复核额 reviewed", "理由", "复核人"],
        [
            (
                application.fund,
                application.number,
                line.county,
                format_yuan(line.applied_fen),
                None if line.reviewed_fen is None else format_yuan(line.reviewed_fen),
                line.reason,
                line.reviewed_by,
            )
            for application in applications
            for line in application.lines
        ],
    )
    return 0


def _as_json(application: Application) -> dict[str, Any]:
    return {
        "fund": application.fund,
        "number": application.number,
        "prepared_by": application.prepared_by,
        "prepared_at": application.prepared_at.isoformat(),
        "applied_fen": application.applied_fen,
        "lines": [
            {
                "county": line.county,
                "applied_fen": line.applied_fen,
                "reviewed_fen": line.reviewed_fen,
                "reason": line.reason,
                "reviewed_by": line.reviewed_by,
                "reviewed_at": line.reviewed_at and line.reviewed_at.isoformat(),
            }
            for line in application.lines
        ],
    }
