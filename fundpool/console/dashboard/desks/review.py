"""The review desk: what waits for the two reviewers, one case beside what is known, and their acts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request, Response

from fundpool.console.dashboard.board import business_day
from fundpool.console.dashboard.desks.acting import acted, desk_place, obstacle, typed, typed_fen
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.domain.duties import duties_of
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.periods import Period, Year
from fundpool.domain.review import CUT_REASONS, CaseState, ReviewCase, cut_reason
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind, Submission
from fundpool.services.documents import review
from fundpool.services.documents.comparisons import Comparison, comparison_of
from fundpool.services.documents.document_kinds import intake_of, type_of
from fundpool.services.documents.raw_content import raw_content
from fundpool.services.oversight.return_slips import return_to_counties
from fundpool.services.ports.work import MonthPorts, Work

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

DONE: Mapping[str, str] = {
    "proposed": N_("Proposed. A second person confirms it."),
    "confirmed": N_("Confirmed."),
    "returned": N_("Returned to the county, which can file again."),
}
"""What a page says after an act."""

_OPEN = frozenset({CaseState.READY, CaseState.FINDINGS})


@dataclass(frozen=True, slots=True)
class QueuedCase:
    """A case of the queue; ``act_by`` is the last working day on which what follows the review may be done."""

    case: ReviewCase
    act_by: date | None
    has_newer: bool
    """A newer version has come in, on which the case will be decided."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """All cases of one document that one act may decide together, and why this person may not."""

    document: DocumentKind
    cases: Sequence[ReviewCase]
    mark: str
    obstacle: FundpoolError | None

    @property
    def total_fen(self) -> int:
        return sum(
            case.requested_fen if case.proposed_fen is None else case.proposed_fen for case in self.cases
        )


@dataclass(frozen=True, slots=True)
class CaseAtDesk:
    """One scheme of a county's document: what it is held against, and why this person may not act on it."""

    case: ReviewCase
    comparison: Comparison
    mark: str
    may_not_propose: FundpoolError | None
    may_not_confirm: FundpoolError | None


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The desk's pages and acts."""
    desk = ReviewDesk(pages)
    case = "/desk/review/{document}/{county}"
    return (
        Route("/desk/review", Right.READ_CITY, desk.queue),
        Route("/desk/review/{document}/agree-to-clean", Right.REVIEW, desk.agree_to_clean, "POST"),
        Route("/desk/review/{document}/confirm-all", Right.CONFIRM_REVIEW, desk.confirm_all, "POST"),
        Route(case, Right.READ_CITY, desk.case),
        Route(f"{case}/versions/{{version:int}}", Right.READ_CITY, desk.original),
        Route(f"{case}/propose", Right.REVIEW, desk.propose, "POST"),
        Route(f"{case}/return", Right.REVIEW, desk.send_back, "POST"),
        Route(f"{case}/confirm", Right.CONFIRM_REVIEW, desk.confirm, "POST"),
    )


class ReviewDesk:
    """Pages and acts; each act is the service that ``fundpool review`` calls."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages

    @property
    def _ports(self) -> MonthPorts:
        return self._pages.reader.ports

    def queue(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """Cases by whose turn it is, most urgent first."""
        place = replace(desk_place(self._pages, request), path="/desk/review")
        cases = self._ports.database.read(partial(self._queued, place))
        by_state = {
            "proposed": [each for each in cases if each.case.state is CaseState.PROPOSED],
            "findings": [each for each in cases if each.case.state is CaseState.FINDINGS],
            "ready": [each for each in cases if each.case.state is CaseState.READY],
            "decided": [each for each in cases if each.case.is_decided],
            "returned": [each for each in cases if each.case.state is CaseState.RETURNED],
        }
        agree, confirm = self._ports.database.read(
            lambda work: self._bulks(work, request, place, cases=cases)
        )
        return self._pages.page(
            request,
            "desk_review.html",
            place,
            status_code=status,
            error=error,
            done=DONE.get(request.query_params.get("done", "")),
            by_state=by_state,
            today=business_day(place.moment.at),
            agree=agree,
            confirm=confirm,
        )

    def case(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """One county's document, scheme by scheme."""
        place, document, county = self._addressed(request)
        place = replace(place, path=f"/desk/review/{document}/{county}")
        period = _period(document, place)
        read = self._pages.reader.county(place.city.key, place.month, county, moment=place.moment)
        versions = [file for file in read.month.submissions if file.document == document]
        schemes = self._ports.database.read(
            lambda work: [
                self._at_desk(work, request, case)
                for case in work.reviews.cases(place.city.key, period, document)
                if case.county == county
            ]
        )
        return self._pages.page(
            request,
            "desk_review_case.html",
            place,
            status_code=status,
            error=error,
            failed=request.state.form.get("form") if error is not None else None,
            done=DONE.get(request.query_params.get("done", "")),
            unit=county,
            document=document,
            period=period,
            schemes=schemes,
            mark=review.mark_of(each.case for each in schemes),
            files=versions,
            may_not_return=obstacle(request.state.account, Right.REVIEW, lambda _name: None),
            may_be_cut=intake_of(document).may_be_cut,
            cut_reasons=CUT_REASONS,
        )

    def original(self, request: Request) -> Response:
        """The file as the county sent it."""
        place, document, county = self._addressed(request)
        number = request.path_params["version"]

        def read(work: Work) -> tuple[Submission, bytes]:
            found = work.submissions.versions(
                place.city.key, document, _period(document, place), county=county
            )
            version = next((each for each in found if each.version == number), None)
            if version is None:
                raise InputError(
                    "unknown_version",
                    f"没有第 {number} 版",
                    f"there is no version {number}",
                    remedy="从审核页面打开原件 / open the file from the case's page",
                )
            return version, raw_content(self._ports, work, version.sha256)

        version, content = self._ports.database.read(read)
        return Response(
            content,
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(version.file_name, safe='')}"
            },
        )

    # Acts

    def propose(self, request: Request) -> Response:
        """Agree to the requested amount, or cut it with a reason."""
        place, document, county = self._addressed(request)

        def act() -> str:
            is_cut = typed(request, "decision") == "cut"
            review.propose(
                self._ports,
                city=place.city.key,
                month=_period(document, place),
                document=document,
                counties=[county],
                fund=typed(request, "fund") or None,
                amount_fen=typed_fen(request, "amount") if is_cut else None,
                reason=cut_reason(typed(request, "code"), typed(request, "note")) if is_cut else None,
                by=request.state.account.name,
                now=self._pages.clock(),
                seen=typed(request, "seen"),
            )
            return "proposed"

        return acted(act, self._case_url(place, document, county), again=partial(self._case_again, request))

    def send_back(self, request: Request) -> Response:
        """Return the whole document with the reason; the county gets its slip."""
        place, document, county = self._addressed(request)

        def act() -> str:
            return_to_counties(
                self._ports,
                city=place.city.key,
                month=_period(document, place),
                document=document,
                counties=[county],
                reason=typed(request, "reason"),
                by=request.state.account.name,
                now=self._pages.clock(),
                seen=typed(request, "seen"),
            )
            return "returned"

        return acted(act, self._case_url(place, document, county), again=partial(self._case_again, request))

    def confirm(self, request: Request) -> Response:
        """The second person confirms one scheme's proposal."""
        place, document, county = self._addressed(request)

        def act() -> str:
            review.confirm(
                self._ports,
                city=place.city.key,
                month=_period(document, place),
                document=document,
                counties=[county],
                fund=typed(request, "fund") or None,
                by=request.state.account.name,
                now=self._pages.clock(),
                seen=typed(request, "seen"),
            )
            return "confirmed"

        return acted(act, self._case_url(place, document, county), again=partial(self._case_again, request))

    def agree_to_clean(self, request: Request) -> Response:
        """Propose the requested amount of every case in which nothing was found."""
        return self._decide_all(request, partial(review.propose, amount_fen=None, reason=None), "proposed")

    def confirm_all(self, request: Request) -> Response:
        """Confirm every open proposal of a document."""
        return self._decide_all(request, review.confirm, "confirmed")

    def _decide_all(self, request: Request, decide: Callable[..., object], done: str) -> Response:
        place, document = (
            desk_place(self._pages, request),
            DocumentKind.named(request.path_params["document"]),
        )

        def act() -> str:
            decide(
                self._ports,
                city=place.city.key,
                month=_period(document, place),
                document=document,
                counties=None,
                fund=None,
                by=request.state.account.name,
                now=self._pages.clock(),
                seen=typed(request, "seen"),
            )
            return done

        return acted(act, place.url("/desk/review"), again=partial(self.queue, request))

    # What pages and acts share

    def _addressed(self, request: Request) -> tuple["Place", DocumentKind, str]:
        place = desk_place(self._pages, request)
        document, county = DocumentKind.named(request.path_params["document"]), request.path_params["county"]
        self._pages.require_unit(place, county)
        return place, document, county

    def _case_again(self, request: Request, error: FundpoolError, status: int) -> Response:
        return self.case(request, error, status)

    def _case_url(self, place: "Place", document: DocumentKind, county: str) -> str:
        return place.url(f"/desk/review/{document}/{county}")

    def _queued(self, place: "Place", work: Work) -> list[QueuedCase]:
        city, month = place.city, place.month
        act_by = {
            duty.key: duty.act_by or duty.due
            for period in (month, Year(month.year))
            for duty in duties_of(city, period, self._ports.calendar)
        }
        latest = {
            (version.document, version.county, version.month): version.id
            for period in (month, Year(month.year))
            for version in work.submissions.versions_of_period(city.key, period)
        }
        queued = [
            QueuedCase(
                case,
                act_by.get(intake_of(case.document).goes_on_with or ""),
                has_newer=latest.get((case.document, case.county, case.month)) != case.submission_id,
            )
            for period in (month, Year(month.year))
            for case in work.reviews.cases(city.key, period)
        ]
        return sorted(queued, key=lambda each: (each.act_by or date.max, each.case.document))

    def _bulks(
        self, work: Work, request: Request, place: "Place", *, cases: Sequence[QueuedCase]
    ) -> tuple[list[Bulk], list[Bulk]]:
        agree: list[Bulk] = []
        confirm: list[Bulk] = []
        for document in dict.fromkeys(each.case.document for each in cases):
            own = [each for each in cases if each.case.document is document]
            clean = [each.case for each in own if each.case.state is CaseState.READY and not each.has_newer]
            proposals = [each.case for each in own if each.case.state is CaseState.PROPOSED]
            for bulks, chosen, right, rule in (
                (agree, clean, Right.REVIEW, self._may_propose),
                (confirm, proposals, Right.CONFIRM_REVIEW, self._may_confirm),
            ):
                if chosen:
                    may_not = obstacle(request.state.account, right, partial(rule, work, chosen))
                    bulks.append(Bulk(document, chosen, review.mark_of(chosen), may_not))
        return agree, confirm

    def _at_desk(self, work: Work, request: Request, case: ReviewCase) -> CaseAtDesk:
        account = request.state.account
        return CaseAtDesk(
            case=case,
            comparison=comparison_of(work, case),
            mark=review.mark_of([case]),
            may_not_propose=obstacle(account, Right.REVIEW, partial(self._may_propose, work, [case])),
            may_not_confirm=obstacle(account, Right.CONFIRM_REVIEW, partial(self._may_confirm, work, [case])),
        )

    def _may_propose(self, work: Work, cases: Sequence[ReviewCase], name: str) -> None:
        for case in cases:
            review.proposed(work, case, None, reason=None, maker=name, now=self._pages.clock())

    def _may_confirm(self, work: Work, cases: Sequence[ReviewCase], name: str) -> None:
        for case in cases:
            review.confirmed(work, case, name, now=self._pages.clock())


def _period(document: DocumentKind, place: "Place") -> Period:
    """The period of the page's month that such a document is filed for."""
    return Year(place.month.year) if type_of(document).period == "year" else place.month
