"""Every act that needs two people refuses one person under another spelling."""

from collections.abc import Callable

import pytest

from fundpool.adapters.stores.work import SqlTransactions
from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import FundpoolError
from fundpool.services.payments import bank_accounts, batches, kill_switches, payment_decisions
from fundpool.services.ports.money_ports import AccountProposal
from fundpool.services.ports.work import Work
from tests.simulation.scene import CHECKER, CITY, COUNTIES, FUND, MAKER, NOW, RELEASER, Scene

SPELLINGS = {
    "a blank inside": lambda name: f"{name[:1]} {name[1:]}",
    "a wide blank": lambda name: f"{name}　",
    "a title": lambda name: f"{name}主任",
    "what he is called": lambda name: f"复核人{name}",
    "an invisible character": lambda name: f"{name[:1]}\u200b{name[1:]}",
    "a signature": lambda name: f"{name}（签字）",
    "a day": lambda name: f"{name} 2026-10-05",
    "a radical": lambda name: name.replace("一", "⼀"),
}


@pytest.fixture
def scene(transactions: SqlTransactions) -> Scene:
    """Payments that are ordered and wait for their approval."""
    made = Scene(transactions)
    made.ports.database.transaction(lambda work: batches.order_transfers(work, made.orders(), MAKER, now=NOW))
    return made


Act = Callable[[Work, str, str], object]
"""An act of a first and then of a second person, under the names given."""


def account(work: Work, first: str, second: str) -> object:
    number = AccountProposal(CITY, FUND, COUNTIES[0], AccountType.COUNTY_EXPENDITURE, "62999999", "户", "行")
    return bank_accounts.approve_account(
        work, bank_accounts.propose_account(work, number, first, now=NOW).id, second, now=NOW
    )


def batch(work: Work, first: str, second: str) -> object:
    made = work.payments.batches(CITY)[0]
    batches.approve_batch(work, made.id, batches.digest_of(work, made), checker=first, now=NOW)
    return batches.release_batch(work, made.id, second, now=NOW)


def restart(work: Work, first: str, second: str) -> object:
    kill_switches.stop_fund(work, CITY, FUND, reason="查", by=first, now=NOW)
    kill_switches.request_restart(work, CITY, FUND, by=first, now=NOW)
    return kill_switches.confirm_restart(work, CITY, FUND, by=second, now=NOW)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("act", [account, batch, restart])
def test_two_spellings_of_one_name_do_not_count_as_two_people(
    scene: Scene, act: Act, spelling: Callable[[str], str]
) -> None:
    with pytest.raises(FundpoolError) as refused:
        scene.ports.database.transaction(lambda work: act(work, "王一心", spelling("王一心")))
    assert refused.value.code in {"same_person", "person_not_a_name"}


@pytest.mark.parametrize("act", [account, batch, restart])
def test_two_different_people_are_accepted(scene: Scene, act: Act) -> None:
    scene.ports.database.transaction(lambda work: act(work, CHECKER, RELEASER))


@pytest.mark.parametrize("reason", ["", " ", "\u3000", "\u200b", "\u3164\t"])
def test_a_reason_without_a_visible_character_is_refused(scene: Scene, reason: str) -> None:
    (payment, *_) = scene.ports.database.read(lambda work: work.payments.obligations())
    acts = [
        lambda work: payment_decisions.cancel(work, payment.id, by=MAKER, reason=reason, now=NOW),
        lambda work: kill_switches.stop_fund(work, CITY, FUND, by=MAKER, reason=reason, now=NOW),
    ]
    for act in acts:
        with pytest.raises(FundpoolError) as refused:
            scene.ports.database.transaction(act)
        assert refused.value.code == "reason_missing"
    assert not scene.ports.database.read(lambda work: kill_switches.is_stopped(work, CITY, FUND))
