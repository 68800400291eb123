"""``fundpool run STEP``: run or rerun one step of the month, for all counties or for some."""

from typing import Annotated

from cyclopts import Parameter

from fundpool.console.options import City, Dated, MonthText
from fundpool.console.output import Columns, Table, pick
from fundpool.domain.month import MONTH
from fundpool.domain.outcomes import StepRequest, UnitState, exit_status
from fundpool.domain.people import SYSTEM, person
from fundpool.domain.periods import parse_month

_STATES = {
    UnitState.DONE: "完成 done",
    UnitState.WAITING: "等待 waiting",
    UnitState.FLAGGED: "有问题 flagged",
    UnitState.FAILED: "未成 failed",
}

_STEP_HELP = "步骤，按当月次序 / the step, in the order of the month: " + "; ".join(
    f"{step.key} {step.name_zh}（{step.does_zh} / {step.does_en}）" for step in MONTH
)


def run(
    step: Annotated[str, Parameter(help=_STEP_HELP)],
    *,
    city: City,
    month: MonthText,
    county: Annotated[list[str] | None, Parameter(help="只办这些县区，可多次 / only these counties")] = None,
    by: Annotated[str, Parameter(help="操作人 / who runs it")] = SYSTEM,
    options: Dated = Dated(),
) -> int:
    """执行一个步骤，可随时重复 / Run one step; running it again is always safe.

    Exit status 0 done or waiting for people; 1 something was found or failed, or the fund is stopped; 4 the bank
    did not answer, or the outcome of a payment is not known.
    """
    from fundpool.services.month.steps import run_step

    request = StepRequest(
        city=city,
        month=parse_month(month),
        now=options.now,
        counties=tuple(county) if county else None,
        by=by if by == SYSTEM else person(by),
        is_played=options.as_of is not None,
    )
    report = run_step(options.open_month(), step, request)
    columns: Columns = {
        "单位 unit": "unit",
        "险种 fund": "fund",
        "结果 state": lambda outcome: _STATES[outcome.state],
        "金额 yuan": "amount_fen",
        "说明 detail": "detail_zh",
    }
    options.show(
        pick(report, "step city month outcomes"),
        Table(f"{report.step} · {report.city} · {report.month}", report.outcomes, columns),
    )
    return exit_status(report.outcomes)
