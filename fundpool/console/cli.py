"""The ``fundpool`` command: one table of commands, each loaded when it is called.

Exit status: 0 done · 1 something was found · 2 wrong use or unreadable input · 3 the law is silent ·
4 an outside service did not answer. With ``--json`` one document on stdout and nothing else there.
"""

import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from fundpool.configuration import configured_path, default_home
from fundpool.console.help_pages import OneLanguage
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
    "check": (
        "commands.check:check",
        "检查县区文件，不用数据库 / Judge counties' files, without a database.",
    ),
    "reconcile": (
        "commands.reconcile:reconcile",
        "逐笔比对两份拨付明细 / Compare two files of payment details line by line.",
    ),
    "serve": ("commands.serve:serve", "在浏览器里看的看板 / Serve the dashboard in the browser."),
    "transfers": (
        "commands.transfers:app",
        "拨付：列出、复核、放行、查询 / Payments: list, approve, release, resolve.",
    ),
    "accounts": ("commands.accounts:app", "账户登记簿 / The register of bank accounts."),
    "ledger": ("commands.ledger:app", "账簿：核验、余额、导出 / The books: verify, balances, export."),
    "explain": (
        "commands.explain:app",
        "溯源：由分录、款项或数字查回县区文件的单元格 / Lineage: from an entry, a transfer or a figure back to the cell of the county's file.",
    ),
    "audit": ("commands.audit:app", "审计日志：核验、锚值 / The audit trail: verify, anchor."),
    "init": ("commands.init:init", "建库建目录 / Set up the database and folders."),
    "upgrade": (
        "commands.upgrade:upgrade",
        "升级：备份、升级数据库的表、核验 / Bring the tables up to date: back up, migrate, verify.",
    ),
    "submit": ("commands.submit:submit", "报送文件 / File counties' documents."),
    "start": (
        "commands.start:start",
        "启动本机 Prefect 服务与执行器 / Run a local Prefect server and worker.",
    ),
    "server": (
        "commands.start:server",
        "只运行 Prefect 服务，供另行运行的执行器 / Run the Prefect server alone, for workers of their own.",
    ),
    "worker": (
        "commands.worker:worker",
        "执行器：执行 Prefect 服务所排的，以及死去的执行器留下的步骤 / Run what a Prefect server schedules, and what a dead worker left.",
    ),
    "doctor": (
        "commands.doctor:doctor",
        "体检：卡住、断开、过期、设置有误之处及处理办法 / What is stuck, away, outdated or wrongly set up, and what to do.",
    ),
    "deploy": (
        "commands.start:deploy",
        "在 Prefect 服务登记部署 / Register the deployments with a Prefect server.",
    ),
    "run": ("commands.run:run", "执行或再执行当月的一个步骤 / Run or rerun one step of the month."),
    "month": ("commands.month:app", "开办与收尾一个月 / Open and close a month."),
    "retry-failed": ("commands.month:retry_failed", "再办未成的步骤 / Run failed steps again."),
    "catch-up": ("commands.month:catch_up", "补办此刻到期的步骤 / Run the steps that are due now."),
    "next": ("commands.next:next_", "轮到谁、用什么命令 / Whose turn, why, and the command."),
    "review": ("commands.review:app", "审核用款计划与报表 / Review plans and reports."),
    "application": ("commands.application:app", "用款申请与财政复核 / Applications and finance's review."),
    "receipts": ("commands.status:receipts", "到账与收件 / Money and files received."),
    "status": ("commands.status:status", "月度进度 / Where the month stands."),
    "health": ("commands.health:health", "运行状况，供监控 / How well the installation is, for monitoring."),
    "notices": (
        "commands.notices:app",
        "告警与提醒：人应知道的事，并告知 / What people are to know, and telling them.",
    ),
    "report": ("commands.report:app", "月度汇总表 / The city's monthly summary."),
    "budget": ("commands.records:budget", "年度预算 / Annual budgets."),
    "openings": ("commands.records:openings", "期初数 / Opening balances."),
    "extension": ("commands.records:extension", "事项延期 / Extensions of duties."),
    "nil-return": ("commands.records:nil_return", "零申报 / Nil returns."),
    "waiver": ("commands.records:waiver", "免报的登记 / Waivers of filing."),
    "users": (
        "commands.users:app",
        "用户账户：登记、列出、停用、改口令 / Accounts of the people who work here: add, list, disable, password.",
    ),
    "settings": ("commands.settings:settings", "全部设置及其值 / Every setting and its value."),
    "demo": (
        "demo.command:demo",
        "演示：逐日演完一个月，数据全部为虚构 / Play a sample month day by day; all data is synthetic.",
    ),
    "backup": ("commands.backup:backup", "备份：在使用中复制数据库 / Copy the database while it is in use."),
    "restore": ("commands.backup:restore", "恢复副本，发送关闭 / Put a copy back, with sending off."),
    "sandbox-bank": (
        "commands.sandbox_bank:app",
        "模拟银行：运行、开关故障、查看账簿 / Run the sandbox bank, switch its faults, read its book.",
    ),
}


def build_app() -> App:
    """The command tree, without importing any command."""
    app = App(
        name="fundpool",
        help="医保基金市级统筹月度拨付 / Monthly budget cycle of a city-pooled medical insurance fund.",
        version=product,
        version_flags=["--version"],
        help_formatter=OneLanguage(),
        help_format="plaintext",  # markdown help costs a quarter of a second
        result_action="return_value",
        default_parameter=Parameter(json_list=False, json_dict=False),  # a file's name may begin with [
    )
    for name, (target, text) in _COMMANDS.items():
        app.command(f"fundpool.console.{target}", name=name, help=text)
    return app


def tell_in_full(command: App) -> App:
    """Have a command say in its help all that its function says, not only its line in the list of commands."""
    if command.default_command is not None and not any(not name.startswith("-") for name in command):
        command.help = None
    return command


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
        app = build_app()
        if tokens and tokens[0] in _COMMANDS:
            tell_in_full(app[tokens[0]])
        result = app(tokens, exit_on_error=False, print_error=False)
        return result if isinstance(result, int) else 0
    except CycloptsError as problem:
        error: FundpoolError = InputError(
            "usage",
            f"命令写法不对：{_wrong_use_zh(problem)}",
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


def _wrong_use_zh(problem: CycloptsError) -> str:
    """What is wrong with the command line, in Chinese; Cyclopts says it in English alone."""
    name = problem.argument.name if problem.argument else ""
    match problem:
        case UnknownCommandError(unused_tokens=[token, *_]):
            said = f"没有 {token} 这个命令"
        case UnknownOptionError(token=token):
            said = f"没有 {token.keyword or token.value} 这个选项"
        case RepeatArgumentError(token=token):
            said = f"{token.keyword} 只能给一次"
        case UnusedCliTokensError(unused_tokens=tokens):
            said = f"多出 {' '.join(tokens or ())}"
        case MissingArgumentError():
            said = f"缺少 {name} 或其值"
        case CoercionError(token=token) if token is not None:
            said = f"{token.keyword or name} 的值 {token.value} 不对"
        case _:
            said = str(problem)
    return said


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
