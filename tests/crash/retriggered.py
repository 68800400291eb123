"""The small month with steps triggered again and again: out of turn, too early, too late, beside each other (I17)."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from fundpool.domain.month import STEPS
from fundpool.domain.month_summary import MonthSummary
from tests.crash.small_month import Act, SmallMonth
from tests.integration.month_scene import at

MOST_TIMES = 5
"""How often a step is triggered beside what the month does itself, at most."""


class ReconciledMonth(SmallMonth):
    """The small month, reconciled once more after its last booking: a trigger later on finds nothing new."""

    def acts(self) -> Iterator[Act]:
        """The whole month in order."""
        for act in super().acts():
            yield act
            if act.name == "reversal":
                yield self.trigger("reconciliation", at("2026-10-20 10:00"))


def retriggered(month: SmallMonth, seed: int) -> Iterator[Act]:
    """The acts of ``month``, and each step one to five times more, at places drawn by ``seed``; at last all once.

    Half are for one county alone; a third run in another process at the same time as the act they come to.
    Only an application is never made for one county before all: that is another application, paid by itself.
    """
    rng = random.Random(seed)
    acts = list(month.acts())
    applied = [act.name for act in acts].index("funds-application")
    more: dict[int, list[Act]] = {}
    for step in STEPS:
        for _ in range(rng.randint(1, MOST_TIMES)):
            place = rng.randrange(len(acts))
            county = rng.choice((None, None, *month.counties))
            if step == "funds-application" and place <= applied:
                county = None
            trigger = month.trigger(step, acts[place].at, county)
            if rng.randrange(3) == 0 and acts[place].beside is None:
                acts[place] = replace(acts[place], beside=trigger)
            else:
                more.setdefault(place, []).append(trigger)
    for place, act in enumerate(acts):
        triggers = more.get(place, [])
        rng.shuffle(triggers)
        yield from triggers
        yield act
    yield from (month.trigger(step, acts[-1].at) for step in rng.sample(list(STEPS), len(STEPS)))


def filed_anew_on_another_day() -> Any:
    """A broken product: the same figures are another filing when they are put together on another day."""
    digest = MonthSummary.content_digest.fget  # type: ignore[attr-defined]
    dated = property(lambda summary: f"{digest(summary)}/{summary.prepared_on}")
    return patch.object(MonthSummary, "content_digest", dated)


def kills_of(seed: int, points: int) -> list[int]:
    """The failpoints at which the month is cut short besides: in most months none, in some one or two."""
    rng = random.Random(~seed)
    return [rng.randint(1, points) for _ in range(rng.choice((0, 0, 1, 2)))]
