"""What the demo prints: a line per act, a bar for the month, tables at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fundpool.console.dashboard.labels import FLAG_KINDS, FUNDS
from fundpool.console.demo.script import Act, Script
from fundpool.console.demo.summary import Summary
from fundpool.console.language import choose, language, one_language, word
from fundpool.console.output import Table, named, print_table, yuan
from fundpool.domain.month import MONTH
from fundpool.domain.policy import CityPolicy
from fundpool.services.ports.judging import CityFund

if TYPE_CHECKING:
    from fundpool.local_prefect.runs import FlowRunResult

WEEKDAYS = "一二三四五六日"
DOCUMENTS = {"plan": ("用款计划", "the plan"), "report": ("支出核算报表", "the report")}
STATE_STYLES = {"Completed": "green", "Waiting": "cyan", "Flagged": "yellow", "Failed": "red"}
SHOWN_FLAGS = frozenset(
    {"late", "overdue", "missing", "returned", "inconsistent", "supplementary", "held", "unreadable"}
)
"""What the table at the end tells of."""

ROLES = {
    "accounts_clerk": ("市级经办登记", "city agency, records"),
    "accounts_checker": ("账户复核", "checker of accounts"),
    "maker": ("市级初审", "reviewer (maker)"),
    "checker": ("市级复核", "checker"),
    "finance": ("市财政", "city finance"),
    "approver": ("复核与放行", "approver, then releaser"),
    "operator": ("市级运行", "operator"),
}
"""What each of the script's people is called, in both languages."""

ACTORS = {
    "set_up": "accounts_clerk",
    "approve": "maker",
    "cut": "maker",
    "return": "maker",
    "confirm": "checker",
    "finance": "finance",
    "authorise": "approver",
    "approve_accounts": "accounts_checker",
    "run": "operator",
    "write_reports": "operator",
}
"""Who does each kind of act."""


class Narrator:
    """Prints what happens, day by day, with a bar for the month."""

    def __init__(self, console: Console, script: Script, policy: CityPolicy) -> None:
        self._console = console
        self._script = script
        self._units = {unit.code: unit for unit in policy.units}
        self._funds = names_of_funds(policy)
        self._city = policy
        total = sum(1 for _ in script.moments())
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self.progress.add_task(choose("准备", "preparing"), total=total)

    def day(self, now: datetime, quiet_days: int) -> None:
        """A new day on the business clock."""
        if quiet_days > 0:
            quiet = choose(f"{quiet_days} 天无事", f"{quiet_days} quiet day{'s' if quiet_days > 1 else ''}")
            self._console.print(f"[dim]   … {quiet}[/dim]")
        text = f"{now:%Y-%m-%d} {choose(f'星期{WEEKDAYS[now.weekday()]}', f'{now:%A}')}"
        self._console.print(f"[bold]{text}[/bold]")
        self.progress.update(self._task, description=f"{now:%Y-%m-%d}")

    def act(self, now: datetime, act: Act) -> None:
        """Somebody acts."""
        who, what = choose(*self._who(act)), choose(*self._what(act))
        self._console.print(f"  {now:%H:%M} [magenta]{escape(who)}[/magenta] {escape(what)}", highlight=False)

    def run(self, result: "FlowRunResult") -> None:
        """A Prefect run has ended."""
        style = STATE_STYLES.get(result.state_name, "white")
        self._console.print(
            f"        [{style}]▸ {escape(self._named(result.name))}[/{style}] "
            f"[dim]{escape(self._sentence_of(result))}[/dim]",
            highlight=False,
        )

    def _named(self, run_name: str) -> str:
        """The run's name, in English with the city's and the step's English names."""
        if language() == "en":
            run_name = run_name.replace(self._city.name_zh, self._city.name_en)
            for step in MONTH:
                run_name = run_name.replace(step.name_zh, str(named("step", step.key)))
        return run_name

    def _sentence_of(self, result: "FlowRunResult") -> str:
        """Prefect's sentence "English · Chinese" in one language; that of a failure as it is."""
        en, stroke, zh = result.message.partition(" · ")
        if not stroke or not result.is_completed:
            return result.message
        for key, name in self._funds.items():
            zh = zh.replace(f" {key})", f" {name})")
        return choose(zh, en)

    def advance(self, done: int) -> None:
        """Set the bar to so many acts."""
        self.progress.update(self._task, completed=done)

    def _who(self, act: Act) -> tuple[str, str]:
        people = self._script.people
        if act.do == "tick":
            return "每日调度", "daily tick"
        if act.do in {"drop", "submit"} or act.who == "county":
            unit = self._units[act.county or ""]
            return f"{unit.name_zh}经办", f"{unit.name_en} county clerk"
        role = act.who or ACTORS[act.do]
        zh, en = ROLES[role]
        names = f"{people['approver']} {people['releaser']}" if role == "approver" else people[role]
        return f"{zh} {names}", f"{en} {names}"

    def _what(self, act: Act) -> tuple[str, str]:
        zh, en = self._sentences(act)
        about = self._script.files.get(act.file or "")
        notes_zh = [note for note in (act.zh, about.zh if about else None) if note and note != zh]
        notes_en = [note for note in (act.en, about.en if about else None) if note and note != en]
        return (
            f"{zh}（{'；'.join(notes_zh)}）" if notes_zh else zh,
            f"{en} ({'; '.join(notes_en)})" if notes_en else en,
        )

    def _sentences(self, act: Act) -> tuple[str, str]:
        document = DOCUMENTS[act.document or "plan"]
        counties = [act.county] if act.county else list(act.counties)
        names_zh = "、".join(self._units[code].name_zh for code in counties)
        names_en = ", ".join(self._units[code].name_en for code in counties)
        file = Path(act.file or "").name
        texts: dict[str, tuple[str, str]] = {
            "set_up": (
                "登记年度预算、期初余额、银行账户（账户由另一人复核）",
                "records the budget, opening balances and bank accounts (another person approves them)",
            ),
            "tick": ("查日历，启动今天该办的步骤", "reads the calendar and starts what is due today"),
            "drop": (f"报送{document[0]} {file}（收件目录）", f"files {document[1]} {file} (drop folder)"),
            "submit": (f"报送{document[0]} {file}", f"submits {document[1]} {file}"),
            "approve": (
                f"初审{document[0]}：{names_zh}，按申请额提出核定",
                f"reviews {document[1]} of {names_en}: proposes the requested amount",
            ),
            "cut": (
                f"核减{names_zh} {self._funds.get(act.fund or '', '')} 至 {_amount(act)} 元：{act.reason}",
                f"cuts {names_en}, {self._funds.get(act.fund or '', '')}, to {_amount(act)} yuan",
            ),
            "return": (f"退回{names_zh}{document[0]}：{act.reason}", f"returns {document[1]} of {names_en}"),
            "confirm": (
                f"复核{document[0]}的核定意见（与初审为不同的人）",
                f"confirms the proposals on {document[1]} (another person than the maker)",
            ),
            "finance": (f"复核用款申请{self._cuts(act)[0]}", f"reviews the application{self._cuts(act)[1]}"),
            "authorise": (
                f"复核并放行{named('step', act.step or '')}批次",
                f"approve and release the batches: {named('step', act.step or '')}",
            ),
            "approve_accounts": ("复核新登记的银行账户", "approves the bank accounts entered before"),
            "run": (
                f"执行{named('step', act.step or '')}{f' --county {act.county} {names_zh}' if act.county else ''}",
                f"runs {named('step', act.step or '')}{f' for {names_en} alone' if act.county else ''}",
            ),
            "say": (act.zh or "", act.en or ""),
            "write_reports": ("写出汇总表", "writes the reports"),
        }
        return texts[act.do]

    def _cuts(self, act: Act) -> tuple[str, str]:
        zh = "".join(
            f"；{self._units[cut.county].name_zh} {self._funds[cut.fund]} 复核为 {cut.amount_yuan:,.2f} 元：{cut.reason}"
            for cut in act.cuts
        )
        en = "".join(
            f"; {self._units[cut.county].name_en}, {self._funds[cut.fund]}: {cut.amount_yuan:,.2f} yuan"
            for cut in act.cuts
        )
        return zh, en


def _amount(act: Act) -> str:
    return "" if act.amount_yuan is None else f"{act.amount_yuan:,.2f}"


def names_of_funds(policy: CityPolicy) -> dict[str, str]:
    """What messages call each fund of the city."""
    return {
        fund.key: word(FUNDS, fund.key)
        if fund.key in FUNDS
        else choose(CityFund.of(fund).short_zh, fund.name_en)
        for fund in policy.funds
    }


def print_summary(console: Console, summary: Summary, reports: Path, *, funds: Mapping[str, str]) -> None:
    """The tables at the end; ``funds`` says what each fund is called."""
    console.print()
    flags = [flag for flag in summary.flags if flag["kind"] in SHOWN_FLAGS]
    for table in (_money_table(summary, funds), _flag_table(flags, funds)):
        print_table(table, console)
    for row in summary.trial_balance:
        is_even = row.debit_fen == row.credit_fen
        verdict = (
            f"[green]{choose('平', 'even')}[/green]"
            if is_even
            else f"[red]{choose('不平', 'NOT even')}[/red]"
        )
        console.print(
            choose(
                f"试算平衡 · {funds[row.fund]}：借 {yuan(row.debit_fen)} 贷 {yuan(row.credit_fen)} {verdict}",
                f"trial balance · {funds[row.fund]}: debit {yuan(row.debit_fen)}, credit {yuan(row.credit_fen)} "
                f"{verdict}",
            ),
            highlight=False,
        )
    for fault in (*summary.ledger_faults, *summary.differences):
        console.print(f"[red]{escape(one_language(fault))}[/red]")
    if summary.is_sound:
        console.print(
            choose(
                f"银行账簿 {summary.transfers} 笔与本系统账簿逐笔相符，无一重付",
                f"the bank's book has {summary.transfers} transfers, the same as ours, none paid twice",
            ),
            highlight=False,
        )
    for file in sorted(reports.glob("*")):
        console.print(f"{choose('报表：', 'report: ')}{file}", highlight=False)
    console.print(f"{choose('状态摘要：', 'digest: ')}{summary.digest}", highlight=False)


def _money_table(summary: Summary, funds: Mapping[str, str]) -> Table:
    title = f"{summary.month} · {choose('合成数据', 'SYNTHETIC')} · {choose('元', 'yuan')}"
    amounts = ("requested_fen", "approved_fen", "reviewed_fen", "paid_fen", "spent_fen")
    rows: list[dict[str, object]] = []
    for fund in dict.fromkeys(row.fund for row in summary.money):
        own = [asdict(row) for row in summary.money if row.fund == fund]
        total = {name: sum(row[name] or 0 for row in own) for name in amounts}
        rows += [
            row | {"fund": funds[fund]}
            for row in (
                *own,
                {"county_zh": choose("合计", "total"), "county_en": choose("合计", "total"), **total},
            )
        ]
    return Table(
        title,
        rows,
        {
            "县区 / county": "county_zh",
            "基金 / fund": "fund",
            "申请 / requested": "requested_fen",
            "核定 / approved": "approved_fen",
            "财政复核 / finance": "reviewed_fen",
            "拨付 / paid": "paid_fen",
            "支出 / spent": "spent_fen",
        },
    )


def _flag_table(flags: Sequence[Mapping[str, Any]], funds: Mapping[str, str]) -> Table:
    return Table(
        "谁迟报、缺报、不一致 / who was late, missing or inconsistent",
        flags,
        {
            "县区 / unit": "unit_name_zh",
            "情形 / kind": lambda flag: word(FLAG_KINDS, flag["kind"]),
            "基金 / fund": lambda flag: funds.get(flag["fund"] or "", ""),
            "说明 / detail": "message_zh",
        },
    )
