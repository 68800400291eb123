"""``fundpool run STEP``: run or rerun one step of the month, for all counties or for some."""

from typing import Annotated, Any

from cyclopts import Parameter

from fundpool.console.acting import acts
from fundpool.console.dashboard.labels import STEP_STATES
from fundpool.console.options import AnyCity, AnyMonthText, Counties, Dated, counties_in
from fundpool.console.output import Columns, Table, named, pick
from fundpool.domain.month import MONTH
from fundpool.domain.outcomes import StepReport, StepRequest, exit_status
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.rights import Right

_STEP_HELP = (
    f"步骤，按当月次序：{'；'.join(f'{step.key} {step.name_zh}（{step.does_zh}）' for step in MONTH)} / "
    f"the step, in the order of the month: {'; '.join(f'{step.key} ({step.does_en})' for step in MONTH)}"
)


@acts(Right.OPERATE)
def run(
    step: Annotated[str, Parameter(help=_STEP_HELP)],
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    county: Counties = None,
    by: Annotated[str, Parameter(help="操作人 / who runs it")] = SYSTEM,
    options: Dated = Dated(),
) -> int:
    """执行或再执行一个步骤，随时可以重复 / Run one step; running it again is always safe.

    退出码：0 已办完或在等人办；1 有发现或未成，或险种停发；4 银行没有应答，或有款项结果不明。 / Exit status 0 done or waiting for people; 1 something was found or failed, or the fund is stopped; 4 the bank
    did not answer, or the outcome of a payment is not known.
    """
    from fundpool.services.month.steps import run_step

    key, when = options.place_of(city, month, now=options.now, decides=True)
    request = StepRequest(
        city=key,
        month=when,
        now=options.now,
        counties=counties_in(county),
        by=by if by == SYSTEM else person(by),
        is_played=options.as_of is not None,
    )
    report = run_step(options.open_month(), step, request)
    options.show(report_as_json(report), report_table(report))
    return exit_status(report.outcomes)


def report_as_json(report: StepReport) -> dict[str, Any]:
    """What a step came to, for JSON."""
    return pick(report, "step city month outcomes")


def report_table(report: StepReport) -> Table:
    """What a step came to, unit by unit."""
    columns: Columns = {
        "单位 / unit": "unit",
        "险种 / fund": "fund",
        "结果 / state": "state",
        "金额 / yuan": "amount_fen",
        "说明 / detail": "detail_zh",
    }
    title = f"{named('step', report.step)} · {report.city} · {report.month}"
    return Table(title, report.outcomes, columns, states=STEP_STATES)
