"""The ``fundpool`` command: one table of commands, each loaded when it is called.

Exit status: 0 done · 1 something was found · 2 wrong use or unreadable input · 3 the law is silent ·
4 an outside service did not answer. With ``--json`` one document on stdout and nothing else there.
"""

import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclopts import App, CycloptsError, Parameter

from fundpool.configuration import configured_path, default_home
from fundpool.console.output import print_error
from fundpool.core_dumps import leave_no_core_dump
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.version import product

_COMMANDS: dict[str, tuple[str, str]] = {
    # name: (where it lives in fundpool.console, one line of help). Loaded lazily: `fundpool --help` and `compute`
    # must not wait for pandas, Great Expectations or Prefect. A group of commands has its help here alone.
    "compute": (
        "commands.compute:command",
        "按文件计算缺口分担、储备金、周转金等 / Compute gaps, reserves and quotas from a city's text.",
    ),
    "policy": (
        "commands.policy:app",
        "政策文件：列出、查看、解释、核对、比较 / List, show, explain, check, compare the policy files.",
    ),
    "due": ("commands.due:due", "期限与责任 / Who must do what by when."),
    "template": ("commands.template:template", "填报模板 / Write the workbooks that counties fill."),
    "check": ("commands.check:check", "检查文件 / Judge counties' files, without a database."),
    "reconcile": (
        "commands.reconcile:reconcile",
        "逐笔比对两份拨付明细 / Compare two files of payment details line by line.",
    ),
    "serve": ("commands.serve:serve", "看板 / Serve the dashboard in the browser."),
    "transfers": ("commands.transfers:app", "拨付 / Payments: list, approve, release, resolve."),
    "accounts": ("commands.accounts:app", "账户登记簿 / The register of bank accounts."),
    "ledger": ("commands.ledger:app", "账簿 / The books: verify, balances, export."),
    "explain": (
        "commands.explain:app",
        "溯源 / Lineage: from an entry, a transfer or a figure back to the cell of the county's file.",
    ),
    "audit": ("commands.audit:app", "审计日志 / The audit trail: verify, anchor."),
    "init": ("commands.init:init", "建库 / Set up the database and folders."),
    "upgrade": ("commands.upgrade:upgrade", "升级 / Bring the tables up to date: back up, migrate, verify."),
    "submit": ("commands.submit:submit", "报送文件 / File counties' documents."),
    "start": ("commands.start:start", "启动本机调度 / Run a local Prefect server and worker."),
    "server": (
        "commands.start:server",
        "Prefect 服务 / Run the Prefect server alone, for workers of their own.",
    ),
    "worker": (
        "commands.worker:worker",
        "执行器 / Run what a Prefect server schedules, and what a dead worker left.",
    ),
    "doctor": (
        "commands.doctor:doctor",
        "体检 / What is stuck, away, outdated or wrongly set up, and what to do.",
    ),
    "deploy": ("commands.start:deploy", "登记部署 / Register the deployments with a Prefect server."),
    "run": ("commands.run:run", "执行步骤 / Run or rerun one step of the month."),
    "month": ("commands.month:app", "开办与收尾一个月 / Open and close a month."),
    "retry-failed": ("commands.month:retry_failed", "再办未成的步骤 / Run failed steps again."),
    "next": ("commands.next:next_", "轮到谁、用什么命令 / Whose turn, why, and the command."),
    "review": ("commands.review:app", "审核核定 / Review plans and reports."),
    "application": ("commands.application:app", "用款申请与财政复核 / Applications and finance's review."),
    "receipts": ("commands.status:receipts", "到账 / Money received."),
    "status": ("commands.status:status", "月度进度 / Where the month stands."),
    "health": ("commands.health:health", "运行状况 / How well the installation is, for monitoring."),
    "notices": ("commands.notices:notices", "告警 / What people are to know, and telling them."),
    "report": ("commands.report:app", "月度汇总表 / The city's monthly summary."),
    "budget": ("commands.records:budget", "年度预算 / Annual budgets."),
    "openings": ("commands.records:openings", "期初数 / Opening balances."),
    "extension": ("commands.records:extension", "延期 / Extensions of duties."),
    "nil-return": ("commands.records:nil_return", "零申报 / Nil returns."),
    "waiver": ("commands.records:waiver", "免报 / Waivers of filing."),
    "users": (
        "commands.users:app",
        "用户 / Accounts of the people who work here: add, list, disable, password.",
    ),
    "settings": ("commands.settings:settings", "设置 / Every setting and its value."),
    "demo": (
        "demo.command:demo",
        "演示：逐日演完一个月 / Play a sample month day by day; all data is synthetic.",
    ),
    "backup": ("commands.backup:backup", "备份 / Copy the database while it is in use."),
    "restore": ("commands.backup:restore", "恢复 / Put a copy back, with sending off."),
    "sandbox-bank": (
        "commands.sandbox_bank:app",
        "模拟银行 / Run the sandbox bank, switch its faults, read its book.",
    ),
}


def build_app() -> App:
    """The command tree, without importing any command."""
    app = App(
        name="fundpool",
        help="医保基金市级统筹月度拨付 / Monthly budget cycle of a city-pooled medical insurance fund.",
        version=product,
        version_flags=["--version"],
        help_format="plaintext",  # markdown help costs a quarter of a second
        result_action="return_value",
        default_parameter=Parameter(json_list=False, json_dict=False),  # a file's name may begin with [
    )
    for name, (target, text) in _COMMANDS.items():
        app.command(f"fundpool.console.{target}", name=name, help=text)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; people never see a traceback."""
    leave_no_core_dump()
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:  # the reader of our output has closed it, such as `head`
        sys.stderr.close()
        return 0


def _run(tokens: list[str]) -> int:
    as_json = "--json" in tokens
    try:
        result = build_app()(tokens, exit_on_error=False, print_error=False)
        return result if isinstance(result, int) else 0
    except CycloptsError as problem:
        error: FundpoolError = InputError(
            "usage",
            f"命令写法不对：{problem}",
            f"wrong use: {problem}",
            remedy="fundpool --help",
        )
    except FundpoolError as raised:
        error = raised
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return 130
    except Exception as surprise:  # noqa: BLE001 - the last resort: a sentence here, the traceback in a file
        error = _surprise(surprise)
    print_error(error, as_json=as_json)
    return error.exit_status


def _kept(text: str) -> str:
    """Where the text was put: ``errors.log`` of the data folder, or without one a file that lasts a while."""
    home = configured_path("home") or default_home()
    if home.is_dir():
        log = home / "errors.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(text)
        return str(log)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="fundpool-error-", suffix=".log", delete=False
    ) as passing:
        passing.write(text)
    return passing.name


def _surprise(surprise: Exception) -> FundpoolError:
    """The error that people see for an unexpected exception; its traceback goes to a file."""
    text = f"{datetime.now(UTC).isoformat()}\n{''.join(traceback.format_exception(surprise))}\n"
    try:
        place = _kept(text)
    except (OSError, InputError):
        place = "-"
    what = f"{type(surprise).__name__}: {surprise}".splitlines()[0][:200]
    return FundpoolError(
        "unexpected",
        f"程序出错，未料到的情形：{what}",
        f"an error nobody foresaw: {what}",
        remedy=f"已完成的步骤不受影响，可重试；请把 {place} 交系统管理员 / what was done stands and may be tried again; "
        f"hand {place} to the administrator",
    )
