"""A synthetic nation: cities under the rules of three real ones, with invented registers and files.

Nothing here is a city's own code: each city is one of the shipped policies with another key, name
and register, and its month is played by the same scene that the tests play.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from fundpool.adapters.stores.setting_up import install
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports, limits_of
from fundpool.domain.periods import Month
from fundpool.domain.policy import CityPolicy, PolicyLibrary, Unit
from fundpool.sandbox_bank.bank_book import BankBook
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tests.integration.month_scene import FISCAL_FEN, CityScene, at
from tests.scripted_bank import ScriptedGateway

NATION_CITIES = 333
NATION_COUNTIES = 2844
PATTERNS = ("taizhou", "suizhou", "jiujiang")
MONTH = Month(2026, 10)

RunStep = Callable[[str, str], None]
"""Runs a step at a business time for every city: directly, or as tasks of Prefect."""

Act = tuple[str, ...]
"""What the people of a city do: a method of ``NationCity`` and its texts, the last of them the moment."""

People = Callable[[str, Act], None]
"""Lets the people of every city act; the first argument is the stage it is charged to."""


def nation_ports(home: Path, cities: int) -> MonthPorts:
    """The installation at ``home``, made when there is none, with the nation's policies and a bank in process.

    Its database is its own SQLite file or FUNDPOOL_DATABASE_URL.
    """
    settings = Settings(home=home)
    install(settings, sandbox=True).dispose()
    ports = build_ports(settings)
    book = BankBook()
    book.open_on_first_use(FISCAL_FEN)
    patterns = [ports.policies.city(key) for key in PATTERNS]
    nation = tuple(_invented(patterns[number % len(patterns)], number) for number in range(cities))
    library = PolicyLibrary(nation)
    assert isinstance(ports.database, SqlTransactions)
    ports.database.limits = limits_of(settings, library)
    return replace(ports, policies=library, gateway=ScriptedGateway(book))


def counties_of(number: int) -> int:
    """8 or 9 counties, so that 333 cities have 2,844."""
    return NATION_COUNTIES * (number + 1) // NATION_CITIES - NATION_COUNTIES * number // NATION_CITIES


def _invented(pattern: CityPolicy, number: int) -> CityPolicy:
    code = f"9{number:03d}"
    units = tuple(
        Unit(
            code=f"{code}{place:02d}",
            kind="county",
            name_zh=f"虚构{number}市{place}县",
            name_en=f"County {number}-{place}",
        )
        for place in range(1, counties_of(number) + 1)
    )
    return replace(
        pattern,
        key=f"city{number:03d}",
        name_zh=f"虚构{number}市",
        name_en=f"City {number}",
        division_code=f"{code}00",
        register=units,
        payment_path=tuple(replace(hop, only_units=()) for hop in pattern.payment_path),
    )


class NationCity(CityScene):
    """One city of the nation; all cities share one installation and one bank."""

    def __init__(self, ports: MonthPorts, folder: Path, city: str) -> None:
        self.move_in(ports, folder, city, MONTH)

    def arrive(self, model: "NationCity | None" = None) -> None:
        """Put every county's plan and report into the drop folder.

        The files are written by the template writer, or are those of ``model`` with this city's
        codes and names: a city of the same rules and funds, whose n-th county has the same amounts.
        """
        for county in self.counties:
            for document in ("plan", "report"):
                like = None if model is None else model.filed(document, self.place(county))
                if like is not None and model is not None:
                    self._file_like(like, model, document, county)
                    continue
                file = self.plan(county) if document == "plan" else self.report(county)
                self.drop(file, document)
                file.unlink()

    def filed(self, document: str, place: int) -> Path | None:
        """What the county at ``place`` of the register filed; None without such a county."""
        if place > len(self.counties):
            return None
        return self._inbox(document) / f"{document}-{self.counties[place - 1]}.xlsx"

    def _inbox(self, document: str) -> Path:
        return self.folder / "inbox" / self.policy.key / document

    def _file_like(self, like: Path, model: "NationCity", document: str, county: str) -> None:
        other = model.counties[self.place(county) - 1]
        swaps = {other.encode(): county.encode(), model.policy.name_zh.encode(): self.policy.name_zh.encode()}
        folder = self._inbox(document)
        folder.mkdir(parents=True, exist_ok=True)
        with (
            ZipFile(like) as read,
            ZipFile(folder / f"{document}-{county}.xlsx", "w", ZIP_DEFLATED) as written,
        ):
            for part in read.infolist():
                content = read.read(part)
                for found, put in swaps.items():
                    content = content.replace(found, put)
                written.writestr(part, content)


def act(city: NationCity, what: Act) -> None:
    """One city's people act."""
    name, *texts, moment = what
    getattr(city, name)(*texts, at(moment))


def play(run: RunStep, people: People) -> None:
    """One month of every city: the product's steps, and what people do between them."""
    run("plan-collection", "2026-09-14 16:00")
    run("plan-review", "2026-09-14 16:30")
    people("decide", ("decide", "2026-09-15 10:00"))
    run("funds-application", "2026-09-15 11:00")
    people("decide", ("review_by_finance", "2026-09-16 09:00"))
    for step in ("disbursement", "allocation"):
        run(step, "2026-09-30 10:00")
        people("book", ("authorise", step, "2026-09-30 10:30"))
        run(step, "2026-09-30 11:00")
    run("reconciliation", "2026-09-30 12:00")
    run("expenditure-reporting", "2026-11-10 16:00")
    run("report-filing", "2026-11-11 09:00")
    run("flags", "2026-11-11 10:00")
