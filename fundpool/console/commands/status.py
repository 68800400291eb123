"""``fundpool status`` and ``fundpool receipts``: where a month stands."""

from collections.abc import Sequence
from typing import Any

from fundpool.clock import business_clock
from fundpool.console.options import AsOf, City, Json, PeriodText, PolicyDir, open_month, parse_period
from fundpool.console.output import print_json, print_table
from fundpool.domain.money import format_yuan
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.ports.files import SlipFile
from schemas.documents import DOCUMENTS

_STATES = {
    "upcoming": "未到期",
    "due_soon": "将到期",
    "done_on_time": "按时",
    "done_late": "迟办",
    "overdue": "逾期",
    "returned": "退回",
    "extended": "延期",
    "nil": "零申报",
}


_VERDICTS = {
    None: "未校验 not judged",
    "pass": "通过 pass",
    "review": "人工复核 review",
    "return": "退回 return",
    "returned": "已退回 returned",
}


def status(
    *, city: City, month: PeriodText, as_of: AsOf = None, policy_dir: PolicyDir = None, json: Json = False
) -> int:
    """当月各环节、各县区的进度与问题 / Where the month stands, duty by duty and county by county.

    Exit status 1 when a duty is late, overdue or returned, or something blocks.
    """
    from fundpool.services.oversight.status import is_troubled, month_status

    ports, when = open_month(policy_dir), parse_period(month)
    document = month_status(ports, city, when, business_clock(as_of), only_known_then=as_of is not None)
    if json:
        print_json(document)
    else:
        _print(document)
        _print_slips(ports.slip_folder.slips(city, when))
    return 1 if is_troubled(document) else 0


def receipts(*, city: City, month: PeriodText, policy_dir: PolicyDir = None, json: Json = False) -> int:
    """到账与收件清单：何日收到多少钱、哪些文件 / What came in: money by the bank's word, and files with their verdict."""
    from fundpool.services.oversight.status import receipts_of

    document = receipts_of(open_month(policy_dir), city, parse_period(month))
    if json:
        print_json(document)
        return 0
    print_table(
        f"到账 receipts · {city} · {month}",
        ["单位 unit", "险种 fund", "账户 into", "金额 yuan", "到账日 on", "银行流水 serial"],
        [
            (
                one["unit"],
                one["fund"],
                one["to"],
                format_yuan(one["amount_fen"]),
                one["received_on"],
                one["bank_serial"],
            )
            for one in document["receipts"]
        ],
    )
    print_table(
        "收件 files",
        [
            "表种 document",
            "县区 county",
            "版本 version",
            "收件时间 received",
            "结论 verdict",
            "文件 file",
            "SHA-256",
        ],
        [
            (
                DOCUMENTS[one["document"]].zh,
                one["county_name_zh"],
                one["version"],
                one["received_at"][:16].replace("T", " "),
                _VERDICTS[one["verdict"] if one["state"] != "returned" else "returned"],
                one["file_name"],
                one["sha256"][:12],
            )
            for one in document["files"]
        ],
    )
    return 0


def _print(document: dict[str, Any]) -> None:
    print_table(
        f"{document['city']} · {document['month']} · {document['as_of']}",
        [
            "环节 duty",
            "单位 unit",
            "应于 due",
            "状态 state",
            "迟 days",
            "办结 done",
            "等待 waiting",
        ],
        [
            (
                f"{duty['rule']} {DUTY_NAMES[duty['step']][0]}",
                duty["unit_name_zh"],
                duty["due"],
                f"{_STATES[duty['state']]} {duty['state']}",
                duty["days_late"] or None,
                duty["done_at"] and duty["done_at"][5:16].replace("T", " "),
                duty["waiting_for"],
            )
            for duty in document["duties"]
        ],
    )
    print_table(
        "步骤 steps",
        ["步骤 step", "状态 state", "完成", "等待", "问题", "未成", "上次 last run"],
        [
            (
                step["step"],
                step["state"],
                step["counts"]["done"],
                step["counts"]["waiting"],
                step["counts"]["flagged"],
                step["counts"]["failed"],
                step["last_run_at"] and step["last_run_at"][:16].replace("T", " "),
            )
            for step in document["steps"]
        ],
    )
    if document["transfers"]:
        print_table(
            "拨款 transfers",
            ["险种 fund", "单位 unit", "从 from", "到 to", "金额 yuan", "状态 state", "说明"],
            [
                (
                    one["fund"],
                    one["unit"],
                    one["from"],
                    one["to"],
                    format_yuan(one["amount_fen"]),
                    one["state"],
                    one["detail_zh"],
                )
                for one in document["transfers"]
            ],
        )
    for flag in document["flags"]:
        basis = flag["basis"]
        article = f"（{basis['document']} {basis['section']}）" if basis else ""
        print(f"[{flag['kind']}] {flag['message_zh']}{article}")


def _print_slips(slips: Sequence[SlipFile]) -> None:
    """The latest slip of every county; those of earlier versions lie beside it."""
    latest = {(slip.document, slip.county): slip for slip in slips}
    if latest:
        print("退回单 return slips：")
    for slip in latest.values():
        print(f"  {slip.document} {slip.county} v{slip.version}  {slip.page}")
