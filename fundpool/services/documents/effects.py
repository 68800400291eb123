"""What a decided document changes in the books: only where law and budget practice require it.

A decision and its effect are one transaction. An effect is never undone: a later version, decided anew,
is an adjustment.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from fundpool.domain.people import SYSTEM
from fundpool.domain.review import ReviewCase
from fundpool.domain.submission import Submission
from fundpool.services.payments.limits import require_budget_covers
from fundpool.services.ports.work import Work


def take_effect(
    work: Work, case: ReviewCase, version: Submission, *, effect: str | None, now: datetime
) -> None:
    """Carry out what the document's definition names for a case that is decided; nothing for the others."""
    if effect is not None and case.is_decided:
        EFFECTS[effect](work, case, version, now=now)


def _becomes_the_budget(work: Work, case: ReviewCase, version: Submission, *, now: datetime) -> None:
    """The year's spending budget of one county and scheme; a further one is an adjustment (预算调整)."""
    assert case.approved_fen is not None
    year, place = case.month.year, (case.county, case.fund)
    before = work.budgets.budgets(case.city, year).get(place)
    if before == case.approved_fen:
        return  # the other fund was adjusted; this one's budget stands under its own number
    reference = budget_reference(version)
    by = case.checker or SYSTEM
    require_budget_covers(work, case.city, year, amounts={place: case.approved_fen})
    is_new = work.budgets.set_budget(
        case.city,
        year,
        case.county,
        fund=case.fund,
        amount_fen=case.approved_fen,
        document_number=reference,
        by=by,
        at=now,
    )
    if not is_new:
        return
    work.audit.append(
        at=now,
        actor=by,
        action="record_budget",
        subject=f"budget:{case.city}:{year}",
        before=None if before is None else {f"{case.county}:{case.fund}": before},
        after={"document_number": reference, f"{case.county}:{case.fund}": case.approved_fen},
        reason=None,
    )


def budget_reference(version: Submission) -> str:
    """Under which number the budget of a filed version is recorded."""
    return f"{version.document}-{version.month}-v{version.version}"


class Effect(Protocol):
    """What a decided case changes beyond itself."""

    def __call__(self, work: Work, case: ReviewCase, version: Submission, *, now: datetime) -> None: ...


EFFECTS: Mapping[str, Effect] = {
    "budget": _becomes_the_budget,
}
"""By the name that a document's definition gives the effect."""
