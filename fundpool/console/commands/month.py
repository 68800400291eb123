"""``fundpool month``, ``fundpool retry-failed`` and ``fundpool catch-up``: a month in few commands."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from fundpool.console.acting import acts
from fundpool.console.commands.next import turns_table
from fundpool.console.commands.run import report_as_json, report_table
from fundpool.console.language import choose, one_language
from fundpool.console.options import ActOnMonth, AnyCity, AnyMonthText, Dated
from fundpool.console.output import Columns, Table, funds_in_words, pick
from fundpool.domain.outcomes import StepRequest, exit_status
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import Month, day_of
from fundpool.domain.rights import Right

app = App(name="month")

_By = Annotated[str, Parameter(name="--by", help="操作人 / who runs it")]


def _request(city: str | None, month: str | None, by: str, *, options: Dated) -> StepRequest:
    key, when = options.place_of(city, month, now=options.now, decides=True)
    who = by if by == SYSTEM else person(by)
    return StepRequest(key, when, options.now, by=who, is_played=options.as_of is not None)


def _place(request: StepRequest) -> dict[str, Any]:
    return {"city": request.city, "month": request.month}


def _of_month(request: StepRequest, sentence: str) -> str:
    return f"{request.city} {request.month}{choose('：', ': ')}{one_language(sentence)}"


@app.command(name="open")
@acts(Right.OPERATE)
def open_(
    *, city: AnyCity = None, month: AnyMonthText = None, by: _By = SYSTEM, options: Dated = Dated()
) -> int:
    """开办一个月：缺什么、收件、校验、建审核事项；可随时重复 / Begin a month: what is missing, then intake and review cases.

    有缺失或发现时退出码 1。随时可以重复执行。 / Exit status 1 while something is missing or found. Running it again is always safe.
    """
    from fundpool.services.month.whole_month import open_month, outcomes_of

    request = _request(city, month, by, options=options)
    opening = open_month(options.open_month(), request)
    lacks = [pick(lack, "key places message_zh=zh message_en=en command") for lack in opening.lacks]
    columns: Columns = {
        "缺 / missing": "message_zh",
        "何处 / where": lambda row: "、".join(row["places"]),
        "命令 / command": "command",
    }
    options.show(
        {
            **_place(request),
            "opens_on": opening.opens_on,
            "missing": lacks,
            "steps": [report_as_json(report) for report in opening.reports],
        },
        Table(f"{choose('尚缺', 'missing')} · {request.city} · {request.month}", lacks, columns)
        if lacks
        else _of_month(request, "预算、期初、账户齐备 / budget, openings and accounts are there"),
        *(
            [f"{opening.opens_on} 开始收件 / collection opens on {opening.opens_on}"]
            if opening.opens_on
            else []
        ),
        *map(report_table, opening.reports),
    )
    return exit_status(outcomes_of(opening.reports)) or int(bool(lacks))


@app.command
@acts(Right.OPERATE)
def close(*, act: ActOnMonth) -> int:
    """收尾一个月：收报表、备案、对账、结账，前一步办完才办下一步；可随时重复 / Close a month, each step once the one before is done.

    退出码：0 已结账且没有发现；1 列出所缺或发现的；4 银行没有应答。 / Exit status 0 the books are closed and nothing was found; 1 what is missing or was found is listed; 4 the bank did not answer.
    """
    from fundpool.services.month.turns import turns
    from fundpool.services.month.whole_month import close_month, outcomes_of

    about = act.about
    request, ports = act.request(about), act.open_month()
    closing = close_month(ports, request)
    waiting = () if closing.is_closed else turns(ports, [request.city], month=request.month, now=act.now)
    act.show(
        {
            **_place(request),
            "is_closed": closing.is_closed,
            "closed": closing.closed,
            "steps": [report_as_json(report) for report in closing.reports],
            "missing": [turn.model_dump(mode="json") for turn in waiting],
        },
        *map(report_table, closing.reports),
        _of_month(request, f"{choose('已结账：', 'closed: ')}{funds_in_words(closing.closed)}")
        if closing.is_closed
        else turns_table("尚未办完，未结账 / not done, the books stay open", waiting),
    )
    return exit_status(outcomes_of(closing.reports)) or int(not closing.is_closed)


@acts(Right.OPERATE)
def retry_failed(
    *, city: AnyCity = None, month: AnyMonthText = None, by: _By = SYSTEM, options: Dated = Dated()
) -> int:
    """再办未成的步骤，只办未成的县区 / Run every failed step of the month again, for the counties that failed in it.

    退出码：0 没有未成的了；1 有发现或再次未成；4 银行没有应答。 / Exit status 0 nothing is failed any more; 1 something was found or failed again; 4 the bank did not answer.
    """
    from fundpool.services.month.whole_month import outcomes_of
    from fundpool.services.month.whole_month import retry_failed as retry

    request = _request(city, month, by, options=options)
    reports = retry(options.open_month(), request)
    options.show(
        {**_place(request), "steps": [report_as_json(report) for report in reports]},
        *map(report_table, reports),
        *(() if reports else (_of_month(request, "没有未成的步骤 / no step has failed"),)),
    )
    return exit_status(outcomes_of(reports))


@acts(Right.OPERATE)
def catch_up(*, city: AnyCity = None, by: _By = SYSTEM, options: Dated = Dated()) -> int:
    """补办此刻到期的步骤，各月都办；停机后不必等次日调度 / Run every step that is due now, of every open month, without waiting for the daily tick.

    退出码：0 已办完或在等人办；1 有发现或未成；4 银行没有应答。 / Exit status 0 done or waiting for people; 1 something was found or failed; 4 the bank did not answer.
    """
    from fundpool.services.month.whole_month import catch_up as run_due
    from fundpool.services.month.whole_month import outcomes_of

    key, now = options.city_of(city), options.now
    who = by if by == SYSTEM else person(by)
    request = StepRequest(key, Month.of(day_of(now)), now, by=who, is_played=options.as_of is not None)
    reports = run_due(options.open_month(), request)
    options.show(
        {"city": key, "steps": [report_as_json(report) for report in reports]},
        *map(report_table, reports),
        *(() if reports else (f"{key}{choose('：此刻没有到期的步骤', ': no step is due now')}",)),
    )
    return exit_status(outcomes_of(reports))
