"""Opening balances: no date may find an account below nil, whichever of opening and payment comes first."""

from pathlib import Path

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountRef, AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.outcomes import UnitState
from fundpool.domain.periods import Month
from fundpool.services.books import booking
from fundpool.services.oversight import records
from tests.integration.month_scene import FISCAL_FEN, CityScene, at

OCTOBER, SEPTEMBER, AUGUST = Month(2026, 10), Month(2026, 9), Month(2026, 8)


@pytest.fixture
def city(transactions: SqlTransactions, tmp_path: Path) -> CityScene:
    """Suizhou with its plans decided and reviewed by finance: the fiscal account is to pay in September."""
    scene = CityScene(transactions, tmp_path, "suizhou", OCTOBER, judges=False)
    for county in scene.counties:
        scene.submit(scene.plan(county), "plan", at("2026-09-09 10:00"))
    for step in ("plan-collection", "plan-review"):
        scene.run(step, at("2026-09-10 09:00"))
    scene.decide(at("2026-09-11 09:00"))
    scene.run("funds-application", at("2026-09-18 09:00"))
    scene.review_by_finance(at("2026-09-21 09:00"))
    return scene


def fiscal(scene: CityScene, fund: str) -> AccountRef:
    return AccountRef(scene.policy.key, fund, AccountType.FISCAL_ACCOUNT, unit=scene.policy.division_code)


def take_back_openings(scene: CityScene, now: str) -> None:
    """Reverse the openings of the fiscal accounts, as the person does who recorded them for a wrong month."""
    for fund in scene.funds:
        scene.ports.database.transaction(
            lambda work, fund=fund: booking.reverse(
                work, f"opening/{fiscal(scene, fund)}", reason="误记", by="乙", event_at=at(now), now=at(now)
            )
        )


def bring_in(scene: CityScene, month: Month, now: str) -> int:
    rows = [
        records.OpeningRow("fiscal_account", scene.policy.division_code, fund, FISCAL_FEN)
        for fund in scene.funds
    ]
    return records.record_openings(
        scene.ports, city=scene.policy.key, month=month, rows=rows, by="甲", now=at(now)
    )


def authorise(scene: CityScene) -> None:
    scene.run("disbursement", at("2026-09-28 09:00"))
    scene.authorise("disbursement", at("2026-09-28 09:30"))


def test_nothing_is_paid_before_the_day_of_an_opening_and_its_month_can_be_mended(city: CityScene) -> None:
    take_back_openings(city, "2026-09-01 09:00")
    assert bring_in(city, SEPTEMBER, "2026-09-02 09:00") == 2
    authorise(city)
    report = city.run("disbursement", at("2026-09-28 10:00"))
    assert {(each.state, each.error_code) for each in report.outcomes} == {
        (UnitState.FAILED, "opening_ahead")
    }
    assert "2026-09-30" in report.outcomes[0].detail_zh
    assert city.executed_fen() == {}

    ref = fiscal(city, "employee")
    for fund in city.funds:
        key = f"opening/{fiscal(city, fund)}/2"
        city.ports.database.transaction(
            lambda work, key=key: booking.reverse(
                work, key, reason="误记", by="乙", event_at=at("2026-09-28 11:00"), now=at("2026-09-28 11:00")
            )
        )
    assert bring_in(city, AUGUST, "2026-09-28 12:00") == 2
    assert bring_in(city, AUGUST, "2026-09-28 12:00") == 0
    report = city.run("disbursement", at("2026-09-28 13:00"))
    assert {each.state for each in report.outcomes} == {UnitState.DONE}
    for moment in ("2026-09-28 12:59", "2026-09-29 09:00", "2026-09-30 23:59", "2026-10-01 09:00"):
        held = city.ports.database.read(
            lambda work, moment=moment: booking.balances(work, "suizhou", event_until=at(moment))
        )
        assert next(each.posted_fen for each in held if each.ref == ref) >= 0, moment


def test_an_opening_for_a_month_after_money_had_left_is_refused(city: CityScene) -> None:
    take_back_openings(city, "2026-09-01 09:00")
    city.ports.database.transaction(
        lambda work: booking.open_balances(
            work,
            [(fiscal(city, fund), FISCAL_FEN // 2) for fund in city.funds],
            by="甲",
            event_at=at("2026-09-01 09:00"),
            now=at("2026-09-02 09:00"),
        )
    )
    authorise(city)
    city.run("disbursement", at("2026-09-28 10:00"))
    paid_fen = city.executed_fen()
    for fund in city.funds:  # more than is left: what was paid in September now stands uncovered
        key = f"opening/{fiscal(city, fund)}/2"
        city.ports.database.transaction(
            lambda work, fund=fund: booking.book_incomes(
                work,
                [
                    booking.Income(
                        into=fiscal(city, fund),
                        source="other",
                        amount_fen=FISCAL_FEN,
                        reference="垫付",
                        received_at=at("2026-10-09 09:00"),
                    )
                ],
                by="甲",
                now=at("2026-10-09 09:00"),
            )
        )
        city.ports.database.transaction(
            lambda work, key=key: booking.reverse(
                work, key, reason="误记", by="乙", event_at=at("2026-09-20 09:00"), now=at("2026-10-09 09:00")
            )
        )
    with pytest.raises(RuleViolation) as refused:
        bring_in(city, SEPTEMBER, "2026-10-10 09:00")
    error = refused.value
    assert error.code == "opening_too_late"
    for said in (error.zh, error.en):
        assert "fiscal_account" in said
        assert "2026-09" in said
        assert "-" in said.split("421300", 1)[1]
    assert "openings import FILE --month 2026-08" in (error.remedy or "")
    before = city.ports.database.read(lambda work: booking.balances(work, "suizhou"))
    with pytest.raises(RuleViolation, match="money had left it before"):
        city.ports.database.transaction(
            lambda work: booking.open_balances(
                work,
                [(fiscal(city, "employee"), FISCAL_FEN)],
                by="甲",
                event_at=at("2026-10-10 09:00"),
                now=at("2026-10-10 09:00"),
            )
        )
    assert city.ports.database.read(lambda work: booking.balances(work, "suizhou")) == before
    bring_in(city, AUGUST, "2026-10-10 09:00")
    assert city.ports.database.read(lambda work: booking.balances(work, "suizhou")) != before
    assert city.executed_fen() == paid_fen
