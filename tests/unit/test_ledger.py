"""Double entry: what postings do to balances and what they may not do."""

from datetime import datetime

import pytest

from fundpool.domain.chart_of_accounts import AccountRef, AccountType, Flow
from fundpool.domain.errors import RuleViolation
from fundpool.domain.ledger import (
    Balance,
    Phase,
    Posting,
    Voucher,
    accounting_month,
    apply,
    canonical,
    check_flow,
    reversal_of,
    seal,
    seal_voucher,
)
from fundpool.domain.periods import SHANGHAI, Month

NOW = datetime(2026, 10, 8, 9, tzinfo=SHANGHAI)
FISCAL = AccountRef("taizhou", "employee", AccountType.FISCAL_ACCOUNT, "331000")
COUNTY = AccountRef("taizhou", "employee", AccountType.COUNTY_EXPENDITURE, "331002")
SUSPENSE = AccountRef("taizhou", "employee", AccountType.SUSPENSE, "331002")


def posting(phase: Phase = Phase.DIRECT, amount_fen: int = 100, **changes: object) -> Posting:
    fields: dict[str, object] = {
        "key": f"k/{phase}",
        "debit": COUNTY,
        "credit": FISCAL,
        "amount_fen": amount_fen,
        "flow": Flow.PAY_DIRECT,
        "phase": phase,
        "event_at": NOW,
        "resolves": "k/reserve" if phase in {Phase.POST, Phase.VOID} else None,
    }
    return Posting(**(fields | changes))  # type: ignore[arg-type]


def balances(posted_fen: int = 100) -> dict[AccountRef, Balance]:
    return {FISCAL: Balance(posted_fen), COUNTY: Balance(), SUSPENSE: Balance()}


def test_a_reserve_lowers_what_is_available_and_not_the_balance() -> None:
    held = balances()
    apply(held, [posting(Phase.RESERVE, 60)])
    assert (held[FISCAL].posted_fen, held[FISCAL].available_fen, held[COUNTY].posted_fen) == (100, 40, 0)


def test_posting_a_reserve_moves_the_money_and_frees_the_reserve() -> None:
    held = balances()
    apply(held, [posting(Phase.RESERVE, 60), posting(Phase.POST, 60)])
    assert (held[FISCAL].posted_fen, held[FISCAL].reserved_fen, held[COUNTY].posted_fen) == (40, 0, 60)


def test_voiding_a_reserve_leaves_everything_as_before() -> None:
    held = balances()
    apply(held, [posting(Phase.RESERVE, 60), posting(Phase.VOID, 60)])
    assert held == balances()


def test_what_is_reserved_cannot_be_reserved_again() -> None:
    with pytest.raises(RuleViolation, match=r"40\.00|0\.40") as caught:
        apply(balances(), [posting(Phase.RESERVE, 60), posting(Phase.RESERVE, 41, key="other")])
    assert caught.value.code == "exceeds_balance"


@pytest.mark.parametrize(("amount_fen", "allowed"), [(99, True), (100, True), (101, False)])
def test_an_account_can_be_emptied_and_not_overdrawn(amount_fen: int, *, allowed: bool) -> None:
    if allowed:
        apply(balances(), [posting(Phase.DIRECT, amount_fen)])
    else:
        with pytest.raises(RuleViolation):
            apply(balances(), [posting(Phase.DIRECT, amount_fen)])


def test_what_the_bank_has_done_is_booked_even_beyond_the_balance() -> None:
    held = balances(10)
    apply(held, [posting(Phase.DIRECT, 100, debit=SUSPENSE, flow=Flow.ANOMALY)])
    assert held[FISCAL].posted_fen == -90


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount_fen": 0}, "amount_not_positive"),
        ({"amount_fen": -5}, "amount_not_positive"),
        (
            {"debit": AccountRef("taizhou", "resident", AccountType.COUNTY_EXPENDITURE, "331002")},
            "funds_mixed",
        ),
        (
            {"debit": AccountRef("suizhou", "employee", AccountType.COUNTY_EXPENDITURE, "331002")},
            "funds_mixed",
        ),
        ({"flow": Flow.ALLOCATE}, "illegal_flow"),
        ({"debit": FISCAL, "credit": COUNTY}, "illegal_flow"),
    ],
)
def test_an_illegal_posting_is_refused_by_name(changes: dict[str, object], code: str) -> None:
    with pytest.raises(RuleViolation) as caught:
        check_flow(posting(**changes))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_reversal_is_the_opposite_and_names_its_original() -> None:
    original = posting()
    back = reversal_of(original, NOW, "wrong county")
    assert (back.debit, back.credit, back.reverses) == (FISCAL, COUNTY, original.key)
    check_flow(back)


@pytest.mark.parametrize("phase", [Phase.RESERVE, Phase.VOID])
def test_what_moved_nothing_cannot_be_reversed(phase: Phase) -> None:
    with pytest.raises(RuleViolation) as caught:
        reversal_of(posting(phase), NOW, "")
    assert caught.value.code == "not_reversible"


def test_a_reversal_cannot_be_reversed() -> None:
    with pytest.raises(RuleViolation):
        reversal_of(reversal_of(posting(), NOW, ""), NOW, "")


def test_late_data_of_a_closed_month_is_booked_in_the_next_open_one_and_says_so() -> None:
    closed = frozenset({Month(2026, 10), Month(2026, 11)})
    assert accounting_month(NOW, closed) == (Month(2026, 12), Month(2026, 10))
    assert accounting_month(NOW, frozenset()) == (Month(2026, 10), None)


def test_the_month_of_an_event_is_that_of_shanghai() -> None:
    last_evening_utc = datetime.fromisoformat("2026-09-30T17:00:00+00:00")
    assert accounting_month(last_evening_utc, frozenset())[0] == Month(2026, 10)


@pytest.mark.parametrize(
    ("left", "right"), [(("ab", "c"), ("a", "bc")), ((None,), ("",)), ((1, 23), (12, 3)), (("-",), (None,))]
)
def test_fields_that_run_together_seal_differently(
    left: tuple[object, ...], right: tuple[object, ...]
) -> None:
    assert canonical(left) != canonical(right)
    assert seal("", left, ()) != seal("", right, ())


def test_a_voucher_is_sealed_as_the_books_of_the_first_version_were() -> None:
    # A stored hash is compared with what we would compute now: other bytes would call old books altered.
    item = AccountRef("taizhou", "employee", AccountType.FUND_EXPENDITURE, "331002", "inpatient")
    october, november = Month(2026, 10), Month(2026, 11)
    before = datetime.fromisoformat("2026-09-30T17:00:00+00:00")
    moment = datetime(2026, 10, 15, 9, 30, tzinfo=SHANGHAI)
    way = (COUNTY, FISCAL, 12345, Flow.PAY_DIRECT)
    entries = [
        (
            Posting("transfer/k/reserve", *way, Phase.RESERVE, moment, attempt_key="k", memo="拨付 10 月"),
            None,
        ),
        (
            Posting(
                "transfer/k/post",
                *way,
                Phase.POST,
                moment,
                resolves="transfer/k/reserve",
                attempt_key="k",
            ),
            None,
        ),
        (Posting("s", item, COUNTY, 7, Flow.SPEND, Phase.DIRECT, before), october),
        (
            Posting(
                "s/reversal", COUNTY, item, 7, Flow.SPEND, Phase.DIRECT, moment, reverses="s", memo="误记"
            ),
            october,
        ),
    ]
    lines = [(entry, november if adjusts else october, adjusts) for entry, adjusts in entries]
    header = Voucher("taizhou", "employee", 7, moment, "甲", len(lines), "ab" * 32, "")
    sealed = "ee6693585a10bcc7aee293a08eac1b806abcb70db0f73c75f5e3c3eca8c8eb44"
    assert seal_voucher(header, lines) == sealed
