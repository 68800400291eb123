"""``fundpool run STEP``: run or rerun one step of the month, for all counties or for some."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.clock import business_clock
from fundpool.console.options import AsOf, City, Json, MonthText, PolicyDir, open_month, parse_month
from fundpool.console.output import print_json, print_table
from fundpool.domain.money import format_yuan
from fundpool.domain.month import MONTH
from fundpool.domain.outcomes import StepReport, StepRequest, UnitState

_STATES = {
    UnitState.DONE: "完成 done",
    UnitState.WAITING: "等待 waiting",
    UnitState.FLAGGED: "有问题 flagged",
    UnitState.FAILED: "未成 failed",
}

_STEP_HELP = "步骤，按当月次序 / the step, in the order of the month: " + "; ".join(
    f"{step.key} {step.name_zh}（{step.does_zh} / {step.does_en}）" for step in MONTH
)

_OUTSIDE = frozenset({"gateway_unavailable", "gateway_not_configured", "database_unavailable"})


def run(
    step: Annotated[str, Parameter(help=_STEP_HELP)],
    *,
    city: City,
    month: MonthText,
    county: Annotated[list[str] | None, Parameter(help="只办这些县区，可多次 / only these counties")] = None,
    by: Annotated[str, Parameter(help="操作人 / who runs it")] = "system",
    as_of: AsOf = None,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """执行一个步骤，可随时重复 / Run one step; running it again is always safe.

    Exit status 0 done or waiting, 1 something was found or failed, 4 the bank did not answer.
    """
    from fundpool.services.month.steps import run_step

    request = StepRequest(
        city=city,
        month=parse_month(month),
        now=business_clock(as_of),
        counties=tuple(county) if county else None,
        by=by,
        is_played=as_of is not None,
    )
    report = run_step(open_month(policy_dir), step, request)
    if json:
        print_json(
            {
                "step": report.step,
                "city": report.city,
                "month": str(report.month),
                "outcomes": [asdict(outcome) for outcome in report.outcomes],
            }
        )
    else:
        _print(report)
    if any(outcome.error_code in _OUTSIDE for outcome in report.outcomes):
        return 4
    troubled = {UnitState.FLAGGED, UnitState.FAILED}
    return 1 if any(outcome.state in troubled for outcome in report.outcomes) else 0


def _print(report: StepReport) -> None:
    print_table(
        f"{report.step} · {report.city} · {report.month}",
        ["单位 unit", "险种 fund", "结果 state", "金额 yuan", "说明 detail"],
        [
            (
                outcome.unit,
                outcome.fund,
                _STATES[outcome.state],
                None if outcome.amount_fen is None else format_yuan(outcome.amount_fen),
                outcome.detail_zh,
            )
            for outcome in report.outcomes
        ],
    )
