"""The finance and payment desk: what went wrong first, finance's review, approving, releasing, each order's life."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fastapi import Request, Response

from fundpool.console.dashboard.desks.acting import (
    acted,
    desk_place,
    obstacle,
    typed,
    typed_day,
    typed_fen,
    uploaded,
)
from fundpool.console.dashboard.door import Route
from fundpool.console.dashboard.labels import N_
from fundpool.console.dashboard.sankey import Link, draw
from fundpool.console.statement_files import import_statement_file
from fundpool.domain.application import Application, ApplicationLine
from fundpool.domain.errors import FundpoolError, InputError
from fundpool.domain.outcomes import StepRequest
from fundpool.domain.people import is_stated, person, require_other_person
from fundpool.domain.rights import Right
from fundpool.domain.transfer import (
    OUTCOME_UNKNOWN,
    AttemptState,
    Batch,
    BatchState,
    Obligation,
    ObligationState,
    latest_revisions,
)
from fundpool.services.documents.known_facts import budget_left
from fundpool.services.month.whole_month import release_and_send
from fundpool.services.oversight.money_flow import MoneyFlow, money_flows
from fundpool.services.payments import batches, kill_switches, payment_decisions, resolving
from fundpool.services.payments.application import review_application
from fundpool.services.payments.batches import BatchView, SeenBatch, batch_consequences
from fundpool.services.payments.recovery import confirm_by_statements
from fundpool.services.payments.statements import assign, days_of_file, match_receipts, paying_accounts
from fundpool.services.payments.transfer_views import TransferView, transfer_history, transfer_views, why
from fundpool.services.ports.money_ports import Break, Recovery
from fundpool.services.ports.work import MonthPorts, Work

if TYPE_CHECKING:
    from fundpool.console.dashboard.app import Pages, Place

DONE: Mapping[str, str] = {
    "reviewed": N_("Finance's amounts are recorded."),
    "approved": N_("Approved. A third person releases it."),
    "released": N_("Released and sent. What became of each payment stands below."),
    "decided": N_("Recorded."),
    "resolved": N_("The bank was asked."),
    "statement": N_("The statement is taken in and matched; what it leaves open stands below."),
}
"""What a page says after an act."""

EVENT_NAMES: Mapping[str, str] = {
    "order_batch": N_("Ordered"),
    "approve_batch": N_("Batch approved"),
    "release_batch": N_("Batch released"),
    "order_again": N_("Ordered again"),
    "cancel": N_("Withdrawn"),
    "hold": N_("Held"),
    "look_again": N_("Taken out of hold"),
    "accept_execution": N_("Execution accepted"),
    "approve_retry": N_("Retry approved"),
    "confirm_absence": N_("Absence confirmed"),
    "prepare_attempt": N_("Order prepared, amount reserved"),
    "attempt_claim": N_("Taken up for sending"),
    "attempt_lease_over": N_("Sending broke off, outcome unknown"),
    "attempt_unclear": N_("No exact answer, outcome unknown"),
    "attempt_processing": N_("The bank works on it"),
    "attempt_succeeded": N_("Paid and booked"),
    "attempt_rejected": N_("Rejected by the bank"),
    "attempt_returned": N_("Sent back by the bank"),
    "attempt_partly_returned": N_("Partly sent back by the bank"),
    "attempt_not_found_again": N_("Unknown to the bank: to be sent again under the same key"),
    "attempt_fence": N_("Its key is to be closed"),
    "attempt_closed": N_("Its key is closed: it can never be executed"),
    "attempt_never_sent": N_("Never sent"),
    "attempt_suspect": N_("Perhaps sent before the restore"),
    "submit started": N_("Sending begun"),
    "submit finished": N_("Answer to the order"),
    "query started": N_("Asked about"),
    "query finished": N_("Answer to the question"),
    "close started": N_("Asked to close the key"),
    "close finished": N_("Answer about closing the key"),
}
"""What is told of an order's life, by the name under which it is recorded."""

_ANSWERS: Mapping[str, tuple[str, str]] = {
    "processing": ("银行处理中", "the bank works on it"),
    "succeeded": ("银行已执行", "the bank executed it"),
    "rejected": ("银行退拒", "the bank refused it"),
    "returned": ("已退票", "the money came back"),
    "closed": ("支付编号已注销", "its key is closed"),
    "not_found": ("银行查无此支付", "the bank does not know it"),
    "unknown": ("结果不明", "outcome unknown"),
}
"""What the bank answered, in Chinese and English."""

SHOWN_UNITS = 20
"""Counties that the drawing of the money's way shows by name; further ones are drawn as one."""

_WRONG = (
    ObligationState.HELD,
    ObligationState.FAILED,
    ObligationState.RETURNED,
    ObligationState.PARTLY_RETURNED,
)

Decision = Callable[..., object]


@dataclass(frozen=True, slots=True)
class OrderAct:
    """What a person may decide about one payment: in which states, with which right, by which service."""

    text: str
    right: Right
    states: frozenset[str]
    decide: Decision
    needs_reason: bool = True


def _confirm_absence(
    desk: "PaymentDesk", work: Work, order: int, *, by: str, reason: str, now: datetime
) -> object:
    del reason
    attempt = resolving.absence_to_confirm(work, order)
    return resolving.confirm_absence(work, attempt.id, by=by, now=now, terms=desk.ports.gateway_terms)


def _cancel(desk: "PaymentDesk", work: Work, order: int, *, by: str, reason: str, now: datetime) -> object:
    return payment_decisions.cancel(
        work, order, by=by, reason=reason, now=now, terms=desk.ports.gateway_terms
    )


def _plain(decision: Decision) -> Decision:
    return lambda _desk, work, order, **act: decision(work, order, **act)


_UNSENT = frozenset({"submitted", "approved", "released"})

ORDER_ACTS: Mapping[str, OrderAct] = {
    "approve-retry": OrderAct(
        N_("Allow one more attempt"),
        Right.DECIDE_PAYMENT,
        frozenset({"failed"}),
        _plain(payment_decisions.approve_retry),
    ),
    "look-again": OrderAct(
        N_("Take it out of hold"),
        Right.DECIDE_PAYMENT,
        frozenset({"held"}),
        _plain(payment_decisions.look_again),
    ),
    "accept-execution": OrderAct(
        N_("Accept the bank's execution as the payment"),
        Right.DECIDE_PAYMENT,
        frozenset({"held"}),
        _plain(payment_decisions.accept_execution),
    ),
    "confirm-absence": OrderAct(
        N_("Confirm from the statements that it was never executed"),
        Right.DECIDE_PAYMENT,
        frozenset({"unknown"}),
        _confirm_absence,
        needs_reason=False,
    ),
    "order-again": OrderAct(
        N_("Order it again"),
        Right.ORDER_PAYMENT,
        frozenset({"returned", "cancelled"}),
        _plain(batches.order_again),
    ),
    "cancel": OrderAct(
        N_("Withdraw it"),
        Right.DECIDE_PAYMENT,
        frozenset({"failed", "held"}) | _UNSENT,
        _cancel,
    ),
    "hold": OrderAct(
        N_("Hold it"),
        Right.OPERATE,
        frozenset({"released", "failed", "in_flight", "unknown", "retry_approved"}),
        _plain(payment_decisions.hold_obligation),
    ),
}
"""The runbook's acts on one payment, by the name of the command."""


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A line of an application with what is left of the county's annual budget (fen; None: no budget recorded)."""

    application: Application
    line: ApplicationLine
    budget_left_fen: int | None


@dataclass(frozen=True, slots=True)
class BatchAtDesk:
    """A batch with its consequences, and why this person may not do what comes next."""

    view: BatchView
    shown_state: str
    """The batch's state, or ``settled`` once every payment of it has arrived."""
    next_right: Right | None
    may_not: FundpoolError | None

    @property
    def batch(self) -> Batch:
        return self.view.batch

    @property
    def last_month_fen(self) -> int | None:
        """What the same hop paid the month before; None, never 0, where nothing was."""
        is_known = any(payee.last_month_fen is not None for payee in self.view.payees)
        return self.view.last_month_total_fen if is_known else None


@dataclass(frozen=True, slots=True)
class RecoveryAtDesk:
    """What is still to be learnt from the bank after a restore, and why this person may not confirm it."""

    recovery: Recovery
    missing: tuple[str, str]
    may_not: FundpoolError | None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing in an order's life: a person's act, a side of a call to the bank."""

    at: datetime
    who: str
    what: str
    words: tuple[str, str]
    """The reason, in Chinese and English."""
    attempt_no: int | None = None


def routes(pages: "Pages") -> tuple[Route, ...]:
    """The desk's pages and acts."""
    desk = PaymentDesk(pages)
    batch, order = "/desk/payments/batches/{batch:int}", "/desk/payments/orders/{order:int}"
    return (
        Route("/desk/payments", Right.READ_CITY, desk.overview),
        Route("/desk/payments/flow", Right.READ_CITY, desk.flow),
        Route("/desk/payments/review", Right.REVIEW_APPLICATION, desk.review, "POST"),
        Route("/desk/payments/resolve", Right.OPERATE, desk.resolve, "POST"),
        Route(batch, Right.READ_CITY, desk.batch),
        Route(f"{batch}/approve", Right.APPROVE_PAYMENT, desk.approve, "POST"),
        Route(f"{batch}/release", Right.RELEASE_PAYMENT, desk.release, "POST"),
        Route(order, Right.READ_CITY, desk.order),
        *(
            Route(f"{order}/{name}", act.right, partial(desk.decide, act), "POST")
            for name, act in ORDER_ACTS.items()
        ),
        Route("/desk/payments/breaks/{number:int}/assign", Right.OPERATE, desk.assign_break, "POST"),
        Route("/desk/payments/breaks/{number:int}/resolve", Right.DECIDE_PAYMENT, desk.resolve_break, "POST"),
        Route("/desk/payments/statement", Right.RECORD, desk.take_statement, "POST"),
        Route("/desk/payments/funds/{fund}/stop", Right.OPERATE, desk.stop, "POST"),
        Route("/desk/payments/funds/{fund}/restart", Right.DECIDE_PAYMENT, desk.restart, "POST"),
        Route(
            "/desk/payments/funds/{fund}/confirm-recovery",
            Right.DECIDE_PAYMENT,
            desk.confirm_recovery,
            "POST",
        ),
    )


class PaymentDesk:
    """Pages and acts; each act is the service that ``fundpool application`` or ``fundpool transfers`` calls."""

    def __init__(self, pages: "Pages") -> None:
        self._pages = pages

    @property
    def ports(self) -> MonthPorts:
        """What the services reach the books and the bank with."""
        return self._pages.reader.ports

    # Pages

    def overview(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """What went wrong, then what waits for finance, approval and release."""
        place = replace(desk_place(self._pages, request), path="/desk/payments")
        city, month, account = place.city, place.month, request.state.account

        def read(work: Work) -> dict[str, object]:
            left = budget_left(work, city.key, month) or {}
            found = [batch_consequences(work, batch.id) for batch in work.payments.batches(city.key, month)]
            return {
                "wrong": _wrong(work, city.key),
                "breaks": _breaks(work, city.key),
                "recoveries": [
                    RecoveryAtDesk(
                        each,
                        kill_switches.what_is_missing(each),
                        obstacle(account, Right.DECIDE_PAYMENT, partial(_require_second, each)),
                    )
                    for each in work.switches.recoveries()
                    if each.city == city.key and each.finished_at is None
                ],
                "statement_accounts": paying_accounts(work, city.key),
                "stops": [
                    (stop, work.switches.kill_switch(city.key, stop.fund))
                    for stop in kill_switches.stops_of(work, city)
                ],
                "lines": [
                    ReviewLine(application, line, left.get((line.county, application.fund)))
                    for application in work.applications.applications(city.key, month)
                    for line in application.lines
                ],
                "batches": [self._at_desk(work, request, view) for view in found],
            }

        shown = self.ports.database.read(read)
        return self._pages.page(
            request,
            "desk_payments.html",
            place,
            status_code=status,
            error=error,
            failed=request.state.form.get("form") if error is not None else None,
            done=DONE.get(request.query_params.get("done", "")),
            may_not={
                right.value: obstacle(account, right, lambda _name: None)
                for right in (
                    Right.REVIEW_APPLICATION,
                    Right.OPERATE,
                    Right.DECIDE_PAYMENT,
                    Right.RECORD,
                )
            },
            **shown,
        )

    def batch(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """One batch: payees, change from last month, totals, digest, and the next person's act."""
        place, found = self._batch(request)
        entry = self.ports.database.read(
            lambda work: self._at_desk(work, request, batch_consequences(work, found.id))
        )
        payments = self.ports.database.read(lambda work: work.payments.obligations(batch_id=found.id))
        return self._pages.page(
            request,
            "desk_batch.html",
            replace(place, path=f"/desk/payments/batches/{found.id}"),
            status_code=status,
            error=error,
            done=DONE.get(request.query_params.get("done", "")),
            entry=entry,
            payments={payment.unit: payment for payment in payments},
        )

    def order(self, request: Request, error: FundpoolError | None = None, status: int = 200) -> Response:
        """The life of one payment, and what may be decided about it."""
        place, found = self._order(request)
        history = self.ports.database.read(lambda work: transfer_history(work, found.id))
        events = [
            Event(record.at, record.actor, record.action, (record.reason or "", record.reason or ""))
            for record in history.records
        ]
        for attempt in history.attempts:
            events += [
                Event(
                    call.at,
                    "bank" if call.phase == "finished" else "system",
                    f"{call.operation} {call.phase}",
                    why(call.reason) if call.reason else _ANSWERS.get(call.answer or "", ("", "")),
                    attempt_no=attempt.attempt_no,
                )
                for call in history.calls[attempt.key]
            ]
        state = _shown_state(history.view)
        has_anomaly = any(each.state is AttemptState.ANOMALY for each in history.attempts)
        account = request.state.account
        acts = [
            (name, act, obstacle(account, act.right, lambda _name: None))
            for name, act in ORDER_ACTS.items()
            if state in act.states and (name != "accept-execution" or has_anomaly)
        ]
        return self._pages.page(
            request,
            "desk_order.html",
            replace(place, path=f"/desk/payments/orders/{found.id}"),
            status_code=status,
            error=error,
            done=DONE.get(request.query_params.get("done", "")),
            view=history.view,
            shown_state=state,
            attempts=history.attempts,
            event_names=EVENT_NAMES,
            events=sorted(events, key=lambda event: event.at),
            acts=acts,
        )

    def flow(self, request: Request) -> Response:
        """The way of one scheme's money of the month, drawn and as a table."""
        place = desk_place(self._pages, request)
        fund = request.query_params.get("fund") or place.city.funds[0].key
        place.city.fund(fund)
        flows = self.ports.database.read(
            lambda work: money_flows(work, place.city.key, place.month, fund=fund)
        )
        links = [
            Link(
                (flow.from_type, None),
                (flow.to_type, None if flow.unit == place.city.division_code else flow.unit),
                flow.ordered_fen,
                flow.arrived_fen,
            )
            for flow in _largest(flows, place.city.division_code)
        ]
        return self._pages.page(
            request,
            "desk_flow.html",
            replace(place, extra={"fund": fund}),
            fund=fund,
            flows=flows,
            drawing=draw(links),
        )

    # Acts

    def review(self, request: Request) -> Response:
        """Finance's amount for one line, or every line that waits as applied for."""
        place = desk_place(self._pages, request)

        def act() -> str:
            is_line = bool(typed(request, "county"))
            review_application(
                self.ports,
                city=place.city.key,
                month=place.month,
                fund=typed(request, "fund") or None,
                county=typed(request, "county") or None,
                amount_fen=typed_fen(request, "amount") if is_line else None,
                reason=typed(request, "reason") or None,
                by=request.state.account.name,
                now=self._pages.clock(),
            )
            return "reviewed"

        return acted(act, place.url("/desk/payments"), again=partial(self.overview, request))

    def approve(self, request: Request) -> Response:
        """The second person approves the batch as it was shown."""
        place, found = self._batch(request)

        def act() -> str:
            name, now, digest = request.state.account.name, self._pages.clock(), typed(request, "digest")
            self.ports.database.transaction(
                lambda work: batches.approve_batch(work, found.id, digest, checker=name, now=now)
            )
            return "approved"

        return acted(act, self._batch_url(place, found), again=partial(self.batch, request))

    def release(self, request: Request) -> Response:
        """The third person types the total and the password; the batch is released and sent."""
        place, found = self._batch(request)

        def act() -> str:
            total_fen = typed_fen(request, "total")
            account = self._pages.door.require_password(request)
            release_and_send(
                self.ports,
                StepRequest(
                    place.city.key,
                    found.month,
                    self._pages.clock(),
                    by=account.name,
                    is_played=self._pages.options.only_known_then,
                ),
                hop=found.hop,
                fund=found.fund,
                seen=SeenBatch(found.id, typed(request, "digest"), total_fen),
            )
            return "released"

        return acted(act, self._batch_url(place, found), again=partial(self.batch, request))

    def decide(self, order_act: OrderAct, request: Request) -> Response:
        """A person's decision about one payment."""
        place, found = self._order(request)

        def act() -> str:
            name, now, reason = request.state.account.name, self._pages.clock(), typed(request, "reason")
            if order_act.needs_reason:
                _require_reason(reason)
            self.ports.database.transaction(
                lambda work: order_act.decide(self, work, found.id, by=name, reason=reason, now=now)
            )
            return "decided"

        back = place.url(f"/desk/payments/orders/{found.id}")
        return acted(act, back, again=partial(self.order, request))

    def resolve(self, request: Request) -> Response:
        """Ask the bank about every payment of the city whose outcome is open; nothing is paid anew."""
        place = desk_place(self._pages, request)

        def act() -> str:
            resolving.resolve(self.ports, self._pages.clock(), city=place.city.key, month=None)
            return "resolved"

        return acted(act, place.url("/desk/payments"), again=partial(self.overview, request))

    def assign_break(self, request: Request) -> Response:
        """Name who follows a break up."""
        place, number = desk_place(self._pages, request), request.path_params["number"]

        def name_owner(work: Work) -> None:
            _require_open(work, place.city.key, number)
            by, now = request.state.account.name, self._pages.clock()
            assign(work, number, owner=typed(request, "owner"), by=by, now=now)

        return self._change(request, place, name_owner)

    def resolve_break(self, request: Request) -> Response:
        """Close a break with the reason."""
        place, number = desk_place(self._pages, request), request.path_params["number"]

        def close(work: Work) -> None:
            reason = typed(request, "reason")
            _require_reason(reason)
            _require_open(work, place.city.key, number)
            resolving.resolve_break(
                work, number, by=request.state.account.name, resolution=reason, now=self._pages.clock()
            )

        return self._change(request, place, close)

    def stop(self, request: Request) -> Response:
        """Stop a fund's sending at once."""
        place, fund = self._fund(request)

        def stop(work: Work) -> None:
            reason = typed(request, "reason")
            _require_reason(reason)
            by = person(request.state.account.name)
            kill_switches.stop_fund(work, place.city.key, fund, reason=reason, by=by, now=self._pages.clock())

        return self._change(request, place, stop)

    def restart(self, request: Request) -> Response:
        """The first of two people asks to start sending again; the second one starts it."""
        place, fund = self._fund(request)
        return self._change(
            request,
            place,
            lambda work: kill_switches.restart_fund(
                work, place.city.key, fund, by=request.state.account.name, now=self._pages.clock()
            ),
        )

    def confirm_recovery(self, request: Request) -> Response:
        """The first, then the second person for whom final statements stand in for the bank's answers."""
        place, fund = self._fund(request)

        def confirm(work: Work) -> None:
            reason = typed(request, "reason")
            _require_reason(reason)
            by, now, terms = request.state.account.name, self._pages.clock(), self.ports.gateway_terms
            confirm_by_statements(work, place.city.key, fund, by=by, reason=reason, now=now, terms=terms)

        return self._change(request, place, confirm)

    def take_statement(self, request: Request) -> Response:
        """Take in a bank's own statement file of one paying account, and match it."""
        place = desk_place(self._pages, request)
        city, terms = place.city.key, self.ports.gateway_terms

        def act() -> str:
            account_no, now = typed(request, "account"), self._pages.clock()
            paying = self.ports.database.read(lambda work: paying_accounts(work, city))
            if account_no not in {each.account_no for each in paying}:
                raise InputError(
                    "account_not_paying",
                    f"{place.city.name_zh}没有经本系统付款的账户 {account_no}",
                    f"{place.city.name_en} has no paying account {account_no}",
                    remedy="从列表选择 / choose one of the list",
                )
            days = days_of_file(typed_day(request, "from"), typed_day(request, "to"))
            source, layout = uploaded(request, "file"), uploaded(request, "layout")
            if source is None:
                raise InputError(
                    "no_file", "没有选择文件", "no file was chosen", remedy="选择文件 / choose the file"
                )
            with TemporaryDirectory() as folder:
                written = None
                if layout is not None:
                    written = Path(folder, "layout.yaml")
                    written.write_bytes(layout.content)
                import_statement_file(
                    self.ports,
                    source,
                    written,
                    account_no=account_no,
                    days=days,
                    by=request.state.account.name,
                    now=now,
                )
            self.ports.database.transaction(lambda work: match_receipts(work, city, now, terms=terms))
            return "statement"

        return acted(act, place.url("/desk/payments"), again=partial(self.overview, request))

    # What pages and acts share

    def _change(self, request: Request, place: "Place", change: Callable[[Work], None]) -> Response:
        def act() -> str:
            self.ports.database.transaction(change)
            return "decided"

        return acted(act, place.url("/desk/payments"), again=partial(self.overview, request))

    def _batch(self, request: Request) -> tuple["Place", Batch]:
        place, number = desk_place(self._pages, request), request.path_params["batch"]
        found = next(
            (
                batch
                for batch in self.ports.database.read(
                    lambda work: work.payments.batches(place.city.key, place.month)
                )
                if batch.id == number
            ),
            None,
        )
        if found is None:
            raise InputError(
                "unknown_batch",
                f"{place.month} 没有批次 {number}",
                f"{place.month} has no batch {number}",
                remedy="从拨付页面选择 / choose one on the payments page",
            )
        return place, found

    def _batch_url(self, place: "Place", batch: Batch) -> str:
        return place.url(f"/desk/payments/batches/{batch.id}")

    def _order(self, request: Request) -> tuple["Place", Obligation]:
        place, number = desk_place(self._pages, request), request.path_params["order"]
        found = self.ports.database.read(lambda work: work.payments.obligation(number))
        if found.city != place.city.key:
            raise InputError(
                "unknown_payment",
                f"{place.city.name_zh}没有款项 {number}",
                f"{place.city.name_en} has no payment {number}",
                remedy="从拨付页面选择 / choose one on the payments page",
            )
        return replace(place, month=found.month), found

    def _fund(self, request: Request) -> tuple["Place", str]:
        place, fund = desk_place(self._pages, request), request.path_params["fund"]
        place.city.fund(fund)
        return place, fund

    def _at_desk(self, work: Work, request: Request, view: BatchView) -> BatchAtDesk:
        batch, account, now = view.batch, request.state.account, self._pages.clock()
        has_arrived = view.states == {ObligationState.SETTLED}
        state = (ObligationState.SETTLED if has_arrived else batch.state).value
        if batch.state is BatchState.SUBMITTED:
            may_not = obstacle(
                account,
                Right.APPROVE_PAYMENT,
                lambda name: batches.require_approvable(work, batch, view.digest, checker=name, now=now),
            )
            return BatchAtDesk(view, state, Right.APPROVE_PAYMENT, may_not)
        if batch.state is BatchState.APPROVED:
            may_not = obstacle(
                account,
                Right.RELEASE_PAYMENT,
                lambda name: batches.require_releasable(work, batch, name, now=now),
            )
            return BatchAtDesk(view, state, Right.RELEASE_PAYMENT, may_not)
        return BatchAtDesk(view, state, None, None)


def _require_second(recovery: Recovery, name: str) -> None:
    if recovery.confirmed_by is not None:
        require_other_person(
            name, recovery.confirmed_by, act_zh="恢复核对的确认", act_en="confirming a recovery"
        )


def _require_open(work: Work, city: str, number: int) -> None:
    if number not in {each.id for each in work.breaks.find(city)}:
        raise InputError("break_unknown", f"没有差异 {number}", f"there is no open break {number}")


def _require_reason(reason: str) -> None:
    if not is_stated(reason):
        raise InputError(
            "reason_missing", "须写明理由", "a reason must be given", remedy="填写理由 / fill it in"
        )


def _wrong(work: Work, city: str) -> list[tuple[str, TransferView]]:
    """The city's payments of every month that a person must look at, unknown ones first."""
    standing = {each.id for each in latest_revisions(work.payments.obligations(city=city))}
    views = transfer_views(work, city, states=[*_WRONG, ObligationState.IN_FLIGHT])
    shown = [(_shown_state(view), view) for view in views if view.obligation.id in standing]
    order = ["unknown", *_WRONG]
    return sorted((each for each in shown if each[0] in order), key=lambda each: order.index(each[0]))


def _shown_state(view: TransferView) -> str:
    """The payment's state; ``unknown`` while nobody knows what the bank did with its last order."""
    is_unknown = view.attempt is not None and view.attempt.state in OUTCOME_UNKNOWN
    if view.obligation.state is ObligationState.IN_FLIGHT and is_unknown:
        return "unknown"
    return view.obligation.state.value


def _breaks(work: Work, city: str) -> list[Break]:
    """Open breaks, those that stop a fund first."""
    return sorted(work.breaks.find(city), key=lambda found: (not found.stops_fund, found.found_at))


def _largest(flows: Sequence[MoneyFlow], city_unit: str) -> list[MoneyFlow]:
    """The flows to the largest counties of each hop, and to all others as one (unit ``others``)."""
    kept: list[MoneyFlow] = []
    hops = dict.fromkeys((flow.from_type, flow.to_type) for flow in flows)
    for hop in hops:
        own = [flow for flow in flows if (flow.from_type, flow.to_type) == hop]
        own.sort(key=lambda flow: (flow.unit != city_unit, -flow.ordered_fen))
        kept += own[:SHOWN_UNITS]
        if rest := own[SHOWN_UNITS:]:
            kept.append(
                MoneyFlow(
                    *hop,
                    unit="others",
                    ordered_fen=sum(flow.ordered_fen for flow in rest),
                    arrived_fen=sum(flow.arrived_fen for flow in rest),
                )
            )
    return kept
