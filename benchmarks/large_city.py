"""A city of any number of counties in the middle of its work, with everything its pages can show.

October is paid and its reports are in; the plans of December wait for the reviewer. One county in ten has filed a plan
above its budget, one in twenty a wrong sum, and one in twenty nothing. For the benchmark of the pages, and the tests that hold what each page may cost.
"""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from benchmarks.national_month import MONTH, NationCity, nation_ports
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import limits_of
from fundpool.domain.periods import Month
from fundpool.domain.policy import PolicyLibrary, Unit
from fundpool.services.ports.work import MonthPorts
from fundpool.settings import Settings
from tests.integration.month_scene import at

NOW = at("2026-11-12 12:00")
PAID, OPEN = MONTH, Month(2026, 12)
"""The month whose money is paid and spent, and the one whose plans are under review."""


class LargeCity(NationCity):
    """The amounts repeat every nine counties, so that none exceeds its budget."""

    def place(self, county: str) -> int:
        return super().place(county) % 9 + 1


def large_city(home: Path, counties: int) -> MonthPorts:
    """One invented city under Taizhou's rules in an installation of its own at ``home``."""
    ports = nation_ports(home, 1)
    policy = replace(ports.policies.cities[0], register=invented_register(counties), division_code="990000")
    library = PolicyLibrary((policy,))
    ports.database.limits = limits_of(Settings(home=home), library)  # type: ignore[attr-defined]
    _without_waiting(ports)
    city = LargeCity(replace(ports, policies=library), home, policy.key)
    city.found()
    _play_paid_month(city)
    city.month = OPEN
    _play_open_month(city)
    return city.ports


def _without_waiting(ports: MonthPorts) -> None:
    """Commits that do not wait for the disk: playing is not measured, and the pages only read."""
    assert isinstance(ports.database, SqlTransactions)
    engine = ports.database.database.engine
    engine.dispose()
    if ports.database.database.is_sqlite:
        event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous = OFF"))


def _play_paid_month(city: LargeCity) -> None:
    city.arrive()
    city.run("plan-collection", at("2026-09-14 16:00"))
    city.run("plan-review", at("2026-09-14 16:30"))
    city.decide(at("2026-09-15 10:00"))
    city.run("funds-application", at("2026-09-15 11:00"))
    city.review_by_finance(at("2026-09-16 09:00"))
    for step in ("disbursement", "allocation"):
        city.run(step, at("2026-09-30 10:00"))
        city.authorise(step, at("2026-09-30 10:30"))
        city.run(step, at("2026-09-30 11:00"))
    city.run("reconciliation", at("2026-09-30 12:00"))
    city.run("expenditure-reporting", at("2026-11-10 16:00"))


def _play_open_month(city: LargeCity) -> None:
    for number, county in enumerate(city.counties):
        if number % 20 == 3:
            continue
        changes = _OVER_BUDGET if number % 10 == 5 else _WRONG_SUM if number % 20 == 7 else {}
        file = city.plan(county, **changes)
        city.drop(file, "plan")
        file.unlink()
    city.run("plan-collection", at("2026-11-12 11:00"))
    city.run("plan-review", at("2026-11-12 11:30"))


_OVER_BUDGET = {"inpatient_fen": 1_000_000_00}
_WRONG_SUM = {"requested_fen": 1_00}


def invented_register(counties: int) -> tuple[Unit, ...]:
    """So many counties."""
    return tuple(
        Unit(code=f"{990_000 + number}", kind="county", name_zh=f"虚构{number}县", name_en=f"County {number}")
        for number in range(1, counties + 1)
    )


def addresses(ports: MonthPorts) -> dict[str, str]:
    """Every page that shows the city, by its name: the fullest of its kind."""
    city = ports.policies.cities[0]
    county = city.units[5].code
    batches, orders = ports.database.read(
        lambda work: (
            work.payments.batches(city.key, PAID),
            work.payments.obligations(city=city.key, month=PAID),
        )
    )
    paid, under_way = f"city={city.key}&month={PAID}", f"city={city.key}&month={OPEN}"
    return {
        "board": f"/?{paid}",
        "board, under review": f"/?{under_way}",
        "board, a past day": f"/?{paid}&as_of=2026-09-30T10:45",
        "tasks": f"/tasks?{under_way}",
        "county": f"/counties/{county}?{paid}",
        "county desk": f"/desk/county?{under_way}&county={county}",
        "choice of a county": f"/desk/county?{under_way}",
        "review desk": f"/desk/review?{under_way}",
        "review desk, decided": f"/desk/review?{paid}",
        "review case": f"/desk/review/plan/{county}?{under_way}",
        "payment desk": f"/desk/payments?{paid}",
        "batch": f"/desk/payments/batches/{batches[-1].id}?{paid}",
        "payment": f"/desk/payments/orders/{orders[-1].id}?{paid}",
        "flow": f"/desk/payments/flow?{paid}",
        "balances": f"/balances?{paid}",
        "leader": f"/leader?{paid}",
        "audit": f"/audit?{paid}",
        "sample": f"/audit/sample?{paid}&seed=1",
        "findings": f"/findings?{under_way}",
        "transfers": f"/transfers?{paid}",
        "lineage": f"/lineage?{paid}&transfer={orders[-1].key}",
        "status": f"/api/status?{paid}",
    }
