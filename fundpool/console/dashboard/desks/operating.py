"""The operating page: each step with its runs, *run again* after a preview, and the acts beside the steps.

A run is the command's: ``run_step`` in this process, with the person who is logged in as the one who asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from fundpool.console.dashboard.app import Pages, Place, error_status
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.domain.accounts import Account
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.month import MONTH, STEPS, keys
from fundpool.domain.month_records import StepRun
from fundpool.domain.outcomes import StepRequest, UnitState, exit_status
from fundpool.domain.policy import CityPolicy
from fundpool.domain.rights import Right
from fundpool.domain.submission import DocumentKind
from fundpool.domain.transfer import Obligation
from fundpool.services.month.preview import preview
from fundpool.services.month.steps import run_step
from fundpool.services.month.whole_month import close_month, open_month, outcomes_of, retry_failed
from fundpool.services.oversight import records
from fundpool.services.payments import kill_switches, payment_decisions
from fundpool.services.ports.work import Work
from schemas.dashboard import UnitOutcome

PATH = "/desk/operating"

_DONE: Mapping[str, str] = {
    "done": N_("Done: the step has run and nothing was found."),
    "found": N_("It has run; something was found or failed, see the step below."),
    "unanswered": N_(
        "It has run; the bank did not answer for everything. Nothing is paid twice: run it again later."
    ),
    "nothing": N_("No step has failed: nothing was run."),
    "opened": N_("The month is opened."),
    "lacks": N_("The month is opened; budgets, openings or accounts are still missing: see “fundpool next”."),
    "not_yet": N_("Collection has not opened yet: nothing was run."),
    "closed": N_("The books of the month are closed."),
    "not_closed": N_("Not closed: the last step that ran is not done, see below."),
    "recorded": N_("Recorded."),
    "already": N_("Already recorded: nothing has changed."),
    "held": N_("The payment is held."),
    "stopped": N_("The fund is stopped: nothing of it is sent."),
    "restart_asked": N_("The restart is asked for; another person must confirm it."),
    "restarted": N_("The fund sends again."),
}
"""What an act came to, by the word that its redirect carries."""

_EXIT: Mapping[int, str] = {0: "done", 4: "unanswered"}


def routes(pages: Pages) -> tuple[Route, ...]:
    """The page, the preview and the acts."""
    desk = Operating(pages)
    acts: tuple[tuple[str, Right, Act], ...] = (
        ("run", Right.OPERATE, desk.run),
        ("retry-failed", Right.OPERATE, desk.retry),
        ("open", Right.OPERATE, desk.open),
        ("close", Right.OPERATE, desk.close),
        ("extension", Right.RECORD, desk.extension),
        ("waiver", Right.RECORD, desk.waiver),
        ("nil", Right.RECORD, desk.nil),
        ("hold", Right.OPERATE, desk.hold),
        ("stop", Right.OPERATE, desk.stop),
        ("restart", Right.DECIDE_PAYMENT, desk.restart),
    )
    return (
        Route(PATH, Right.READ_CITY, desk.page),
        Route(f"{PATH}/preview", Right.OPERATE, desk.preview),
        *(Route(f"{PATH}/{name}", right, partial(desk.act, act), "POST") for name, right, act in acts),
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a step, with what stood in the way of whom."""

    run: StepRun
    outcomes: tuple[UnitOutcome, ...]

    @property
    def left(self) -> int:
        """Units that are not done."""
        return sum(each.state is not UnitState.DONE for each in self.outcomes)

    @property
    def causes(self) -> tuple[UnitOutcome, ...]:
        """What failed, was flagged or waits."""
        return tuple(each for each in self.outcomes if each.state is not UnitState.DONE)


class Operating:
    """The desk of whoever runs the month."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._ports = pages.reader.ports

    def page(self, request: Request, *, error: FundpoolError | None = None) -> Response:
        """Every step with its runs; the acts; an error of the act before."""
        place = self._pages.place(request) if error is None else self._place(request)
        policy, until = place.city, place.moment.known_until

        def read(work: Work) -> tuple[list[StepRun], list[Obligation], dict[str, str | None]]:
            runs = work.records.runs(policy.key, place.month)
            payments = [
                each
                for each in work.payments.obligations(city=policy.key, month=place.month)
                if each.state not in payment_decisions.OVER
            ]
            return runs, payments, _switches(work, policy)

        runs, payments, switches = self._ports.database.read(read)
        status = self._pages.reader.status(policy.key, place.month, place.moment)
        known = [run for run in runs if until is None or run.business_time <= until]
        attempts = {step: [_attempt(run) for run in reversed(known) if run.step == step] for step in keys()}
        account: Account | None = request.state.account
        return self._pages.page(
            request,
            "operating.html",
            place,
            status_code=200 if error is None else error_status(error),
            error=error,
            done=_DONE.get(request.query_params.get("done", "")),
            steps=status.steps,
            attempts=attempts,
            payments=payments,
            switches=switches,
            duties=sorted({each.duty for each in MONTH if each.duty}),
            documents=list(DocumentKind),
            may=lambda right: account is not None and place.as_of is None and account.may(Right(right)),
        )

    def preview(self, request: Request) -> Response:
        """What a run would do per unit, with the button that does it."""
        place = self._pages.place(request)
        step = request.query_params.get("step", "")
        if step not in STEPS:
            raise InputError(
                "unknown_step", f"没有步骤 {step}", f"no such step: {step}", remedy=" | ".join(keys())
            )
        counties = tuple(request.query_params.getlist("county")) or None
        wanted = StepRequest(place.city.key, place.month, place.moment.at, counties=counties)
        acts = preview(self._ports, step, wanted)
        status = self._pages.reader.status(place.city.key, place.month, place.moment)
        (last,) = (each for each in status.steps if each.step == step)
        units = counties or tuple(unit.code for unit in place.city.units)
        return self._pages.page(
            request,
            "operating_preview.html",
            place,
            step=STEPS[step],
            counties=counties,
            units=units,
            acts=acts,
            standing={unit: [each for each in last.outcomes if each.unit == unit] for unit in units},
            can_run=place.as_of is None,
        )

    def act(self, act: "Act", request: Request) -> Response:
        """Carry out an act and lead back to the page; what is refused stands on the page."""
        place = self._place(request)
        try:
            done = act(_Form(request, place), self._request(request, place))
        except FundpoolError as error:
            return self.page(request, error=error)
        return RedirectResponse(place.url(PATH, done=done), 303)

    def run(self, form: "_Form", request: StepRequest) -> str:
        """Run a step, as ``fundpool run`` does."""
        counties = form.all("county") or None
        wanted = replace(request, counties=counties)
        return _came_to(exit_status(run_step(self._ports, form.text("step"), wanted).outcomes))

    def retry(self, _form: "_Form", request: StepRequest) -> str:
        """Run what failed again, for whom it failed."""
        reports = retry_failed(self._ports, request)
        return _came_to(exit_status(outcomes_of(reports))) if reports else "nothing"

    def open(self, _form: "_Form", request: StepRequest) -> str:
        """Begin the month."""
        opening = open_month(self._ports, request)
        if opening.opens_on is not None:
            return "not_yet"
        return "lacks" if opening.lacks else "opened"

    def close(self, _form: "_Form", request: StepRequest) -> str:
        """Reports, filing, reconciliation, books."""
        return "closed" if close_month(self._ports, request).is_closed else "not_closed"

    def extension(self, form: "_Form", request: StepRequest) -> str:
        """A later last day for a duty."""
        changed = records.record_extension(
            self._ports,
            city=request.city,
            month=request.month,
            duty=form.text("duty"),
            county=form.optional("county"),
            until=form.text("until"),
            document_number=form.text("document_number"),
            approver=form.text("approver"),
            by=request.by,
            now=request.now,
        )
        return "recorded" if changed else "already"

    def waiver(self, form: "_Form", request: StepRequest) -> str:
        """A county is let off a document."""
        changed = records.record_waiver(
            self._ports,
            city=request.city,
            month=request.month,
            document=form.document(),
            county=form.text("county"),
            document_number=form.text("document_number"),
            approver=form.text("approver"),
            reason=form.text("reason"),
            by=request.by,
            now=request.now,
        )
        return "recorded" if changed else "already"

    def nil(self, form: "_Form", request: StepRequest) -> str:
        """A county has nothing to file."""
        changed = records.record_nil_return(
            self._ports,
            city=request.city,
            month=request.month,
            document=form.document(),
            county=form.text("county"),
            reason=form.text("reason"),
            by=request.by,
            received_at=request.now,
            now=request.now,
        )
        return "recorded" if changed else "already"

    def hold(self, form: "_Form", request: StepRequest) -> str:
        """Stop one payment."""
        key, reason = form.text("payment"), form.text("reason")

        def hold(work: Work) -> None:
            found = work.payments.obligation_by_key(key)
            # The account may be for this city alone.
            if found is None or (found.city, found.month) != (request.city, request.month):
                raise InputError("unknown_payment", f"本月没有支付 {key}", f"the month has no payment {key}")
            payment_decisions.hold_obligation(work, found.id, by=request.by, reason=reason, now=request.now)

        self._ports.database.transaction(hold)
        return "held"

    def stop(self, form: "_Form", request: StepRequest) -> str:
        """Stop a fund's sending."""
        fund, reason = form.fund(), form.text("reason")
        self._ports.database.transaction(
            lambda work: kill_switches.stop_fund(
                work, request.city, fund, reason=reason, by=request.by, now=request.now
            )
        )
        return "stopped"

    def restart(self, form: "_Form", request: StepRequest) -> str:
        """Ask for a stopped fund's restart, or confirm what another asked for."""
        fund = form.fund()

        def restart(work: Work) -> str:
            kill_switches.restart_fund(work, request.city, fund, by=request.by, now=request.now)
            return "restart_asked" if kill_switches.is_stopped(work, request.city, fund) else "restarted"

        return self._ports.database.transaction(restart)

    def _place(self, request: Request) -> Place:
        """Where the act is; it is done now, whatever day was looked at."""
        place = self._pages.place(request)
        if place.as_of is not None:
            raise InputError(
                "as_of_is_for_reading",
                "查看过去时不能办理",
                "nothing can be done while a past day is looked at",
                remedy="回到现在再办理 / go back to now",
            )
        return Place(PATH, place.city, place.month, moment=place.moment)

    def _request(self, request: Request, place: Place) -> StepRequest:
        return StepRequest(
            place.city.key,
            place.month,
            place.moment.at,
            by=request.state.account.name,
            is_played=self._pages.options.only_known_then,
        )


class _Form:
    """What was filled in."""

    def __init__(self, request: Request, place: Place) -> None:
        self._form = request.state.form
        self._place = place

    def optional(self, field: str) -> str | None:
        return str(self._form.get(field) or "").strip() or None

    def text(self, field: str) -> str:
        """A field that must be filled in; raises InputError ``field_missing``."""
        given = self.optional(field)
        if given is None:
            raise InputError("field_missing", f"未填：{field}", f"not filled in: {field}")
        return given

    def all(self, field: str) -> tuple[str, ...]:
        return tuple(map(str, self._form.getlist(field)))

    def document(self) -> DocumentKind:
        given = self.text("document")
        if given not in set(DocumentKind):
            raise InputError("unknown_document", f"没有文件 {given}", f"no such document: {given}")
        return DocumentKind(given)

    def fund(self) -> str:
        given = self.text("fund")
        if given not in {fund.key for fund in self._place.city.funds}:
            raise InputError("unknown_fund", f"没有险种 {given}", f"no such fund: {given}")
        return given


Act = Callable[[_Form, StepRequest], str]


def _came_to(status: int) -> str:
    return _EXIT.get(status, "found")


def _attempt(run: StepRun) -> Attempt:
    return Attempt(run, tuple(map(UnitOutcome.model_validate, run.outcomes or ())))


def _switches(work: Work, policy: CityPolicy) -> dict[str, str | None]:
    """The city's stopped funds, with who asked for the restart."""
    stopped = (fund.key for fund in policy.funds if kill_switches.is_stopped(work, policy.key, fund.key))
    found = {fund: work.switches.kill_switch(policy.key, fund) for fund in stopped}
    return {fund: switch and switch.restart_asked_by for fund, switch in found.items()}
