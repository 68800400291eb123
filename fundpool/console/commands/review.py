"""``fundpool review``: decide what the counties filed; two people for money and for the budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.options import (
    ActOnDocument,
    AnyCounty,
    AnyFund,
    City,
    County,
    Document,
    Fund,
    Options,
    PeriodText,
    Reason,
    parse_amount,
    parse_period,
)
from fundpool.console.output import Table
from fundpool.domain.submission import DocumentKind

if TYPE_CHECKING:
    from fundpool.domain.review import ReviewCase

app = App(name="review")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class _Act(ActOnDocument):
    document: Document = "plan"


@app.command(name="list")
def list_cases(
    *,
    city: City,
    month: PeriodText,
    document: Document | None = None,
    options: Options = Options(),
) -> int:
    """列出审核事项 / List the cases of the month."""
    from fundpool.services.documents.review import cases_of

    kind = None if document is None else DocumentKind.named(document)
    return _show(cases_of(options.open_month(), city, parse_period(month), document=kind), options)


@app.command
def approve(*, county: County, fund: AnyFund = None, act: _Act) -> int:
    """初审：按申请额提出核定 / Propose the requested amount; another person confirms it."""
    from fundpool.services.documents.review import propose

    cases = propose(act.open_month(), county=county, fund=fund, amount_fen=None, reason=None, **act.about)
    return _show(cases, act)


@app.command
def cut(
    *,
    county: County,
    fund: Fund,
    amount: Annotated[str, Parameter(help="核定额（元）/ approved amount in yuan")],
    reason: Reason,
    act: _Act,
) -> int:
    """初审：核减，须写理由 / Propose less than requested, with the reason; another person confirms it."""
    from fundpool.services.documents.review import propose

    amount_fen = parse_amount(amount)
    cases = propose(
        act.open_month(), county=county, fund=fund, amount_fen=amount_fen, reason=reason, **act.about
    )
    return _show(cases, act)


@app.command(name="return")
def return_(*, county: County, reason: Reason, act: _Act) -> int:
    """退回县区重报 / Return the whole document to the county; it can file again."""
    from fundpool.services.oversight.return_slips import return_to_county

    return _show(return_to_county(act.open_month(), county=county, reason=reason, **act.about), act)


@app.command
def confirm(*, county: AnyCounty = None, fund: AnyFund = None, act: _Act) -> int:
    """复核：确认初审意见，须是另一人 / Confirm proposals; by another person than who made them."""
    from fundpool.services.documents.review import confirm as confirm_cases

    return _show(confirm_cases(act.open_month(), county=county, fund=fund, **act.about), act)


def _show(cases: "Sequence[ReviewCase]", options: Options) -> int:
    from fundpool.services.documents.review import record_of

    columns = "document county fund state requested_fen proposed_fen approved_fen reason maker checker"
    return options.show({"cases": [record_of(case) for case in cases]}, Table("审核 review", cases, columns))
