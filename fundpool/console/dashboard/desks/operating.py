"""The operating page: each step with its runs, *run again* after a rehearsal, a coming day, the acts beside the steps.

A run is the command's: the same service in this process, for the person who is logged in. What it would do is
found before on a copy of the books (``services/month/rehearsal.py``).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from fundpool.bootstrap import copied_ports
from fundpool.console.dashboard.desks.acting import acted, desk_place, obstacle, typed
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.console.options import parse_day
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.month import STEPS, keys
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import Outcomes, StepReport, StepRequest, UnitState, exit_status
from fundpool.domain.periods import day_of
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind
from fundpool.services.documents.document_kinds import is_of
from fundpool.services.month.beginnings import lacks_of
from fundpool.services.month.rehearsal import Rehearsal, rehearse_day, rehearse_step
from fundpool.services.month.steps import run_step
from fundpool.services.month.whole_month import catch_up, close_month, open_month, outcomes_of, retry_failed
from fundpool.services.oversight import records
from fundpool.services.payments import kill_switches
from fundpool.services.ports.work import MonthPorts, Work
from schemas.dashboard import StepStatus, UnitOutcome

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place
    from fundpool.console.dashboard.language import Language

PATH = "/desk/operating"

DONE: Mapping[str, str] = {
    "done": N_("It has run; nothing was found."),
    "found": N_("It has run; something was found or failed, see the steps below."),
    "unanswered": N_(
        "It has run; the bank or the database did not answer for everything. Run it again later: nothing is paid twice."
    ),
    "nothing": N_("Nothing was to be run."),
    "lacks": N_("The month is opened; what it still lacks stands below."),
    "not_yet": N_("Collection has not opened yet: nothing was run."),
    "closed": N_("The books of the month are closed."),
    "not_closed": N_("Not closed: the step that is not done yet stands below."),
    "recorded": N_("Recorded."),
    "already": N_("Already recorded: nothing has changed."),
}
"""What the page says after an act."""

UNCLEAN = frozenset({"found", "unanswered", "lacks", "not_closed", "differs"})
"""Words after which somebody has to look."""

SHOWN_RUNS = 20
"""Runs of a step that are shown, the last one first; the audit trail and Prefect have all."""

_rehearsing = Lock()
"""Copies of the books are made one after the other: they are as large as the books."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What stands in the way of some units, in Chinese and English, with the remedy where the step knows one."""

    state: UnitState
    text: tuple[str, str]
    remedy: str | None
    units: tuple[str, ...]
    """Each once, however many schemes of it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a step: for whom, by whom, and what it left."""

    run: StepRun
    causes: tuple[Cause, ...]

    @property
    def units_left(self) -> int | None:
        """How many units were not done; None while it runs, or when its process died."""
        return (
            None
            if self.run.outcomes is None
            else len({unit for cause in self.causes for unit in cause.units})
        )


@dataclass(frozen=True, slots=True)
class StepAtDesk:
    """A step as it stands, and its last runs, the last one first."""

    status: StepStatus
    runs: tuple[Run, ...]
    count: int


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The page, the rehearsals and the acts."""
    desk = OperatingDesk(pages)
    acts: tuple[tuple[str, Right, Act], ...] = (
        ("run", Right.OPERATE, desk.run),
        ("retry-failed", Right.OPERATE, desk.retry),
        ("catch-up", Right.OPERATE, desk.catch_up),
        ("open", Right.OPERATE, desk.open),
        ("close", Right.OPERATE, desk.close),
        ("extension", Right.RECORD, desk.extension),
        ("waiver", Right.RECORD, desk.waiver),
    )
    return (
        Route(PATH, Right.READ_CITY, desk.overview),
        Route(f"{PATH}/preview", Right.READ_CITY, desk.preview),
        Route(f"{PATH}/day", Right.READ_CITY, desk.day),
        *(Route(f"{PATH}/{name}", right, partial(desk.act, act), "POST") for name, right, act in acts),
    )


class OperatingDesk:
    """Pages and acts; each act is the service that ``fundpool run``, ``month`` and their like call."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages

    @property
    def ports(self) -> MonthPorts:
        """What the services reach the books and the bank with."""
        return self._pages.reader.ports

    # Pages

    def overview(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """Every step with its runs, what the month lacks, what is stopped, and the acts."""
        place = replace(desk_place(self._pages, request), path=PATH)
        city, month, until = place.city, place.month, place.moment.known_until
        account, word = request.state.account, request.query_params.get("done", "")
        may_not = {
            right.value: obstacle(account, right, lambda _name: None)
            for right in (Right.OPERATE, Right.RECORD)
        }

        def read(work: Work) -> dict[str, object]:
            return {
                "lacks": lacks_of(work, city, month),
                "stops": kill_switches.stops_of(work, city),
                "extensions": work.records.extensions(city.key, month),
                "waivers": [each for each in work.records.nil_returns(city.key, month) if each.approver],
            }

        runs = self.ports.database.read(lambda work: work.records.runs(city.key, month))
        known = [run for run in runs if until is None or run.business_time <= until]
        return self._page(
            request,
            "desk_operating.html",
            place,
            status_code=status,
            error=error,
            done=DONE.get(word),
            is_clean=word not in UNCLEAN,
            ran=request.query_params.get("ran"),
            steps=[
                _at_desk(step, known)
                for step in self._pages.reader.status(city.key, month, place.moment).steps
            ],
            tomorrow=day_of(place.moment.at) + timedelta(days=1),
            duties=list(dict.fromkeys(duty.key for duty in duties_of(city, month, self.ports.calendar))),
            documents=[kind for kind in DocumentKind if is_of(kind, month)],
            may_not=may_not,
            **self.ports.database.read(read),
        )

    def preview(self, request: Request) -> Response:
        """What a run would do, unit by unit and payment by payment, with the button that does it."""
        place = replace(desk_place(self._pages, request), path=f"{PATH}/preview")
        step = request.query_params.get("step", "")
        if step not in STEPS:
            raise InputError(
                "unknown_step", f"没有步骤 {step}", f"no such step: {step}", remedy=" | ".join(keys())
            )
        counties = tuple(request.query_params.getlist("county")) or None
        wanted = replace(self._request(request, place), counties=counties)
        found = self._rehearse(lambda copied: rehearse_step(copied, step, wanted))
        status = self._pages.reader.status(place.city.key, place.month, place.moment)
        standing = next(each for each in status.steps if each.step == step)
        (report,) = found.reports
        named = [*(each.unit for each in report.outcomes), *(each.unit for each in standing.outcomes)]
        units = list(dict.fromkeys(named))
        if counties is not None:
            units = [unit for unit in units if unit in {*counties, place.city.division_code}]
        return self._page(
            request,
            "desk_operating_preview.html",
            replace(place, extra={"step": step}),
            step=STEPS[step],
            counties=counties,
            payments=found.payments,
            units=[
                (
                    unit,
                    [each for each in standing.outcomes if each.unit == unit],
                    [each for each in report.outcomes if each.unit == unit],
                )
                for unit in units
            ],
            may_not=obstacle(request.state.account, Right.OPERATE, lambda _name: None),
        )

    def day(self, request: Request) -> Response:
        """What would happen on a coming day: steps, payments, who would be late."""
        place = replace(desk_place(self._pages, request), path=f"{PATH}/day")
        day = parse_day(request.query_params.get("day", ""), "day")
        found = self._rehearse(lambda copied: rehearse_day(copied, place.city.key, day, now=place.moment.at))
        return self._page(
            request,
            "desk_operating_day.html",
            replace(place, extra={"day": str(day)}),
            month_matters=False,
            day=day,
            steps=[(report, _causes(report.outcomes)) for report in found.reports if report.step != "flags"],
            late=[
                (report.month, outcome)
                for report in found.reports
                if report.step == "flags"
                for outcome in report.outcomes
                if outcome.state is not UnitState.DONE
            ],
            payments=found.payments,
        )

    # Acts

    def act(self, act: "Act", request: Request) -> Response:
        """Carry out an act and lead back to the page; what is refused stands on the page."""
        place = replace(desk_place(self._pages, request), path=PATH)
        ran = typed(request, "step")
        back = place.url(PATH, ran=ran if ran in STEPS else None)
        return acted(
            lambda: act(request, self._request(request, place)),
            back,
            again=partial(self.overview, request),
        )

    def run(self, request: Request, wanted: StepRequest) -> str:
        """Run a step for all counties or for some (``fundpool run``)."""
        counties = tuple(str(code) for code in request.state.form.getlist("county")) or None
        report = run_step(self.ports, typed(request, "step"), replace(wanted, counties=counties))
        return _word(report.outcomes)

    def retry(self, _request: Request, wanted: StepRequest) -> str:
        """Run what failed again, for whom it failed (``fundpool retry-failed``)."""
        return _word_of(retry_failed(self.ports, wanted))

    def catch_up(self, _request: Request, wanted: StepRequest) -> str:
        """Run what is due now (``fundpool catch-up``)."""
        return _word_of(catch_up(self.ports, wanted))

    def open(self, _request: Request, wanted: StepRequest) -> str:
        """Begin the month (``fundpool month open``)."""
        opening = open_month(self.ports, wanted)
        if opening.opens_on is not None:
            return "not_yet"
        return "lacks" if opening.lacks else _word_of(opening.reports)

    def close(self, _request: Request, wanted: StepRequest) -> str:
        """Reports, filing, reconciliation, books (``fundpool month close``)."""
        return "closed" if close_month(self.ports, wanted).is_closed else "not_closed"

    def extension(self, request: Request, wanted: StepRequest) -> str:
        """A later last day for a duty (``fundpool extension add``)."""
        is_new = records.record_extension(
            self.ports,
            city=wanted.city,
            month=wanted.month,
            duty=typed(request, "duty"),
            county=typed(request, "county") or None,
            until=typed(request, "until"),
            document_number=typed(request, "document_number"),
            approver=typed(request, "approver"),
            by=wanted.by,
            now=wanted.now,
        )
        return "recorded" if is_new else "already"

    def waiver(self, request: Request, wanted: StepRequest) -> str:
        """A county is let off a document (``fundpool waiver add``)."""
        document = typed(request, "document")
        if document not in set(DocumentKind) or not is_of(DocumentKind(document), wanted.month):
            raise InputError("unknown_document", f"没有报表 {document}", f"no such document: {document}")
        is_new = records.record_waiver(
            self.ports,
            city=wanted.city,
            month=wanted.month,
            document=DocumentKind(document),
            county=typed(request, "county"),
            document_number=typed(request, "document_number"),
            approver=typed(request, "approver"),
            reason=typed(request, "reason"),
            by=wanted.by,
            now=wanted.now,
        )
        return "recorded" if is_new else "already"

    # What pages and acts share

    def _page(self, request: Request, template: str, place: "Place", **context: Any) -> Response:
        """The page; ``in_names`` writes the counties' names where a step wrote their codes."""

        def in_names(text: str, language: "Language") -> str:
            for unit in place.city.units:
                # Alone: an account's number may hold a county's code.
                text = re.sub(rf"(?<!\w){unit.code}(?!\w)", place.unit_name(unit.code, language), text)
            return text

        return self._pages.page(request, template, place, in_names=in_names, **context)

    def _rehearse(self, act: Callable[[MonthPorts], Rehearsal]) -> Rehearsal:
        with _rehearsing, copied_ports(self.ports) as copied:
            return act(copied)

    def _request(self, request: Request, place: "Place") -> StepRequest:
        account = request.state.account
        return StepRequest(
            place.city.key,
            place.month,
            place.moment.at,
            by="system" if account is None else account.name,
            is_played=self._pages.options.only_known_then,
        )


Act = Callable[[Request, StepRequest], str]
"""Does what a form asks for; the word for what was done, one of ``DONE``."""


def _word(outcomes: Outcomes) -> str:
    return {0: "done", 4: "unanswered"}.get(exit_status(outcomes), "found")


def _word_of(reports: Sequence[StepReport]) -> str:
    return _word(outcomes_of(reports)) if reports else "nothing"


def _at_desk(step: StepStatus, runs: Sequence[StepRun]) -> StepAtDesk:
    own = [run for run in reversed(runs) if run.step == step.step]
    shown = tuple(
        Run(run, _causes([UnitOutcome.model_validate(each) for each in run.outcomes or ()]))
        for run in own[:SHOWN_RUNS]
    )
    return StepAtDesk(step, shown, len(own))


def _causes(outcomes: Sequence[UnitOutcome] | Outcomes) -> tuple[Cause, ...]:
    """What stands in the way, the same words of many units together; what failed first."""
    together: dict[tuple[UnitState, tuple[str, str], str | None], dict[str, None]] = {}
    for each in outcomes:
        if each.state is not UnitState.DONE:
            key = (UnitState(each.state), (each.detail_zh, each.detail_en), each.remedy)
            together.setdefault(key, {})[each.unit] = None
    order = [UnitState.FAILED, UnitState.FLAGGED, UnitState.WAITING]
    return tuple(
        Cause(state, text, remedy, tuple(units))
        for (state, text, remedy), units in sorted(
            together.items(), key=lambda entry: order.index(entry[0][0])
        )
    )
