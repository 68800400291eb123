"""``fundpool status`` and ``fundpool receipts``: where a month stands."""

from collections.abc import Iterator, Sequence

from fundpool.console.commands.next import TURNS
from fundpool.console.dashboard.labels import DUTY_STATES, FLAG_KINDS, STEP_STATES, TRANSFER_STATES, VERDICTS
from fundpool.console.language import choose, one_language, word
from fundpool.console.options import AnyCity, AnyPeriodText, Dated, Options
from fundpool.console.output import Columns, Table, document_name, minute
from fundpool.domain.installation import SANDBOX_NOTICE
from fundpool.services.oversight.flags import DUTY_NAMES
from fundpool.services.ports.files import SlipFile
from schemas.dashboard import FileReceipt, Flag, MonthStatus


def status(*, city: AnyCity = None, month: AnyPeriodText = None, options: Dated = Dated()) -> int:
    """当月各环节、各县区的进度与问题 / Where the month stands, duty by duty and county by county.

    退出码 1 表示现有未了之事：逾期或退回的事项、未成的步骤、未成或结果不明的款项、停发的险种；已办完的月份为 0，不论曾经如何
    迟。 / Exit status 1 for what is open now: an overdue or returned duty, a failed step, a payment that failed or whose
    outcome is not known, a stopped fund; 0 for a finished month, whatever was late in it.
    """
    from fundpool.services.oversight.status import is_troubled, month_status, slips_of

    ports = options.open_month()
    city, when = options.period_of(city, month, now=options.now)
    until = options.now if options.as_of is not None else None
    shown = month_status(ports, city, when, now=options.now, only_known_then=until is not None)
    slips = () if options.json else slips_of(ports, city, when, until=until)
    return options.show(
        shown, *_tables(shown), *map(_flag, shown.flags), *_slips(slips), found=is_troubled(shown)
    )


def receipts(*, city: AnyCity = None, month: AnyPeriodText = None, options: Options = Options()) -> int:
    """到账与收件清单：何日收到多少钱、哪些文件 / What came in: money by the bank's word, and files with their verdict."""
    from fundpool.services.oversight.status import receipts_of

    city, when = options.period_of(city, month)
    shown = receipts_of(options.open_month(), city, when)
    money: Columns = {
        "单位 / unit": "unit",
        "险种 / fund": "fund",
        "账户 / into": "to_type",
        "金额 / yuan": "amount_fen",
        "到账日 / on": "received_on",
        "银行流水 / serial": "bank_serial",
    }
    files: Columns = {
        "表种 / document": "document",
        "县区 / county": "county_name_zh",
        "版本 / version": "version",
        "收件时间 / received": lambda file: minute(file.received_at),
        "登记时间 / entered": lambda file: minute(file.entered_at),
        "结论 / verdict": _verdict,
        "文件 / file": "file_name",
        "SHA-256": lambda file: file.sha256[:12],
    }
    return options.show(
        shown,
        Table(f"{choose('到账', 'receipts')} · {city} · {when}", shown.receipts, money),
        Table("收件 / files", shown.files, files),
    )


def _verdict(file: FileReceipt) -> str:
    if file.state == "returned":
        return choose("已退回", "returned")
    return word(VERDICTS, file.verdict) if file.verdict else choose("未校验", "not judged")


def _post(key: str) -> str:
    return one_language(TURNS.get(key, key))


def _tables(shown: MonthStatus) -> Iterator[Table]:
    duties: Columns = {
        "环节 / duty": lambda duty: f"{duty.rule} {choose(*DUTY_NAMES[duty.key])}",
        "单位 / unit": "unit_name_zh",
        "应于 / due": "due",
        "状态 / state": "state",
        "迟 / days": lambda duty: duty.days_late or None,
        "办结 / done": lambda duty: duty.done_at and f"{duty.done_at:%m-%d %H:%M}",
        "等待 / waiting for": lambda duty: duty.waiting_for and _post(duty.waiting_for),
    }
    steps: Columns = {
        "步骤 / step": "step",
        "状态 / state": "state",
        "完成 / done": "counts.done",
        "等待 / waiting": "counts.waiting",
        "有问题 / flagged": "counts.flagged",
        "未成 / failed": "counts.failed",
        "上次 / last run": lambda step: minute(step.last_run_at),
    }
    transfers: Columns = {
        "险种 / fund": "fund",
        "单位 / unit": "unit",
        "从 / from": "from_type",
        "到 / to": "to_type",
        "金额 / yuan": "amount_fen",
        "状态 / state": lambda transfer: word(TRANSFER_STATES, transfer.shown_state),
        "说明 / detail": "detail_zh",
    }
    title = f"{shown.city} · {shown.month} · {shown.as_of.isoformat()}"
    yield Table(
        f"{title} · {one_language(SANDBOX_NOTICE)}" if shown.sandbox else title,
        shown.duties,
        duties,
        states=DUTY_STATES,
    )
    yield Table("步骤 / steps", shown.steps, steps, states=STEP_STATES)
    if shown.transfers:
        yield Table("拨付款项 / transfers", shown.transfers, transfers)


def _flag(flag: Flag) -> str:
    article = f" ({f'{flag.basis.document} {flag.basis.section}'.rstrip()})" if flag.basis else ""
    return f"[{word(FLAG_KINDS, flag.kind)}] {choose(flag.message_zh, flag.message_en)}{article}"


def _slips(slips: Sequence[SlipFile]) -> Iterator[str]:
    """The latest slip of every county; those of earlier versions lie beside it."""
    latest = {(slip.document, slip.county): slip for slip in slips}
    if latest:
        yield choose("退回单与审核意见单：", "return slips and review notes:")
    for slip in latest.values():
        yield f"  {document_name(slip.document)} {slip.county} v{slip.version}  {slip.page}"
