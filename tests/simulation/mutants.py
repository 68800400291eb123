"""Deliberately broken variants of the money part: each must be caught by the schedules.

A harness that was not shown to fail proves nothing. Every mutant is one patch of the product's
own code, switched on only here.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from fundpool.adapters.banks import base
from fundpool.domain import transfer
from fundpool.domain.transfer import (
    ATTEMPT_ARROWS,
    AttemptState,
    Event,
    GatewayTerms,
    NotFoundVerdict,
    Obligation,
    ObligationState,
)
from fundpool.services.payments import (
    attempts,
    kill_switches,
    line_matching,
    orders,
    recovery,
    resolving,
    sending,
)
from fundpool.services.payments.attempts import Evidence, apply_event
from fundpool.services.ports.failpoints import failpoint
from fundpool.services.ports.gateway import GatewayAnswerKind
from schemas.payment_messages import TransferOrder

S, E = AttemptState, Event


@contextmanager
def _arrow(state: AttemptState, event: Event, after: AttemptState | None) -> Iterator[None]:
    changed = dict(ATTEMPT_ARROWS)
    if after is None:
        changed.pop((state, event))
    else:
        changed[state, event] = after
    with patch.dict(transfer.ATTEMPT_ARROWS, changed, clear=True):
        yield


def _answers_read_as_rejected(wanted: Callable[[str], bool]) -> Any:
    original = sending.record_result

    def mutated(work: Any, claimed: Any, answer: Any, *, now: Any, terms: Any) -> None:
        if answer.kind is GatewayAnswerKind.UNKNOWN and wanted(answer.reason or ""):
            answer = replace(answer, kind=GatewayAnswerKind.REJECTED)
        original(work, claimed, answer, now=now, terms=terms)

    return patch.object(sending, "record_result", mutated)


def timeout_is_failure() -> Any:
    return _answers_read_as_rejected(lambda reason: reason in {"timeout", "deadline", "connection_lost"})


def server_error_is_failure() -> Any:
    return _answers_read_as_rejected(lambda reason: reason.startswith("http_5"))


def crash_is_failure() -> Any:
    return _arrow(S.SENDING, E.LEASE_OVER, S.REJECTED)


def not_found_is_failure() -> Any:
    def mutated(work: Any, attempt: Any, now: Any, terms: Any) -> Any:
        return apply_event(
            work, attempt, E.REJECTED, evidence=Evidence("query", "not_found"), now=now, terms=terms
        )

    return patch.object(resolving, "_apply_not_found", mutated)


@contextmanager
def new_key_when_unclear() -> Iterator[None]:
    after = {**attempts._OBLIGATION_AFTER, S.CLOSED: ObligationState.RELEASED}
    with _arrow(S.SENDING, E.UNCLEAR, S.CLOSED), patch.object(attempts, "_OBLIGATION_AFTER", after):
        yield


@contextmanager
def random_keys() -> Iterator[None]:
    with (
        patch.object(orders, "attempt_key", lambda key, number: str(uuid.uuid4())),
        patch.object(sending, "follows_from_approval", lambda work, obligation, attempt: True),
    ):
        yield


@contextmanager
def resend_after_retention() -> Iterator[None]:
    def resend(attempt: Any, now: Any, terms: Any) -> NotFoundVerdict:
        return NotFoundVerdict.RESEND

    with (
        patch.object(sending, "may_send", lambda attempt, now: attempt.state is S.PREPARED),
        patch.object(resolving, "judge_not_found", resend),
    ):
        yield


class _EveryKey(frozenset[str]):
    def __contains__(self, key: object) -> bool:
        return True


def key_saved_after_the_call() -> Any:
    def mutated(ports: Any, gateway: Any, obligation_id: int, *, worker: str, clock: Any) -> Any:
        def all_at_once(work: Any) -> Any:
            attempt = sending._prepare(
                work, obligation_id, _EveryKey(), now=clock(), terms=ports.gateway_terms
            )
            if attempt is None:
                return None
            claimed = sending._claim(work, attempt.id, worker, now=clock(), terms=ports.gateway_terms)
            if claimed is None:
                return None
            order = replace(
                TransferOrder.from_body(claimed.request),
                key=str(uuid.uuid4()),
                end_to_end_id=str(uuid.uuid4()),
            )
            answer = gateway.submit(order, now=clock())
            sending.record_result(work, claimed, answer, now=clock(), terms=ports.gateway_terms)
            return answer

        return ports.database.transaction(all_at_once)

    return patch.object(sending, "send_one", mutated)


def no_deadline_before_the_call() -> Any:
    def mutated(ports: Any, gateway: Any, obligation_id: int, *, worker: str, clock: Any) -> Any:
        terms = ports.gateway_terms
        first = ports.database.transaction(
            lambda work: sending._prepare(work, obligation_id, None, now=clock(), terms=terms)
        )
        to_fence = first.to_fence if isinstance(first, sending._Questions) else None
        if to_fence is not None and not sending._fence(ports, gateway, to_fence, clock=clock):
            return None
        attempt = ports.database.transaction(
            lambda work: sending._prepare(work, obligation_id, _EveryKey(), now=clock(), terms=terms)
        )
        if attempt is None:
            return None
        claimed = ports.database.transaction(
            lambda work: sending._claim(work, attempt.id, worker, now=clock(), terms=terms)
        )
        if claimed is None:
            return None
        failpoint("before submit")
        answer = gateway.submit(TransferOrder.from_body(claimed.request), now=clock())
        failpoint("after submit")
        ports.database.transaction(
            lambda work: sending.record_result(work, claimed, answer, now=clock(), terms=terms)
        )
        return answer

    return patch.object(sending, "send_one", mutated)


@contextmanager
def no_check_after_restore() -> Iterator[None]:
    with (
        patch.object(recovery, "quarantine", lambda work, *, now, terms: 0),
        patch.object(recovery, "recover", lambda *_, **__: ()),
    ):
        yield


def callback_believed() -> Any:
    events = {
        "succeeded": E.SUCCEEDED,
        "rejected": E.REJECTED,
        "processing": E.PROCESSING,
        "returned": E.RETURNED,
    }

    def mutated(
        ports: Any, *, gateway: str, event_id: str, key: str, raw: bytes, now: Any, clock: Any = None
    ) -> bool:
        def act(work: Any) -> None:
            attempt = work.attempts.by_key(key)
            event = events.get(raw.decode())
            if attempt is not None and event is not None:
                apply_event(
                    work, attempt, event, evidence=Evidence("callback"), now=now, terms=ports.gateway_terms
                )

        ports.database.transaction(act)
        return True

    return patch.object(resolving, "receive_callback", mutated)


def late_success_ignored() -> Any:
    return _arrow(S.REJECTED, E.SUCCEEDED, None)


def processing_is_success() -> Any:
    return patch.dict(sending._SUBMIT_EVENTS, {GatewayAnswerKind.PROCESSING: (E.SUCCEEDED,)})


def any_echo_believed() -> Any:
    return patch.object(base, "_echoes", lambda order, document: True)


def no_fence_before_another_key() -> Any:
    return patch.object(sending, "must_be_fenced", lambda attempt: False)


def zombie_believed() -> Any:
    return patch.object(sending, "_is_same_claim", lambda attempt, claimed: True)


def unclear_is_sent_again_at_once() -> Any:
    return _arrow(S.SENDING, E.UNCLEAR, S.PREPARED)


def reserve_never_lifted() -> Any:
    original = attempts._book

    def mutated(work: Any, obligation: Any, attempt: Any, *, after: Any, evidence: Any, now: Any) -> None:
        if after not in {S.REJECTED, S.CLOSED}:
            original(work, obligation, attempt, after=after, evidence=evidence, now=now)

    return patch.object(attempts, "_book", mutated)


@contextmanager
def fence_always_believed() -> Iterator[None]:
    """A fence counts as proof of absence even when the bank has already forgotten the key."""
    with (
        patch.object(sending, "fence_proves_absence", lambda *_, **__: True),
        patch.object(resolving, "fence_proves_absence", lambda *_, **__: True),
    ):
        yield


def todays_statement_is_final() -> Any:
    return patch.object(orders, "final_days", lambda imported, terms: frozenset(imported))


def statement_dated_when_recorded() -> Any:
    original = resolving.match_statement

    def mutated(
        work: Any, account_no: str, day: Any, *, statement: Any, fetched_at: Any, now: Any, terms: Any
    ) -> Any:
        return original(work, account_no, day, statement=statement, fetched_at=now, now=now, terms=terms)

    return patch.object(resolving, "match_statement", mutated)


def absence_without_statements() -> Any:
    return patch.object(resolving, "require_statements", lambda *_, **__: None)


def only_the_next_key_after_restore() -> Any:
    return _keys_looked_for(1)


def five_keys_after_restore() -> Any:
    return _keys_looked_for(5)


@contextmanager
def _keys_looked_for(number: int) -> Iterator[None]:
    original = orders.possible_keys

    def mutated(obligation: Any, known: Any) -> Any:
        return original(obligation, known)[:number]

    with (
        patch.object(orders, "possible_keys", mutated),
        patch.object(sending, "possible_keys", mutated),
        patch.object(resolving, "possible_keys", mutated),
    ):
        yield


def attempts_without_end() -> Any:
    return patch.object(sending, "is_exhausted", lambda known: False)


def window_checked_only_when_deciding() -> Any:
    return patch.object(sending, "may_send", lambda attempt, now: attempt.state is S.PREPARED)


def not_found_sent_again_at_once() -> Any:
    original = resolving.judge_not_found

    def mutated(attempt: Any, now: Any, terms: Any) -> NotFoundVerdict:
        verdict = original(attempt, now, terms)
        return NotFoundVerdict.RESEND if verdict is NotFoundVerdict.WAIT else verdict

    return patch.object(resolving, "judge_not_found", mutated)


def kill_switch_ignored() -> Any:
    return patch.object(kill_switches, "is_stopped", lambda work, city, fund: False)


def return_of_a_lost_order_forgotten() -> Any:
    def mutated(work: Any, attempt: Any, standing: Any, now: Any, terms: Any) -> Any:
        return attempt

    return patch.object(line_matching, "_apply_returns", mutated)


@contextmanager
def restored_order_sent_again() -> Iterator[None]:
    """Either guard is enough: no order in question again, no start before everything is answered."""
    with _restored_windows_kept(), restart_before_recovery_is_finished():
        yield


def restart_before_recovery_is_finished() -> Any:
    return patch.object(kill_switches, "require_recovered", lambda work, city, fund: None)


def not_found_believed_at_once_after_restore() -> Any:
    return patch.object(GatewayTerms, "quiet_after_restore", timedelta())


def held_orders_not_queried_after_restore() -> Any:
    queried = tuple(each for each in recovery._MAY_HAVE_BEEN_SENT if each is not ObligationState.HELD)
    return patch.object(recovery, "_MAY_HAVE_BEEN_SENT", queried)


def claim_known_by_its_number_alone() -> Any:
    return patch.object(
        sending,
        "_is_same_claim",
        lambda attempt, claimed: attempt.worker_epoch == claimed.worker_epoch,
    )


def ordered_anew_without_asking() -> Any:
    return patch.object(sending, "orders_perhaps_lost", lambda work, obligation, now, terms: [])


def ended_orders_not_queried_after_restore() -> Any:
    return patch.object(recovery, "_orders_over", lambda work, obligation: [])


@contextmanager
def proof_of_an_earlier_life_kept() -> Iterator[None]:
    with ExitStack() as stack:
        for module in (sending, resolving, recovery):
            stack.enter_context(patch.object(module, "doubt_end", lambda work, attempt, now: attempt))
        yield


def _restored_windows_kept() -> Any:
    original = recovery.quarantine

    def mutated(work: Any, *, now: Any, terms: Any) -> int:
        open_ = [S.PREPARED, S.SENDING, S.UNKNOWN, S.ACCEPTED]
        windows = {
            attempt.id: attempt.resend_until or attempt.valid_until
            for attempt in work.attempts.in_states(open_)
        }
        stopped = original(work, now=now, terms=terms)
        for attempt_id, until in windows.items():
            work.attempts.change(work.attempts.get(attempt_id), resend_until=until)
        return stopped

    return patch.object(recovery, "quarantine", mutated)


def return_ignored() -> Any:
    return _arrow(S.SUCCEEDED, E.RETURNED, None)


def revisions_have_keys_of_their_own() -> Any:
    return patch.object(Obligation, "payment_key", property(lambda obligation: obligation.key))


@contextmanager
def earlier_revision_not_fenced() -> Iterator[None]:
    original, prepare = sending._is_over, sending._prepare

    def fences_its_own(work: Any, obligation_id: int, unknown_keys: Any, *, now: Any, terms: Any) -> Any:
        def key_to_fence(known: Any) -> Any:
            own = [each for each in known if each.obligation_id == obligation_id]
            return next(filter(sending.must_be_fenced, own), None)

        with patch.object(sending, "_key_to_fence", key_to_fence):
            return prepare(work, obligation_id, unknown_keys, now=now, terms=terms)

    def ignores_others(attempt: Any, obligation: Any) -> bool:
        return attempt.obligation_id != obligation.id or original(attempt, obligation)

    with (
        patch.object(sending, "_prepare", fences_its_own),
        patch.object(sending, "_is_over", ignores_others),
    ):
        yield


def lost_order_given_to_an_earlier_revision() -> Any:
    return patch.object(resolving, "is_latest", lambda work, obligation: True)


def forgotten_because_it_was_not_found() -> Any:
    return patch.object(orders, "_require_forgotten_on_statements", lambda *_, **__: None)


def earlier_revision_not_looked_at() -> Any:
    return patch.object(sending, "_open_beside", lambda work, obligation: None)


def refusal_not_queried_again() -> Any:
    return patch.object(sending, "_refused_without_fence", lambda *_, **__: [])


def _without_a_last_question(broken: Callable[[], Any]) -> Callable[[], Any]:
    """Switches off the sender's query before another key: it would hide other broken variants, which must be caught alone."""

    @contextmanager
    def both() -> Iterator[None]:
        with refusal_not_queried_again(), broken():
            yield

    return both


MUTANTS: dict[str, Callable[[], Any]] = {
    each.__name__: _without_a_last_question(each)
    for each in (
        timeout_is_failure,
        server_error_is_failure,
        crash_is_failure,
        not_found_is_failure,
        new_key_when_unclear,
        random_keys,
        resend_after_retention,
        key_saved_after_the_call,
        no_deadline_before_the_call,
        no_check_after_restore,
        callback_believed,
        late_success_ignored,
        processing_is_success,
        any_echo_believed,
        no_fence_before_another_key,
        zombie_believed,
        unclear_is_sent_again_at_once,
        reserve_never_lifted,
        fence_always_believed,
        todays_statement_is_final,
        statement_dated_when_recorded,
        absence_without_statements,
        only_the_next_key_after_restore,
        five_keys_after_restore,
        attempts_without_end,
        window_checked_only_when_deciding,
        not_found_sent_again_at_once,
        kill_switch_ignored,
        return_of_a_lost_order_forgotten,
        restored_order_sent_again,
        restart_before_recovery_is_finished,
        not_found_believed_at_once_after_restore,
        held_orders_not_queried_after_restore,
        claim_known_by_its_number_alone,
        ordered_anew_without_asking,
        ended_orders_not_queried_after_restore,
        proof_of_an_earlier_life_kept,
        return_ignored,
        revisions_have_keys_of_their_own,
        earlier_revision_not_fenced,
        lost_order_given_to_an_earlier_revision,
        earlier_revision_not_looked_at,
        forgotten_because_it_was_not_found,
        refusal_not_queried_again,
    )
}
"""Every mutant by name."""
