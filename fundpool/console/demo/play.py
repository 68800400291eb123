"""Playing a script on a business clock: the scheduler's ticks, the people's acts, the operator's reruns."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundpool.console.demo.people import ScriptedPeople
from fundpool.console.demo.script import Act, Moment, Script
from fundpool.domain.errors import InputError, RuleViolation, ServiceUnavailable
from fundpool.domain.transfer import attempt_key
from fundpool.services.oversight.status import step_states
from fundpool.services.ports.work import MonthPorts, Work

if TYPE_CHECKING:
    from fundpool.console.demo.telling import Narrator
    from fundpool.local_prefect.runs import FlowRunResult, LocalPrefect


@dataclass
class BusinessClock:
    """The clock of the demo; the dashboard reads it too."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Position:
    """How far the play has come, so that a killed demo carries on where it was.

    Written after each act: an act that was cut short is played again, which changes nothing that
    was done.
    """

    def __init__(self, home: Path, script: Script) -> None:
        self._file = home / "demo.json"
        self._city = script.city
        self._script = sha256(script.model_dump_json().encode()).hexdigest()

    def claim(self) -> None:
        """Take ``home`` for this play. Raises InputError when other data or another play is there."""
        home = self._file.parent
        if self._file.exists():
            known = json.loads(self._file.read_text())
            if (known["city"], known["script"]) != (self._city, self._script):
                raise InputError(
                    "demo_changed",
                    f"{home} 里是另一场演示（{known['city']}，或剧本已修改）",
                    f"{home} holds another demo ({known['city']}, or its script has changed since)",
                    remedy="fundpool demo --fresh，或换一个 --home / or another --home",
                )
        elif home.exists() and any(home.iterdir()):
            raise InputError(
                "not_a_demo",
                f"{home} 里有不是演示的数据，演示不与真实数据混用",
                f"{home} holds data that is no demo; a demo never mixes with real data",
                remedy="换一个空目录 / choose an empty folder: --home DIR",
            )
        else:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.reach(0)

    @property
    def done(self) -> int:
        """How many acts are done."""
        return int(json.loads(self._file.read_text())["done"])

    def reach(self, done: int) -> None:
        """Remember that ``done`` acts are done; a reader sees the old or the new file, never half."""
        state = {"city": self._city, "script": self._script, "done": done}
        fresh = self._file.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)


class Play:
    """One script on its way from the set-up to the filing."""

    def __init__(
        self,
        *,
        script: Script,
        people: ScriptedPeople,
        ports: MonthPorts,
        runner: "LocalPrefect",
        position: Position,
        clock: BusinessClock,
        narrator: "Narrator",
        ask_bank: Callable[[str, str, dict[str, Any]], Any],
    ) -> None:
        self._script = script
        self._people = people
        self._ports = ports
        self._runner = runner
        self._position = position
        self._clock = clock
        self._narrator = narrator
        self._ask_bank = ask_bank

    def run(self) -> None:
        """Play what is left of the script. Raises FundpoolError when a step fails that should not."""
        done = self._position.done
        moments = list(self._script.moments())
        before = moments[done - 1].at.date() if done else None
        self._narrator.advance(done)
        for number, moment in enumerate(moments[done:], start=done + 1):
            self._clock.now = moment.at
            if moment.at.date() != before:
                quiet = 0 if before is None else (moment.at.date() - before).days - 1
                self._narrator.day(moment.at, quiet)
                before = moment.at.date()
            self._narrator.act(moment.at, moment.act)
            self._perform(moment)
            self._position.reach(number)
            self._narrator.advance(number)

    def _perform(self, moment: Moment) -> None:
        act, as_of = moment.act, moment.at.isoformat()
        city, month = self._script.city, str(self._script.month)
        if act.do == "tick":
            self._judge(act, self._runner.run_tick(as_of=as_of, cities=[city], months=[month]))
            # A tick starts nothing twice: what failed when the last demo ended is the operator's to retrigger.
            for step, state in step_states(self._ports, city, self._script.month).items():
                if state == "failed":
                    self._judge(act, self._runner.run_step(step, city, month, county=None, as_of=as_of))
        elif act.do == "run":
            assert act.step
            if act.fault is not None:
                self._make_fault(act)
            self._judge(
                act, self._runner.run_step(act.step, city=city, month=month, county=act.county, as_of=as_of)
            )
        else:
            self._people.act(act, moment.at)

    def _judge(self, act: Act, result: "FlowRunResult") -> None:
        """Show how the run ended. Raises FundpoolError when it failed and the script did not mean it to, or the other way."""
        for run in result.runs or (result,):
            self._narrator.run(run)
        failed = [run for run in (result, *result.runs) if not run.is_completed]
        if failed and not act.fails:
            raise ServiceUnavailable(
                "demo_step_failed",
                f"{failed[0].name} 未完成：{failed[0].message}",
                f"{failed[0].name} did not succeed: {failed[0].message}",
                remedy="再次运行同一命令即从此处继续 / run the same command again: it carries on from here",
            )
        if act.fails and not failed:
            raise RuleViolation(
                "demo_out_of_step",
                f"{result.name}：剧本中这一步应失败，却完成了",
                f"{result.name}: the script means this run to fail, and it did not",
            )

    def _make_fault(self, act: Act) -> None:
        """Switch the fault on for the first attempt of the county's transfer over the step's hop."""
        fault, step = act.fault, act.step
        assert fault
        assert step
        city, month = self._script.city, self._script.month

        def keys(work: Work) -> list[str]:
            return [
                attempt_key(obligation.key, 1)
                for hop in self._people.hops_of(step)
                for obligation in work.payments.obligations(city=city, month=month, fund=fault.fund, hop=hop)
                if obligation.unit == fault.county
            ]

        for key in self._ports.database.read(keys):
            self._ask_bank(
                "POST", "/sandbox/faults", {"fault": fault.name, "key": key, "call": "submit", "times": 1}
            )
