"""October 2026 of Taizhou as it was played through the services: real files, real findings, real books.

Jiaojiang's plan carries markup as its file name and in an amount; Luqiao is late; Xianju never
files; the bank does not answer for one transfer.
"""

from pathlib import Path

from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.periods import Month
from fundpool.sandbox_bank.faults import Call
from tests.integration.month_scene import CityScene, at
from tests.sandbox import set_up_sandbox
from tests.seals import SEALS

OCTOBER = Month(2026, 10)
LAST_DAY = at("2026-10-09 10:00")
HOSTILE_NAME = "<img src=x onerror=document.title='owned'>.xlsx"
HOSTILE_AMOUNT = "<script>document.title='owned'</script>"
JIAOJIANG, LUQIAO, XIANJU = "331002", "331004", "331024"


def play_taizhou(folder: Path) -> CityScene:
    """Play from the counties' plans to the allocation in a fresh SQLite database."""
    database = Database(f"sqlite:///{folder / 'fundpool.db'}")
    set_up_sandbox(database)
    scene = CityScene(SqlTransactions(database, SEALS), folder, "taizhou", OCTOBER)
    hostile = scene.plan(JIAOJIANG, inpatient_fen=HOSTILE_AMOUNT)
    hostile = hostile.rename(hostile.with_name(HOSTILE_NAME))
    scene.submit(hostile, "plan", at("2026-09-22 09:00"))
    scene.run("plan-collection", at("2026-09-22 16:00"))
    for county in scene.counties:
        if county not in {LUQIAO, XIANJU}:
            scene.submit(scene.plan(county), "plan", at("2026-09-24 15:02"))
    scene.submit(scene.plan(LUQIAO), "plan", at("2026-09-26 08:40"))
    scene.run("plan-collection", at("2026-09-27 07:00"))
    scene.run("plan-review", at("2026-09-27 07:10"))
    scene.decide(at("2026-09-28 10:00"), *(county for county in scene.counties if county != XIANJU))
    scene.run("funds-application", at("2026-09-30 09:00"))
    scene.review_by_finance(at("2026-09-30 10:00"))
    scene.run("disbursement", at("2026-09-30 14:00"))
    scene.authorise("disbursement", at("2026-09-30 14:10"))
    scene.run("disbursement", at("2026-09-30 14:20"))
    scene.run("allocation", at("2026-10-09 09:00"))
    scene.authorise("allocation", at("2026-10-09 09:10"))
    scene.gateway.plan.add("silence_after")
    scene.gateway.plan.add("silence_after", call=Call.QUERY)
    scene.run("allocation", at("2026-10-09 09:20"))
    return scene
