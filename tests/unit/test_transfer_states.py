"""Obligations and attempts: every arrow, and every arrow that must not be drawn."""

from datetime import UTC, date, datetime, timedelta

import pytest

from fundpool.domain.chart_of_accounts import AccountType
from fundpool.domain.errors import RuleViolation
from fundpool.domain.periods import Month
from fundpool.domain.transfer import (
    ATTEMPT_ARROWS,
    LEAVES_ROOM,
    LIVE,
    OBLIGATION_ARROWS,
    Attempt,
    AttemptState,
    BatchLine,
    Event,
    GatewayTerms,
    Hop,
    NotFoundVerdict,
    ObligationState,
    PaymentOrder,
    attempt_key,
    batch_digest,
    check_obligation_arrow,
    fence_proves_absence,
    final_days,
    judge_not_found,
    may_send,
    next_attempt_state,
    query_pause,
    resend_until,
)

T0 = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
TERMS = GatewayTerms()
S, E, Owed = AttemptState, Event, ObligationState


def attempt(state: AttemptState = S.UNKNOWN, **changes: object) -> Attempt:
    fields: dict[str, object] = dict.fromkeys(Attempt.__slots__)
    fields |= {
        "id": 1,
        "obligation_id": 1,
        "attempt_no": 1,
        "key": "k",
        "state": state,
        "version": 1,
        "amount_fen": 100,
        "request": b"{}",
        "prepared_at": T0,
        "valid_until": T0 + TERMS.resend_span,
        "first_sent_at": T0,
        "last_sent_at": T0,
        "resend_until": resend_until(T0, TERMS),
        "worker_epoch": 1,
        "was_unknown": False,
        "times_asked": 0,
    }
    return Attempt(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [E.UNCLEAR, E.LEASE_OVER])
def test_a_sent_order_without_an_answer_is_unknown_and_never_failed(event: Event) -> None:
    assert next_attempt_state(S.SENDING, event) is S.UNKNOWN


@pytest.mark.parametrize("state", list(S))
def test_only_the_bank_or_a_fence_ends_an_attempt(state: AttemptState) -> None:
    ends = {
        event
        for event in E
        if next_attempt_state(state, event) in {S.REJECTED, S.CLOSED} and state is not S.CLOSED
    }
    assert ends <= {E.REJECTED, E.CLOSED, E.NEVER_SENT}


@pytest.mark.parametrize("state", [S.SUCCEEDED, S.PARTLY_RETURNED, S.RETURNED, S.ANOMALY])
def test_an_executed_order_never_becomes_anything_that_leaves_room_for_another(state: AttemptState) -> None:
    for event in E:
        assert next_attempt_state(state, event) not in LEAVES_ROOM | (LIVE - {S.SUCCEEDED, S.PARTLY_RETURNED})


@pytest.mark.parametrize("state", [S.REJECTED, S.CLOSED])
def test_a_late_success_of_an_ended_order_is_an_anomaly(state: AttemptState) -> None:
    assert next_attempt_state(state, E.SUCCEEDED) is S.ANOMALY


@pytest.mark.parametrize("state", [state for state in S if state is not S.PREPARED])
def test_only_a_prepared_order_can_be_claimed_for_sending(state: AttemptState) -> None:
    assert next_attempt_state(state, E.CLAIM) is None


def test_withdrawing_unsent_is_drawn_from_prepared_only() -> None:
    assert [before for (before, event) in ATTEMPT_ARROWS if event is E.NEVER_SENT] == [S.PREPARED]


def test_sent_orders_return_to_prepared_only_by_a_not_found_that_was_waited_for() -> None:
    back = {(before, event) for (before, event), after in ATTEMPT_ARROWS.items() if after is S.PREPARED}
    assert back == {(S.UNKNOWN, E.NOT_FOUND_AGAIN)}


def test_every_state_can_be_reached_from_prepared() -> None:
    reached = {S.PREPARED}
    while True:
        more = {after for (before, _), after in ATTEMPT_ARROWS.items() if before in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(S)


def test_a_settled_obligation_never_goes_back_to_where_it_could_be_sent() -> None:
    assert {after for before, after in OBLIGATION_ARROWS if before is Owed.SETTLED} == {
        Owed.RETURNED,
        Owed.PARTLY_RETURNED,
        Owed.HELD,
    }


def test_a_failed_obligation_is_sent_again_only_through_a_persons_approval() -> None:
    assert Owed.IN_FLIGHT not in {after for before, after in OBLIGATION_ARROWS if before is Owed.FAILED}
    assert (Owed.FAILED, Owed.RETRY_APPROVED) in OBLIGATION_ARROWS


def test_a_forbidden_change_of_an_obligation_names_both_states() -> None:
    with pytest.raises(RuleViolation, match=r"settled.*released") as caught:
        check_obligation_arrow(Owed.SETTLED, Owed.RELEASED, "k")
    assert caught.value.code == "illegal_state_change"


def test_the_key_depends_on_the_obligation_and_the_attempt_number_alone() -> None:
    assert attempt_key("taizhou/2026-10/x", 1) == attempt_key("taizhou/2026-10/x", 1)
    assert attempt_key("taizhou/2026-10/x", 1) != attempt_key("taizhou/2026-10/x", 2)
    assert attempt_key("taizhou/2026-10/x", 1) != attempt_key("taizhou/2026-10/y", 1)
    assert len(attempt_key("x", 1)) == 36


def test_the_key_is_the_one_that_earlier_versions_computed() -> None:
    # A change here would make restored or upgraded books ask about other orders than they sent.
    assert attempt_key("taizhou/2026-10/employee/1", 1) == "f1ecaae6-6fda-54df-abb0-06bc906a77dd"


def test_the_obligation_key_tells_application_revision_and_hop_apart() -> None:
    hop = Hop(AccountType.FISCAL_ACCOUNT, AccountType.COUNTY_EXPENDITURE)
    order = PaymentOrder("taizhou", "employee", Month(2026, 10), hop, "331000", "331002", 5)
    others = [
        PaymentOrder("taizhou", "employee", Month(2026, 10), hop, "331000", "331002", 5, application=2),
        PaymentOrder("taizhou", "employee", Month(2026, 10), hop, "331000", "331002", 5, revision=2),
        PaymentOrder("taizhou", "resident", Month(2026, 10), hop, "331000", "331002", 5),
        PaymentOrder("taizhou", "employee", Month(2026, 11), hop, "331000", "331002", 5),
        PaymentOrder("taizhou", "employee", Month(2026, 10), hop, "331000", "331003", 5),
    ]
    assert len({order.key, *(other.key for other in others)}) == 6


def test_not_found_inside_the_settle_window_waits() -> None:
    now = T0 + TERMS.settle_window - timedelta(seconds=1)
    assert judge_not_found(attempt(), now, TERMS) is NotFoundVerdict.WAIT


def test_not_found_after_the_settle_window_sends_the_same_key_again() -> None:
    assert judge_not_found(attempt(), T0 + TERMS.settle_window, TERMS) is NotFoundVerdict.RESEND


def test_not_found_after_the_resend_window_fences_the_key() -> None:
    assert judge_not_found(attempt(), resend_until(T0, TERMS), TERMS) is NotFoundVerdict.FENCE


def test_the_resend_window_ends_before_the_bank_may_forget_the_key() -> None:
    assert resend_until(T0, TERMS) + TERMS.max_network_delay < T0 + TERMS.key_retention


@pytest.mark.parametrize(
    ("late", "allowed"), [(timedelta(seconds=-1), True), (timedelta(0), False), (timedelta(days=9), False)]
)
def test_the_resend_window_is_checked_when_sending_not_only_when_deciding(
    late: timedelta, *, allowed: bool
) -> None:
    prepared = attempt(S.PREPARED, valid_until=T0 + timedelta(days=99))
    assert may_send(prepared, resend_until(T0, TERMS) + late) is allowed


@pytest.mark.parametrize(("age", "proves"), [(timedelta(days=6), True), (timedelta(days=7), False)])
def test_a_fence_proves_absence_only_while_the_bank_remembers_the_key(
    age: timedelta, *, proves: bool
) -> None:
    """Found by a schedule: a key executed, forgotten and then closed looked as if never executed."""
    assert fence_proves_absence(attempt(S.CLOSING), T0 + age, TERMS) is proves


def test_a_statement_fetched_on_its_own_day_proves_nothing() -> None:
    """Found by a schedule: the order was executed an hour after the day's statement was fetched."""
    day = date(2026, 10, 8)
    shanghai_noon = datetime(2026, 10, 8, 4, tzinfo=UTC)
    fetched = {day: shanghai_noon, day + timedelta(days=1): shanghai_noon + timedelta(days=3)}
    assert final_days(fetched, TERMS) == {day + timedelta(days=1)}


def test_bytes_past_their_validity_are_not_sent() -> None:
    fresh = attempt(S.PREPARED, first_sent_at=None, resend_until=None, valid_until=T0)
    assert not may_send(fresh, T0)


@pytest.mark.parametrize("state", [state for state in S if state is not S.PREPARED])
def test_only_prepared_bytes_may_leave(state: AttemptState) -> None:
    assert not may_send(attempt(state), T0)


def test_a_lease_that_a_call_could_outlive_is_refused() -> None:
    with pytest.raises(ValueError, match="lease"):
        GatewayTerms(lease_margin=timedelta(seconds=44))


def test_questions_are_repeated_ever_more_slowly_up_to_an_hour() -> None:
    pauses = [query_pause(n, TERMS) for n in range(40)]
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=60)


LINE = BatchLine("o1", 100, "A", 1, "B", 1, "payee")


@pytest.mark.parametrize(
    "changed",
    [
        BatchLine("o1", 101, "A", 1, "B", 1, "payee"),
        BatchLine("o1", 100, "A2", 1, "B", 1, "payee"),
        BatchLine("o1", 100, "A", 2, "B", 1, "payee"),
        BatchLine("o1", 100, "A", 1, "B2", 1, "payee"),
        BatchLine("o1", 100, "A", 1, "B", 2, "payee"),
        BatchLine("o1", 100, "A", 1, "B", 1, "somebody else"),
        BatchLine("o2", 100, "A", 1, "B", 1, "payee"),
    ],
)
def test_any_change_of_payee_amount_or_account_changes_the_digest(changed: BatchLine) -> None:
    assert batch_digest("b", [LINE]) != batch_digest("b", [changed])


def test_the_digest_covers_who_is_in_the_batch_but_not_the_order_of_reading() -> None:
    other = BatchLine("o2", 5, "A", 1, "C", 1, "x")
    assert batch_digest("b", [LINE, other]) == batch_digest("b", [other, LINE])
    assert batch_digest("b", [LINE, other]) != batch_digest("b", [LINE])
    assert batch_digest("b", [LINE]) != batch_digest("c", [LINE])
