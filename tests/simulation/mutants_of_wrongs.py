"""Broken variants that believe the bank's wrongs, overlook a moving budget or a database writer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from fundpool.adapters.banks import files
from fundpool.domain.sealing import Seals
from fundpool.services.oversight import records
from fundpool.services.payments import (
    attempts,
    kill_switches,
    limits,
    line_matching,
    seals,
    sending,
    statements,
)
from fundpool.services.payments.line_matching import LineRole
from schemas.payment_messages import Direction


def _returns_read_as(wanted: Callable[[Any, Any], bool]) -> Any:
    """What comes back and is ``wanted`` is taken for the whole payment."""
    original = line_matching.standing_of

    def mutated(order: Any, lines: Any) -> Any:
        return original(
            order,
            [
                replace(line, amount_fen=order.amount_fen)
                if line_matching.role_of(order, line) is LineRole.RETURN and wanted(order, line)
                else line
                for line in lines
            ],
        )

    return patch.object(line_matching, "standing_of", mutated)


def part_returned_is_whole() -> Any:
    return _returns_read_as(lambda order, line: line.amount_fen < order.amount_fen)


def excess_return_believed() -> Any:
    return _returns_read_as(lambda order, line: line.amount_fen > order.amount_fen)


def return_believed_without_debit() -> Any:
    return patch.object(line_matching, "_is_proved_elsewhere", lambda work, attempt, order: True)


def account_not_matched() -> Any:
    original = line_matching.role_of

    def mutated(order: Any, line: Any) -> LineRole:
        role = original(order, line)
        is_paid = role is LineRole.ELSEWHERE and line.direction is Direction.DEBIT
        return LineRole.EXECUTION if is_paid else role

    return patch.object(line_matching, "role_of", mutated)


def payee_not_matched() -> Any:
    return patch.object(line_matching, "_names_another_payee", lambda order, line: False)


def late_statement_not_read() -> Any:
    original = statements._days_wanted

    def mutated(*arguments: Any, **named: Any) -> Any:
        return {number: (grown, []) for number, (grown, _) in original(*arguments, **named).items()}

    return patch.object(statements, "_days_wanted", mutated)


def status_order_decides() -> Any:
    return patch.object(files, "_is_later", lambda status, other: True)


@contextmanager
def budget_checked_at_review_only() -> Iterator[None]:
    """Either guard is enough: no budget below what is ordered, none overspent when it is sent."""
    with budget_lowered_below_paid(), patch.object(sending, "require_within_limits", lambda *_, **__: None):
        yield


def budget_lowered_below_paid() -> Any:
    return patch.object(records, "require_budget_covers", lambda *_, **__: None)


def seal_not_checked_at_claim() -> Any:
    return patch.object(sending, "require_whole", lambda work, obligation, batch=None: None)


@contextmanager
def request_not_rebuilt_at_claim() -> Iterator[None]:
    """Either guard is enough: the attempt's seal, and the bytes that must follow from the approval."""
    with (
        seal_not_checked_at_claim(),
        patch.object(sending, "follows_from_approval", lambda work, obligation, attempt: True),
    ):
        yield


def deficit_not_reported() -> Any:
    return patch.object(attempts, "_require_payee_had_it", lambda *_, **__: None)


@contextmanager
def latest_seals_not_compared() -> Iterator[None]:
    """Any version of a row will do whose seal is good, and none is missed."""

    def is_whole(work: Any, city: str, fund: str, switch: Any) -> bool:
        return switch is None or work.seals.hold(switch)

    with (
        patch.object(seals, "require_equal", lambda latest, standing: None),
        patch.object(limits, "require_equal", lambda latest, standing: None),
        patch.object(kill_switches, "_is_whole", is_whole),
    ):
        yield


@contextmanager
def seals_not_checked() -> Iterator[None]:
    with patch.object(Seals, "hold", lambda seals, record, *place: True):
        yield


@contextmanager
def any_seal_holds() -> Iterator[None]:
    """A seal is good when the program has made it, for whatever row and at whatever time."""
    made: set[str] = set()
    original = Seals.of_values

    def remembered(sealing: Seals, *values: object) -> str:
        made.add(original(sealing, *values))
        return original(sealing, *values)

    def hold(sealing: Seals, record: Any, *place: object) -> bool:
        return record.seal in made

    with (
        patch.object(Seals, "of_values", remembered),
        patch.object(Seals, "hold", hold),
        latest_seals_not_compared(),
    ):
        yield


@contextmanager
def digest_not_compared_at_claim() -> Iterator[None]:
    """Either guard is enough: the approved digest, and the seal that belongs to a row's number."""
    with (
        patch.object(sending, "digest_of", lambda work, batch: batch.approved_digest),
        latest_seals_not_compared(),
    ):
        yield


def never_sent_believed() -> Any:
    return patch.object(sending, "_never_sent", lambda known: [])


@contextmanager
def put_back_believed() -> Iterator[None]:
    """Either guard is enough: the latest seals, and the statement of what is said never to have been sent."""
    with latest_seals_not_compared(), never_sent_believed():
        yield


def budget_seal_not_checked() -> Any:
    return patch.object(limits, "sealed_budgets", lambda work, city, year: work.budgets.budgets(city, year))


def statement_not_looked_at_before_sending() -> Any:
    return patch.object(sending, "possible_keys", lambda obligation, known: [])


MUTANTS_OF_WRONGS: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        part_returned_is_whole,
        return_believed_without_debit,
        excess_return_believed,
        account_not_matched,
        payee_not_matched,
        late_statement_not_read,
        status_order_decides,
        budget_checked_at_review_only,
        budget_lowered_below_paid,
        seal_not_checked_at_claim,
        request_not_rebuilt_at_claim,
        deficit_not_reported,
        seals_not_checked,
        any_seal_holds,
        digest_not_compared_at_claim,
        latest_seals_not_compared,
        never_sent_believed,
        put_back_believed,
        budget_seal_not_checked,
        statement_not_looked_at_before_sending,
    )
}
"""Every one by name."""
