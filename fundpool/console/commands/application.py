"""``fundpool application``: the city's application to finance, and finance's review of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.acting import acts
from fundpool.console.language import choose
from fundpool.console.options import (
    ActOnMonth,
    AnyCity,
    AnyCounty,
    AnyFund,
    AnyMonthText,
    AnyReason,
    Options,
    chosen,
    parse_amount,
)
from fundpool.console.output import Table, pick
from fundpool.domain.rights import Right

if TYPE_CHECKING:
    from fundpool.domain.application import Application

app = App(name="application")


@app.command(name="list")
def list_applications(
    *, city: AnyCity = None, month: AnyMonthText = None, options: Options = Options()
) -> int:
    """列出当月申请 / List the month's applications line by line."""
    from fundpool.services.payments.application import applications_of

    where = options.place_of(city, month)
    return _show(applications_of(options.open_month(), *where), options, chosen(where, city, month))


@app.command
@acts(Right.REVIEW_APPLICATION)
def review(
    *,
    fund: AnyFund = None,
    county: AnyCounty = None,
    amount: Annotated[str | None, Parameter(help="复核额（元） / finance's amount in yuan")] = None,
    reason: AnyReason = None,
    act: ActOnMonth,
) -> int:
    """财政复核：缺省按申请额复核全部 / Finance's review; without an amount every line as applied for."""
    from fundpool.services.payments.application import review_application

    amount_fen = None if amount is None else parse_amount(amount)
    about = act.about
    act.require_known(about["city"], fund, county)
    applications = review_application(
        act.open_month(), fund=fund, county=county, amount_fen=amount_fen, reason=reason, **about
    )
    return _show(applications, act, act.chosen(about))


def _show(applications: "Sequence[Application]", options: Options, place: dict[str, str]) -> int:
    about = "county applied_fen reviewed_fen reason reviewed_by reviewed_at"
    rows = [
        pick(application, "fund number prepared_by prepared_at applied_fen")
        | {"lines": [pick(line, about) for line in application.lines]}
        for application in applications
    ]
    lines = [
        {"fund": application["fund"], "number": application["number"], **line}
        for application in rows
        for line in application["lines"]
    ]
    columns = "fund number county applied_fen reviewed_fen reason reviewed_by"
    return options.show(
        {**place, "applications": rows},
        Table(" · ".join([choose("用款申请", "applications"), *place.values()]), lines, columns),
    )
