"""``fundpool review``: decide what the counties filed; two people for money and for the budget."""

from typing import Annotated

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import (
    AnyCounty,
    AnyFund,
    AsOf,
    By,
    City,
    County,
    Json,
    PeriodText,
    PolicyDir,
    Reason,
    open_month,
    parse_amount,
    parse_period,
    period_of,
)
from fundpool.console.output import print_json, print_table
from fundpool.domain.money import format_yuan
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import DocumentKind

app = App(
    name="review",
    help="审核核定：初审提出，另一人复核 / Review: one person proposes, another confirms.",
    result_action="return_value",
)

_Document = Annotated[str, Parameter(name="--document", help="表种 plan, report, … / which document")]


@app.command(name="list")
def list_cases(
    *,
    city: City,
    month: PeriodText,
    document: Annotated[str | None, Parameter(help="表种 plan, report, … / which document")] = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """列出审核事项 / List the cases of the month."""
    from fundpool.services.documents.review import cases_of

    kind = None if document is None else DocumentKind.named(document)
    return _show(cases_of(open_month(policy_dir), city, parse_period(month), kind), as_json=json)


@app.command
def approve(
    *,
    city: City,
    month: PeriodText,
    county: County,
    by: By,
    fund: AnyFund = None,
    document: _Document = "plan",
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """初审：按申请额提出核定 / Propose the requested amount; another person confirms it."""
    from fundpool.services.documents.review import propose

    cases = propose(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        fund=fund,
        amount_fen=None,
        reason=None,
        by=by,
        now=business_clock(as_of),
    )
    return _show(cases, as_json=json)


@app.command
def cut(
    *,
    city: City,
    month: PeriodText,
    county: County,
    fund: Annotated[str, Parameter(help="险种，如 employee / scheme key of the city")],
    amount: Annotated[str, Parameter(help="核定额（元）/ approved amount in yuan")],
    reason: Reason,
    by: By,
    document: _Document = "plan",
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """初审：核减，须写理由 / Propose less than requested, with the reason; another person confirms it."""
    from fundpool.services.documents.review import propose

    cases = propose(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        fund=fund,
        amount_fen=parse_amount(amount),
        reason=reason,
        by=by,
        now=business_clock(as_of),
    )
    return _show(cases, as_json=json)


@app.command(name="return")
def return_(
    *,
    city: City,
    month: PeriodText,
    county: County,
    reason: Reason,
    by: By,
    document: _Document = "plan",
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """退回县区重报 / Return the whole document to the county; it can file again."""
    from fundpool.services.oversight.return_slips import return_to_county

    cases = return_to_county(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        reason=reason,
        by=by,
        now=business_clock(as_of),
    )
    return _show(cases, as_json=json)


@app.command
def confirm(
    *,
    city: City,
    month: PeriodText,
    by: By,
    county: AnyCounty = None,
    fund: AnyFund = None,
    document: _Document = "plan",
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """复核：确认初审意见，须是另一人 / Confirm proposals; by another person than who made them."""
    from fundpool.services.documents.review import confirm as confirm_cases

    cases = confirm_cases(
        open_month(policy_dir),
        city=city,
        month=period_of(month, DocumentKind.named(document)),
        document=DocumentKind.named(document),
        county=county,
        fund=fund,
        by=by,
        now=business_clock(as_of),
    )
    return _show(cases, as_json=json)


def _show(cases: tuple[ReviewCase, ...], *, as_json: bool) -> int:
    from fundpool.services.documents.review import record_of

    if as_json:
        print_json({"cases": [record_of(case) for case in cases]})
        return 0
    print_table(
        "审核 review",
        [
            "表种",
            "县区 county",
            "险种 fund",
            "状态 state",
            "申请额",
            "拟核定",
            "核定额",
            "理由",
            "初审",
            "复核",
        ],
        [
            (
                case.document,
                case.county,
                case.fund,
                case.state,
                format_yuan(case.requested_fen),
                _yuan(case.proposed_fen),
                _yuan(case.approved_fen),
                case.reason,
                case.maker,
                case.checker,
            )
            for case in cases
        ],
    )
    return 0


def _yuan(amount_fen: int | None) -> str | None:
    return None if amount_fen is None else format_yuan(amount_fen)
