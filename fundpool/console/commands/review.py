"""``fundpool review``: decide what the counties filed; two people for money and for the budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.acting import acts
from fundpool.console.dashboard.labels import CASE_STATES
from fundpool.console.language import choose
from fundpool.console.options import (
    ActOnDocument,
    AnyCity,
    AnyFund,
    AnyPeriodText,
    Counties,
    County,
    Document,
    Fund,
    GivenCounties,
    Options,
    Reason,
    chosen,
    counties_in,
    parse_amount,
)
from fundpool.console.output import Table
from fundpool.domain.errors import InputError
from fundpool.domain.rights import Right
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
    city: AnyCity = None,
    month: AnyPeriodText = None,
    document: Document | None = None,
    options: Options = Options(),
) -> int:
    """列出当月审核事项 / List the cases of the month."""
    from fundpool.services.documents.review import cases_of

    kind = None if document is None else DocumentKind.named(document)
    where = options.period_of(city, month)
    cases = cases_of(options.open_month(), *where, document=kind)
    return _show(cases, options, chosen(where, city, month))


@app.command
@acts(Right.REVIEW)
def approve(
    *,
    county: Counties = None,
    all_clean: Annotated[
        bool, Parameter(help="校验无问题的全部事项 / every case in which nothing was found", negative="")
    ] = False,
    fund: AnyFund = None,
    act: _Act,
) -> int:
    """初审：按申请额对几个县区或全部无问题的提出核定；由另一人复核 / Propose the requested amount, for counties or for all that is clean; another person confirms it."""
    from fundpool.services.documents.review import propose

    counties, about = counties_in(county), act.about
    if all_clean == (counties is not None):
        raise InputError(
            "counties_missing",
            "须给出 --county 或 --all-clean，且只给其一",
            "give --county or --all-clean, and one of them alone",
            remedy="--county CODE[,CODE…] | --all-clean",
        )
    cases = propose(act.open_month(), counties=counties, fund=fund, amount_fen=None, reason=None, **about)
    return _show(cases, act, act.chosen(about))


@app.command
@acts(Right.REVIEW)
def cut(
    *,
    county: County,
    fund: Fund,
    amount: Annotated[str, Parameter(help="核定额（元） / approved amount in yuan")],
    reason: Reason,
    act: _Act,
) -> int:
    """初审：核减，须写理由；由另一人复核 / Propose less than requested, with the reason; another person confirms it."""
    from fundpool.services.documents.review import propose

    amount_fen, about = parse_amount(amount), act.about
    cases = propose(
        act.open_month(), counties=[county], fund=fund, amount_fen=amount_fen, reason=reason, **about
    )
    return _show(cases, act, act.chosen(about))


@app.command(name="return")
@acts(Right.REVIEW)
def return_(*, county: GivenCounties, reason: Reason, act: _Act) -> int:
    """整份退回县区，可以重报 / Return the whole document to the counties; they can file again."""
    from fundpool.services.oversight.return_slips import return_to_counties

    about = act.about
    cases = return_to_counties(act.open_month(), counties=counties_in(county) or (), reason=reason, **about)
    return _show(cases, act, act.chosen(about))


@app.command
@acts(Right.CONFIRM_REVIEW)
def confirm(*, county: Counties = None, fund: AnyFund = None, act: _Act) -> int:
    """复核：确认初审意见，须是另一人 / Confirm proposals; by another person than who made them."""
    from fundpool.services.documents.review import confirm as confirm_cases

    about = act.about
    cases = confirm_cases(act.open_month(), counties=counties_in(county), fund=fund, **about)
    return _show(cases, act, act.chosen(about))


def _show(cases: "Sequence[ReviewCase]", options: Options, place: dict[str, str]) -> int:
    from fundpool.services.documents.review import record_of

    columns = "document county fund state requested_fen proposed_fen approved_fen reason maker checker"
    return options.show(
        {**place, "cases": [record_of(case) for case in cases]},
        Table(" · ".join([choose("审核", "review"), *place.values()]), cases, columns, states=CASE_STATES),
    )
