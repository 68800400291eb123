"""``fundpool demo``: starts everything a month needs, plays it, shows the end, stops what it started."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fundpool.console.demo.script import Script, load_script, sample_folder
from fundpool.console.language import choose, language, one_language
from fundpool.console.options import Json, PolicyDir
from fundpool.domain.errors import InputError
from fundpool.domain.installation import SANDBOX_NOTICE
from fundpool.local_prefect.client import environment
from fundpool.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from fundpool.console.demo.play import BusinessClock, Position
    from fundpool.console.demo.summary import Summary
    from fundpool.local_prefect.runs import LocalPrefect
    from fundpool.services.ports.work import MonthPorts

NOTICE = "演示数据，全部为虚构 / SYNTHETIC data: every figure is made up"


def demo(
    *,
    city: Annotated[
        str, Parameter(help="统筹区：taizhou、suizhou、jiujiang / city: taizhou, suizhou or jiujiang")
    ] = "taizhou",
    home: Annotated[
        Path | None, Parameter(help="数据目录，缺省 .fundpool/demo-CITY / data folder of the demo")
    ] = None,
    serve: Annotated[
        bool, Parameter(help="演完后继续提供看板 / keep serving the dashboard afterwards")
    ] = True,
    port: Annotated[
        int | None, Parameter(help="看板端口，0 取任一空闲端口 / port of the dashboard; 0: any free one")
    ] = None,
    fresh: Annotated[
        bool, Parameter(help="删去上一场演示，从头开始 / remove the last demo's data first", negative="")
    ] = False,
    policy_dir: PolicyDir = None,
    json: Json = False,
) -> int:
    """演示：逐日演完一个月，人的角色也由演示代演；数据全部为虚构 / Play a sample month, the people's parts too; all data is synthetic.

    任何时刻停止后，同一命令从停止处继续。 / Stopped at any moment, the same command carries on where it was.
    """
    from rich.console import Console

    folder = sample_folder(city)
    script = load_script(folder)
    stream = sys.stderr if json else sys.stdout
    # A pipe or a file has no width to keep to; rich would take 80 and break the lines.
    console = Console(stderr=json, width=None if stream.isatty() else 160)
    place = (home or Path(".fundpool") / f"demo-{city}").resolve()
    # SIGTERM ends the demo the orderly way: everything it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with environment(_settings_of_demo(place, policy_dir)):
        played = _Demo(console=console, script=script, folder=folder, home=place, port=port, as_json=json)
        return played.run(fresh=fresh, serve=serve)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demo:
    """One demo in one data folder."""

    console: "Console"
    script: Script
    folder: Path
    home: Path
    port: int | None
    as_json: bool

    def run(self, *, fresh: bool, serve: bool) -> int:
        from fundpool.console.demo.bank import running_bank, write_bank_accounts
        from fundpool.console.demo.play import BusinessClock, Position
        from fundpool.local_prefect.runs import local_prefect
        from fundpool.local_prefect.server import running_server

        position = Position(self.home, self.script)
        if fresh:
            _remove(self.home)
        position.claim()
        moments = list(self.script.moments())
        is_over = position.done >= len(moments)
        clock = BusinessClock(moments[min(position.done, len(moments) - 1)].at)
        with ExitStack() as stack:
            settings = Settings()
            # It needs a while before it answers: everything else is made ready meanwhile.
            server = stack.enter_context(running_server(settings)) if serve or not is_over else None
            ports = self._open(settings)
            self._greet(stack.enter_context(self._dashboard(settings, ports, clock)))
            accounts = self.home / "bank-accounts.csv"
            write_bank_accounts(accounts, self.folder)
            bank = stack.enter_context(running_bank(self.home, accounts))
            os.environ["FUNDPOOL_GATEWAY_URL"] = bank
            ports = self._open(Settings())
            if not is_over:
                with self.console.status(choose("启动 Prefect 服务", "starting the Prefect server")):
                    # The checks' framework takes seconds to load: while the server starts, not in the first step.
                    import_module("expectations.runner")
                    prefect = stack.enter_context(local_prefect(settings, server=server))
                self._play(prefect, ports, position, clock=clock)
            summary = self._conclude(ports, clock, bank)
            if serve:
                if is_over:
                    stack.enter_context(local_prefect(settings, server=server))  # its pages show the runs
                self._serve_on(ports, clock)
        return 0 if summary.is_sound else 1

    def _open(self, settings: Settings) -> "MonthPorts":
        from fundpool.adapters.stores.setting_up import install
        from fundpool.bootstrap import build_ports

        install(settings, sandbox=True).dispose()
        return build_ports(settings)

    def _greet(self, dashboard: str) -> None:
        query = f"?city={self.script.city}&month={self.script.month}"
        self.console.print(
            f"{choose('看板', 'dashboard')}: {dashboard}{query}", highlight=False, soft_wrap=True
        )
        self.console.print(f"[yellow]{one_language(NOTICE)}[/yellow]", highlight=False)
        self.console.print(
            choose(
                "县区经办、初审、复核、财政、放行各角色均由演示代演",
                "the demo plays the people too: county clerks, maker, checker, finance, approver, releaser",
            ),
            highlight=False,
        )
        self.console.print(
            f"{choose('数据目录：', 'data folder: ')}{self.home}", highlight=False, soft_wrap=True
        )

    @contextmanager
    def _dashboard(self, settings: Settings, ports: "MonthPorts", clock: "BusinessClock") -> Iterator[str]:
        from fundpool.console.dashboard.app import DashboardOptions, create_app
        from fundpool.console.dashboard.reading import MonthReader
        from fundpool.console.dashboard.server import answered_hosts, serving_in_background
        from fundpool.local_prefect.runs import run_url

        host = settings.dashboard_host
        options = DashboardOptions(
            run_url=partial(run_url, settings),
            notice=lambda: f"{SANDBOX_NOTICE}\n{NOTICE}",
            hosts=answered_hosts(host),
        )
        app = create_app(MonthReader(ports), clock, options)
        with ExitStack() as stack:
            wanted = settings.dashboard_port if self.port is None else self.port
            try:
                address = stack.enter_context(serving_in_background(app, host, wanted))
            except InputError:
                if self.port is not None:
                    raise
                # The usual port is taken, and the person named none: any free one will do.
                address = stack.enter_context(serving_in_background(app, host, 0))
            yield address

    def _play(
        self, prefect: "LocalPrefect", ports: "MonthPorts", position: "Position", *, clock: "BusinessClock"
    ) -> None:
        from fundpool.console.commands.sandbox_bank import ask
        from fundpool.console.demo.people import ScriptedPeople
        from fundpool.console.demo.play import Play
        from fundpool.console.demo.telling import Narrator

        settings = Settings()
        self.console.print(f"Prefect: {prefect.ui_url}", highlight=False)
        narrator = Narrator(self.console, self.script, ports.policies.city(self.script.city))
        people = ScriptedPeople(settings, ports, self.script, folder=self.folder)
        with narrator.progress:
            # A tick that an ended demo left may still start steps: the acts that follow need them done.
            prefect.finish_open_runs()
            Play(
                script=self.script,
                people=people,
                ports=ports,
                runner=prefect,
                position=position,
                clock=clock,
                narrator=narrator,
                ask_bank=lambda method, path, document: ask(None, method, path, document=document),
            ).run()

    def _conclude(self, ports: "MonthPorts", clock: "BusinessClock", bank: str) -> "Summary":
        from fundpool.console.commands.sandbox_bank import ask
        from fundpool.console.demo.people import ScriptedPeople
        from fundpool.console.demo.summary import summarise
        from fundpool.console.demo.telling import names_of_funds, print_summary
        from fundpool.console.output import print_json

        script = self.script
        summary = summarise(
            ports, script.city, script.month, now=clock.now, bank_book=ask(bank, "GET", "/sandbox/book")
        )
        reports = ScriptedPeople(Settings(), ports, script, folder=self.folder).written_reports()
        if self.as_json:
            files = [str(file) for file in sorted(reports.glob("*"))]
            print_json({**asdict(summary), "ok": summary.is_sound, "reports": files})
        print_summary(self.console, summary, reports, funds=names_of_funds(ports.policies.city(script.city)))
        return summary

    def _serve_on(self, ports: "MonthPorts", clock: "BusinessClock") -> None:
        from fundpool.console.demo.log_ins import open_log_ins

        people, password = open_log_ins(ports, self.script, self.home / "log-ins", now=clock.now)
        self.console.print(
            choose(
                "演示完毕。看板继续打开，Ctrl-C 结束",
                "the month is over; the dashboard stays open, Ctrl-C stops it",
            ),
            highlight=False,
        )
        names = ", ".join(f"{name} ({role})" for name, role in people.items())
        self.console.print(
            choose(
                f"登录看板，从这里接着办；口令均为 {password}：{names}",
                f"log in to the dashboard and go on from here; everybody's password is {password}: {names}",
            ),
            highlight=False,
            soft_wrap=True,
        )
        try:
            threading.Event().wait()
        except (KeyboardInterrupt, SystemExit):
            self.console.print(choose("已停止", "stopped"))


_CHOSEN = frozenset({"FUNDPOOL_DASHBOARD_PORT", "FUNDPOOL_POLICY_DIR"})
"""What a demo takes from the environment."""


def _settings_of_demo(home: Path, policy_dir: Path | None) -> dict[str, str | None]:
    """The demo's own settings, whatever the real ones are: its data never mixes with real data, and nobody is told."""
    ours: dict[str, str | None] = {
        **{name: None for name in os.environ if name.startswith("FUNDPOOL_") and name not in _CHOSEN},
        "FUNDPOOL_CONFIG": "",
        "CREDENTIALS_DIRECTORY": None,
        "FUNDPOOL_HOME": str(home),
        "FUNDPOOL_LANGUAGE": language(),
        "FUNDPOOL_DASHBOARD_NOTICE": NOTICE,
    }
    return ours if policy_dir is None else {**ours, "FUNDPOOL_POLICY_DIR": str(policy_dir.resolve())}


def _remove(home: Path) -> None:
    """Remove a demo's data, and nothing that is not a demo's."""
    if not home.exists():
        return
    if not (home / "demo.json").exists() and any(home.iterdir()):
        raise InputError(
            "not_a_demo",
            f"{home} 里有不是演示的数据，不删除",
            f"{home} holds data that is no demo; nothing is removed",
            remedy="--home DIR",
        )
    shutil.rmtree(home)
