"""``fundpool review``: decide what the counties filed; two people for money and for the budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.options import (
    Act,
    AnyCounty,
    AnyFund,
    City,
    County,
    Fund,
    Options,
    PeriodText,
    Reason,
    parse_amount,
    parse_period,
    period_of,
)
from fundpool.console.output import Table
from fundpool.domain.submission import DocumentKind

if TYPE_CHECKING:
    from fundpool.domain.review import ReviewCase

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
    options: Options = Options(),
) -> int:
    """列出审核事项 / List the cases of the month."""
    from fundpool.services.documents.review import cases_of

    kind = None if document is None else DocumentKind.named(document)
    return _show(cases_of(options.open_month(), city, parse_period(month), kind), options)


@app.command
def approve(
    *,
    city: City,
    month: PeriodText,
    county: County,
    fund: AnyFund = None,
    document: _Document = "plan",
    act: Act,
) -> int:
    """初审：按申请额提出核定 / Propose the requested amount; another person confirms it."""
    return _propose(city, month, document, county=county, fund=fund, act=act)


@app.command
def cut(
    *,
    city: City,
    month: PeriodText,
    county: County,
    fund: Fund,
    amount: Annotated[str, Parameter(help="核定额（元）/ approved amount in yuan")],
    reason: Reason,
    document: _Document = "plan",
    act: Act,
) -> int:
    """初审：核减，须写理由 / Propose less than requested, with the reason; another person confirms it."""
    return _propose(city, month, document, county=county, fund=fund, act=act, amount=amount, reason=reason)


def _propose(
    city: str,
    month: str,
    document: str,
    *,
    county: str,
    fund: str | None,
    act: Act,
    amount: str | None = None,
    reason: str | None = None,
) -> int:
    from fundpool.services.documents.review import propose

    kind = DocumentKind.named(document)
    cases = propose(
        act.open_month(),
        city=city,
        month=period_of(month, kind),
        document=kind,
        county=county,
        fund=fund,
        amount_fen=parse_amount(amount),
        reason=reason,
        by=act.by,
        now=act.now,
    )
    return _show(cases, act)


@app.command(name="return")
def return_(
    *,
    city: City,
    month: PeriodText,
    county: County,
    reason: Reason,
    document: _Document = "plan",
    act: Act,
) -> int:
    """退回县区重报 / Return the whole document to the county; it can file again."""
    from fundpool.services.oversight.return_slips import return_to_county

    kind = DocumentKind.named(document)
    cases = return_to_county(
        act.open_month(),
        city=city,
        month=period_of(month, kind),
        document=kind,
        county=county,
        reason=reason,
        by=act.by,
        now=act.now,
    )
    return _show(cases, act)


@app.command
def confirm(
    *,
    city: City,
    month: PeriodText,
    county: AnyCounty = None,
    fund: AnyFund = None,
    document: _Document = "plan",
    act: Act,
) -> int:
    """复核：确认初审意见，须是另一人 / Confirm proposals; by another person than who made them."""
    from fundpool.services.documents.review import confirm as confirm_cases

    kind = DocumentKind.named(document)
    cases = confirm_cases(
        act.open_month(),
        city=city,
        month=period_of(month, kind),
        document=kind,
        county=county,
        fund=fund,
        by=act.by,
        now=act.now,
    )
    return _show(cases, act)


def _show(cases: "Sequence[ReviewCase]", options: Options) -> int:
    from fundpool.services.documents.review import record_of

    columns = {
        "表种": "document",
        "县区 county": "county",
        "险种 fund": "fund",
        "状态 state": "state",
        "申请额": "requested_fen",
        "拟核定": "proposed_fen",
        "核定额": "approved_fen",
        "理由": "reason",
        "初审": "maker",
        "复核": "checker",
    }
    return options.show({"cases": [record_of(case) for case in cases]}, Table("审核 review", cases, columns))
