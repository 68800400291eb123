"""A month that never was: every state a page can show, for looking at the pages alone.

Names and amounts are made up. The reader stands in for the services, so that the pages are proved
with states (an unknown transfer, a hostile file name) that a real month reaches only by accident.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from fundpool.console.dashboard.door import Door
from fundpool.console.dashboard.reading import (
    BoardReading,
    CountyReading,
    Moment,
    MonthReader,
    TransfersReading,
)
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.domain.policy import ActorName, CityPolicy, DutyName, PaymentHop, Status, Unit
from fundpool.services.oversight.flags import worst_first
from fundpool.services.ports.users import IdentityProvider
from fundpool.services.users.sessions import Visit
from schemas.dashboard import (
    AccountBalance,
    CountyMonth,
    Flag,
    FundBooks,
    FundMoney,
    MonthStatus,
    TransferBatch,
)

NOW = datetime(2026, 10, 9, 9, 30, tzinfo=SHANGHAI)
COUNTIES = (
    ("331002", "椒江区", "Jiaojiang"),
    ("331003", "黄岩区", "Huangyan"),
    ("331004", "路桥区", "Luqiao"),
    ("331022", "三门县", "Sanmen"),
    ("331023", "天台县", "Tiantai"),
    ("331024", "仙居县", "Xianju"),
    ("331081", "温岭市", "Wenling"),
    ("331082", "临海市", "Linhai"),
    ("331083", "玉环市", "Yuhuan"),
)
NAMES = {
    "submit_fund_use_plan": DutyName("上报用款计划", "submit the fund-use plan"),
    "apply_for_funds": DutyName("审核并申请用款", "review the plans and apply for the funds"),
    "pay_from_fiscal_account": DutyName("财政拨付", "pay from the fiscal account"),
    "allocate_to_counties": DutyName("县级拨付", "pass the money on to the counties"),
    "submit_expenditure_report": DutyName("上报支出核算报表", "submit the expenditure report"),
    "file_expenditure_report": DutyName("汇总报表备案", "file the summary of the reports"),
}
ACTORS = {
    "county_agency": ActorName(
        name_zh="县级医保部门", name_en="county medical insurance agency", at="county"
    ),
    "city_agency": ActorName(name_zh="市级医保部门", name_en="city medical insurance agency", at="city"),
}


def _hop(from_account: str, to_account: str, closes: str) -> PaymentHop:
    return PaymentHop(
        from_account=from_account, to_account=to_account, paid_by="city_agency", closes=closes, basis="TZ-17"
    )


def _city(key: str, name_zh: str, name_en: str, code: str, *counties: tuple[str, str, str]) -> CityPolicy:
    return CityPolicy(
        key=key,
        level="city",
        name_zh=name_zh,
        name_en=name_en,
        division_code=code,
        status=Status.IN_FORCE,
        instruments=(),
        funds=(),
        register=tuple(Unit(code=code, kind="county", name_zh=zh, name_en=en) for code, zh, en in counties),
        payment_path=(
            _hop("fiscal_account", "city_expenditure", "pay_from_fiscal_account"),
            _hop("city_expenditure", "county_expenditure", "allocate_to_counties"),
        ),
        rules=(),
        conflicts=(),
        absent=(),
        actors=ACTORS,
        duty_names=NAMES,
        file="",
    )


TAIZHOU = _city("taizhou", "台州市", "Taizhou", "331000", *COUNTIES)
SUIZHOU = _city("suizhou", "随州市", "Suizhou", "421300", ("421303", "曾都区", "Zengdu"))
ACCOUNT = "6222021234567890123"
HOSTILE = "<script>document.title='owned'</script>"

_QUOTES = {
    "submit_fund_use_plan": (
        "TZ-15",
        "细则第十条",
        "各县（市、区）医保经办机构每月25日前向市医保经办机构报送次月用款计划申请表",
    ),
    "apply_for_funds": ("TZ-16", "细则第十条", "市医保经办机构审核汇总后每月月底前向市财政部门提出用款申请"),
    "pay_from_fiscal_account": (
        "TZ-17",
        "细则第十条",
        "市财政部门复核后于每月5日前将资金从财政专户拨付至市支出户",
    ),
    "allocate_to_counties": (
        "TZ-18",
        "细则第十条",
        "市医保经办机构收到资金后两个工作日内拨付至各县（市、区）支出户",
    ),
    "submit_expenditure_report": (
        "TZ-19",
        "细则第十一条",
        "各县（市、区）每月15日前报送上月基金支出核算报表",
    ),
    "file_expenditure_report": ("TZ-20", "细则第十一条", "市医保经办机构月底前汇总上报"),
}
_DATES = {
    "submit_fund_use_plan": ("county_agency", date(2026, 9, 25), date(2026, 9, 24)),
    "apply_for_funds": ("city_agency", date(2026, 9, 30), date(2026, 9, 30)),
    "pay_from_fiscal_account": ("city_finance", date(2026, 10, 5), date(2026, 9, 30)),
    "allocate_to_counties": ("city_agency", date(2026, 10, 9), date(2026, 10, 9)),
    "submit_expenditure_report": ("county_agency", date(2026, 11, 15), date(2026, 11, 13)),
    "file_expenditure_report": ("city_agency", date(2026, 11, 30), date(2026, 11, 30)),
}


def duty(key: str, unit: str | None, state: str, **more: Any) -> dict[str, Any]:
    """One duty of the imagined month."""
    rule, section, quote = _QUOTES[key]
    actor, due, act_by = _DATES[key]
    basis = {"document": "台政办发〔2021〕48号", "section": section, "quote": quote}
    fields = {"rule": rule, "step": key, "period": "2026-10", "actor": actor, "unit": unit, "basis": basis}
    dates = {"nominal": due, "due": due, "act_by": act_by, "kind": "fixed", "firmness": "binding"}
    return fields | dates | {"status": "confirmed", "shift": "none", "reading": None, "state": state} | more


def _county_duties() -> list[dict[str, Any]]:
    on_time = {"state": "done_on_time", "done_at": datetime(2026, 9, 24, 15, 2, tzinfo=SHANGHAI)}
    plans: dict[str, dict[str, Any]] = {code: on_time for code, _, _ in COUNTIES}
    plans["331004"] = {
        "state": "done_late",
        "days_late": 1,
        "done_at": datetime(2026, 9, 26, 8, 40, tzinfo=SHANGHAI),
    }
    plans["331022"] = {"state": "nil", "done_at": datetime(2026, 9, 23, 11, 0, tzinfo=SHANGHAI)}
    plans["331024"] = {"state": "overdue", "days_late": 14, "waiting_for": "county_agency"}
    plans["331083"] = {"state": "returned", "days_late": 14, "waiting_for": "county_agency"}
    plans["331023"] = {
        "state": "extended",
        "waiting_for": "county_agency",
        "extended_until": date(2026, 10, 12),
        "act_by": date(2026, 10, 12),
    }
    duties = [duty("submit_fund_use_plan", code, **plans[code]) for code in plans]
    return duties + [
        duty("submit_expenditure_report", code, "upcoming", waiting_for="county_agency") for code in plans
    ]


def _transfers() -> list[dict[str, Any]]:
    transfers = []
    states = {"331081": "in_flight", "331082": "in_flight"}
    for place, (code, name, _) in enumerate(COUNTIES[:8]):
        for fund, base in (("employee", 1_823_456_789), ("resident", 964_210_055)):
            if code in {"331022", "331023", "331024"}:
                continue
            state = states.get(code, "settled") if fund == "employee" else "settled"
            transfers.append(
                {
                    "key": f"key-{code}-{fund}",
                    "attempt_no": 1,
                    "fund": fund,
                    "unit": code,
                    "from": "city_expenditure",
                    "to": "county_expenditure",
                    "debit_account": "3310000000001",
                    "credit_account": ACCOUNT,
                    "credit_name": f"{name}医疗保障局支出户",
                    "amount_fen": base + place * 7_000_013,
                    "state": state,
                    "made_by": "经办 王芳",
                    "released_by": "财务 赵敏",
                    "approved_by": "复核 李强",
                    "bank_serial": f"SB20261009{place:04d}" if state == "settled" else None,
                    "executed_at": datetime(2026, 10, 9, 9, 5, tzinfo=SHANGHAI)
                    if state == "settled"
                    else None,
                    "attempt_state": "unknown" if (code, fund) == ("331081", "employee") else "accepted",
                    "detail_zh": "已发送，结果未明，待查询",
                    "detail_en": "sent, outcome unknown, to be queried",
                }
            )
    return transfers


def _steps() -> list[dict[str, Any]]:
    ran = [
        ("plan-collection", "flagged", datetime(2026, 9, 26, 7, 0, tzinfo=SHANGHAI)),
        ("plan-review", "waiting", datetime(2026, 9, 28, 7, 0, tzinfo=SHANGHAI)),
        ("funds-application", "done", datetime(2026, 9, 30, 7, 0, tzinfo=SHANGHAI)),
        ("disbursement", "done", datetime(2026, 9, 30, 14, 0, tzinfo=SHANGHAI)),
        ("allocation", "failed", datetime(2026, 10, 9, 9, 5, tzinfo=SHANGHAI)),
        ("expenditure-reporting", "not_started", None),
        ("report-filing", "not_started", None),
        ("reconciliation", "running", datetime(2026, 10, 9, 9, 20, tzinfo=SHANGHAI)),
        ("flags", "done", datetime(2026, 10, 9, 7, 0, tzinfo=SHANGHAI)),
    ]
    steps: list[dict[str, Any]] = [
        {
            "step": step,
            "state": state,
            "last_run_at": at,
            "run_id": f"0199-{step}" if at else None,
            "outcomes": [],
        }
        for step, state, at in ran
    ]
    steps[4]["outcomes"] = [
        {
            "unit": "331081",
            "fund": "employee",
            "state": "failed",
            "detail_zh": "银行没有应答，结果不明，等待查询",
            "detail_en": "the bank did not answer; the outcome is unknown until it is queried",
        }
    ]
    return steps


def _flags() -> list[dict[str, Any]]:
    basis = {
        "document": "台政办发〔2021〕48号",
        "section": "细则第十条",
        "quote": _QUOTES["submit_fund_use_plan"][2],
    }
    return [
        {"kind": "late", "unit": "331004", "days": 1, "open": False, "severity": "note", "basis": basis, "message_zh": "用款计划迟报 1 天：9月26日收到，应于9月25日前报送", "message_en": "the fund-use plan came 1 day late: received on 26 September, due by 25 September"},
        {"kind": "overdue", "unit": "331024", "days": 14, "severity": "block", "basis": basis, "message_zh": "用款计划逾期 14 天未报", "message_en": "the fund-use plan is 14 days overdue", "remedy": "请县经办机构即日报送 / please file today"},
        {"kind": "unknown", "unit": "331081", "fund": "employee", "severity": "block", "message_zh": "一笔转账结果不明", "message_en": "the outcome of a transfer is unknown", "remedy": "fundpool run reconciliation"},
        {"kind": "inconsistent", "unit": "331002", "fund": "resident", "severity": "review", "message_zh": "期初余额与上月期末余额不符", "message_en": "the opening balance does not tie to last month's closing balance", "found": "1,234,567.80", "expected": "1,234,567.89", "basis": {"document": "本表与上月勾稽 / tie to last month", "section": "", "quote": ""}, "sheet": "用款计划", "cell": "D7", "file": HOSTILE + ".xlsx"},
        {"kind": "returned", "unit": "331083", "severity": "block", "message_zh": "用款计划超过年度预算余额，已退回", "message_en": "the plan exceeds what is left of the annual budget; returned", "remedy": "压减或申请预算调整 / cut it, or ask for a budget change"},
    ]  # fmt: skip


class _OpenDoor(Door):
    """A sandbox without accounts: everybody may read."""

    _provider = None

    def __init__(self) -> None:
        pass

    def visit(self, token: str | None) -> Visit:
        return Visit(None, is_enforced=False)


class ImaginedReader(MonthReader):
    """Reads the imagined month of Taizhou; Suizhou's is empty."""

    def __init__(self) -> None:
        pass  # nothing behind it

    def door(self, time_of_day: Callable[[], datetime], provider: IdentityProvider | None = None) -> Door:
        return _OpenDoor()

    def cities(self) -> Sequence[CityPolicy]:
        return (TAIZHOU, SUIZHOU)

    def months(self, city: str, moment: Moment) -> Sequence[Month]:
        return [Month(2026, 9), Month(2026, 10)] if city == "taizhou" else []

    def status(self, city: str, month: Month, moment: Moment) -> MonthStatus:
        if city != "taizhou" or month != Month(2026, 10):
            return MonthStatus(city=city, month=str(month), as_of=moment.at)
        duties = _county_duties()
        duties += [
            duty(
                "apply_for_funds", None, "done_on_time", done_at=datetime(2026, 9, 30, 10, 0, tzinfo=SHANGHAI)
            ),
            duty(
                "pay_from_fiscal_account",
                None,
                "done_on_time",
                done_at=datetime(2026, 9, 30, 14, 6, tzinfo=SHANGHAI),
            ),
            duty("allocate_to_counties", None, "due_soon", waiting_for="city_agency"),
            duty("file_expenditure_report", None, "upcoming"),
        ]
        return MonthStatus.model_validate(
            {"city": city, "month": str(month), "as_of": moment.at, "duties": duties, "steps": _steps()}
            | {"transfers": _transfers(), "flags": worst_first(map(Flag.model_validate, _flags()))}
        )

    def board(self, city: str, month: Month, moment: Moment) -> BoardReading:
        return BoardReading(
            self.status(city, month, moment), self.money(city), (), {"reviewer": 2, "checker": 1}
        )

    def transfers(self, city: str, month: Month, moment: Moment) -> TransfersReading:
        return TransfersReading(self.status(city, month, moment), self.batches())

    def county(self, city: str, month: Month, unit: str, moment: Moment) -> CountyReading:
        return CountyReading(self.county_month(city, month, unit, moment), self.books(city, moment))

    def county_month(self, city: str, month: Month, unit: str, moment: Moment) -> CountyMonth:
        status = self.status(city, month, moment)
        finding = {"rule": "plan.adds_up", "severity": "block", "message_zh": f"合计与明细不符 {HOSTILE}", "message_en": f"the total does not add up {HOSTILE}", "sheet": "用款计划", "cell": "H7", "row": 7, "fund": "employee", "found": HOSTILE, "expected": "18,234,567.89", "remedy": "改正合计后重报 / correct the total and file again", "basis": "细则第十条"}  # fmt: skip
        note = {"rule": "plan.run_rate", "severity": "note", "message_zh": "比前三个月平均高 31%", "message_en": "31% above the average of the last three months", "fund": "resident", "row": 8}  # fmt: skip
        files = [
            {"document": "plan", "version": 1, "file_name": f"{HOSTILE}用款计划.xlsx", "sha256": "9f2c" * 16, "received_at": datetime(2026, 9, 24, 15, 2, tzinfo=SHANGHAI), "submitted_by": "张会计", "verdict": "return", "returned_by": "审核 陈静", "return_reason": "合计不符", "late": False, "findings": [finding, note]},
            {"document": "plan", "version": 2, "file_name": "用款计划_改.csv", "sha256": "0b7a" * 16, "received_at": datetime(2026, 9, 26, 8, 40, tzinfo=SHANGHAI), "submitted_by": "张会计", "verdict": "pass", "late": True, "findings": [], "changes": [{"fund": "employee", "field": "requested_fen", "before_fen": 1_900_000_000, "after_fen": 1_823_456_789}]},
        ]  # fmt: skip
        cases = [
            {"document": "plan", "fund": "employee", "state": "cut", "requested_fen": 1_823_456_789, "approved_fen": 1_800_000_000, "reviewed_fen": 1_800_000_000, "reason": "扣除上月结余", "maker": "经办 王芳", "checker": "复核 李强", "decided_at": datetime(2026, 9, 28, 10, 0, tzinfo=SHANGHAI)},
            {"document": "plan", "fund": "resident", "state": "proposed", "requested_fen": 964_210_055, "approved_fen": 964_210_055, "maker": "经办 王芳"},
        ]  # fmt: skip
        return CountyMonth.model_validate(
            {
                "city": city, "month": str(month), "county": unit, "submissions": files, "cases": cases,
                "duties": [d.model_dump() for d in status.duties if d.unit == unit],
                "transfers": [t.model_dump() for t in status.transfers if t.unit == unit],
                "flags": [f.model_dump() for f in status.flags if f.unit == unit],
            }
        )  # fmt: skip

    def money(self, city: str) -> Sequence[FundMoney]:
        if city != "taizhou":
            return ()
        return (
            FundMoney(fund="employee", requested_fen=18_234_567_890, approved_fen=17_900_000_000, reviewed_fen=17_900_000_000, paid_fen=7_321_827_182),
            FundMoney(fund="resident", requested_fen=9_642_100_550, approved_fen=9_642_100_550, paid_fen=4_821_050_275),
        )  # fmt: skip

    def batches(self) -> Sequence[TransferBatch]:
        return (
            TransferBatch(number=11, fund="employee", duty="allocate_to_counties", state="released", count=5, total_fen=9_187_283_997, last_month_fen=8_912_000_000, prepared_by="经办 王芳", approved_by="复核 李强", released_by="财务 赵敏"),
            TransferBatch(number=12, fund="resident", duty="allocate_to_counties", state="approved", count=5, total_fen=4_891_050_340, prepared_by="经办 王芳"),
        )  # fmt: skip

    def books(self, city: str, moment: Moment, day: date | None = None) -> Sequence[FundBooks]:
        accounts = [
            AccountBalance(
                account_type="fiscal_account",
                unit=None,
                number="3310000000001",
                name="台州市财政专户",
                balance_fen=912_345_678_901,
            )
        ]
        accounts += [
            AccountBalance(
                account_type="county_expenditure",
                unit=code,
                number=ACCOUNT,
                name=f"{name}医疗保障局支出户",
                balance_fen=123_456_789 + 1001 * int(code),
            )
            for code, name, _ in COUNTIES
        ]
        return (
            FundBooks(fund="employee", accounts=tuple(accounts), debit_fen=912_345_678_901, credit_fen=912_345_678_901),
            FundBooks(fund="resident", accounts=tuple(accounts[:4]), debit_fen=100, credit_fen=99),
        )  # fmt: skip

    def ping(self) -> None:
        """Always there."""
