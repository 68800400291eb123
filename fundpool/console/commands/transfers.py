"""``fundpool transfers``: see, authorise, send, resolve; nobody chooses a key or a state."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.options import PolicyDir, settings_of
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import InputError
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI, parse_month

if TYPE_CHECKING:
    from fundpool.domain.transfer import Batch, Obligation
    from fundpool.services.payments.batches import BatchView
    from fundpool.services.payments.transfer_views import TransferOutcome, TransferView
    from fundpool.services.ports.money_ports import Recovery
    from fundpool.services.ports.work import Ports, Work

app = App(
    name="transfers", help="拨付 / Payments: list, approve, release, resolve.", result_action="return_value"
)

for _name, _help in (
    ("statement", "对账单 / Fetch a day's statements, or read a bank's file, and match them."),
    ("reconciliation", "银行存款余额调节表 / Write the month's bank reconciliation workbook."),
    ("bank-files", "银行文件 / The files of a bank without an API."),
    ("bank-balance", "登记银行余额 / Record the balance of a paper statement."),
    ("match-receipt", "认定收款 / Say that a receipt is a booking."),
    ("assign-break", "指定责任人 / Name who follows a break up."),
    ("terms", "限额与银行约定 / Ceilings, and what the bank promises."),
):
    app.command(
        f"fundpool.console.commands.bank_statements:{_name.replace('-', '_')}", name=_name, help=_help
    )

_CityMust = Annotated[str, Parameter(help="统筹区 / city key")]
_MonthMust = Annotated[str, Parameter(help="资金所属月 YYYY-MM / month the money is for")]
_City = Annotated[str | None, Parameter(help="统筹区 / city key")]
_Month = Annotated[str | None, Parameter(help="资金所属月 YYYY-MM / month the money is for")]
_Fund = Annotated[str | None, Parameter(help="险种基金 / fund key")]
_FundMust = Annotated[str, Parameter(help="险种基金 / fund key")]
_Hop = Annotated[str | None, Parameter(help="拨付环节 / hop, such as fiscal_account>city_expenditure")]
_By = Annotated[str, Parameter(help="经办人 / who does it")]
_Reason = Annotated[str, Parameter(help="原因 / why")]
_AsOf = Annotated[str | None, Parameter(help="业务时间 / business time of the act")]


def _ports(policy_dir: Path | None) -> "Ports":
    from fundpool.bootstrap import build_ports

    return build_ports(settings_of(policy_dir))


# ---------------------------------------------------------------------------------- seeing


@app.command(name="list")
def list_transfers(
    *,
    city: _CityMust,
    month: _Month = None,
    unit: Annotated[str | None, Parameter(help="收款单位代码 / code of the payee")] = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Every payment of a city: who is paid what, and how far it has come."""
    from fundpool.services.payments.transfer_views import transfer_views

    wanted = parse_month(month) if month else None
    views = _ports(policy_dir).database.read(lambda work: transfer_views(work, city, wanted, unit=unit))
    if json:
        print_json({"transfers": [_view_document(view) for view in views]})
        return 0
    print_table(
        "拨付 / payments",
        ["id", "month", "fund", "hop", "unit", "yuan", "state", "what", "serial"],
        [
            [
                view.obligation.id,
                view.obligation.month,
                view.obligation.fund,
                view.obligation.hop,
                view.obligation.unit,
                format_yuan(view.obligation.amount_fen),
                view.obligation.state,
                view.detail_zh,
                view.attempt.bank_serial if view.attempt else None,
            ]
            for view in views
        ],
    )
    return 0


def _view_document(view: "TransferView") -> dict[str, Any]:
    obligation, attempt = view.obligation, view.attempt
    return {
        "id": obligation.id,
        "obligation": obligation.key,
        "city": obligation.city,
        "month": str(obligation.month),
        "fund": obligation.fund,
        "hop": str(obligation.hop),
        "unit": obligation.unit,
        "amount_fen": obligation.amount_fen,
        "state": obligation.state.value,
        "held_reason": obligation.held_reason,
        "settled_at": _moment(obligation.settled_at),
        "debit_account": view.debit_account.account_no,
        "credit_account": view.credit_account.account_no,
        "credit_name": view.credit_account.account_name,
        "batch": view.batch.id,
        "maker": view.batch.maker,
        "checker": view.batch.checker,
        "releaser": view.batch.releaser,
        "key": attempt.key if attempt else None,
        "attempt_no": attempt.attempt_no if attempt else None,
        "attempt_state": attempt.state.value if attempt else None,
        "reason": attempt.reason if attempt else None,
        "bank_serial": attempt.bank_serial if attempt else None,
        "executed_at": _moment(attempt.executed_at) if attempt else None,
        "detail_zh": view.detail_zh,
        "detail_en": view.detail_en,
    }


def _moment(moment: Any) -> str | None:
    return moment.astimezone(SHANGHAI).isoformat() if moment else None


@app.command
def show(transfer_id: int, *, policy_dir: PolicyDir = None, json: bool = False) -> int:
    """One payment with every attempt, every call to the bank and every act of a person."""

    def gather(work: "Work") -> dict[str, Any]:
        from fundpool.services.payments.transfer_views import transfer_views

        obligation = work.transfers.obligation(transfer_id)
        views = transfer_views(work, obligation.city, obligation.month, unit=obligation.unit)
        document = next(_view_document(view) for view in views if view.obligation.id == transfer_id)
        known = work.transfers.attempts(transfer_id)
        subjects = [f"batch:{work.transfers.batch(obligation.batch_id).key}", f"obligation:{obligation.key}"]
        subjects += [f"attempt:{each.key}" for each in known]
        document["attempts"] = [
            {
                "attempt_no": each.attempt_no,
                "key": each.key,
                "state": each.state.value,
                "first_sent_at": _moment(each.first_sent_at),
                "last_sent_at": _moment(each.last_sent_at),
                "reason": each.reason,
                "bank_serial": each.bank_serial,
                "calls": [
                    {
                        "at": _moment(call.at),
                        "operation": call.operation,
                        "phase": call.phase,
                        "answer": call.answer,
                        "reason": call.reason,
                    }
                    for call in work.transfers.calls(each.key)
                ],
            }
            for each in known
        ]
        document["history"] = [
            {"at": _moment(each.at), "actor": each.actor, "action": each.action, "reason": each.reason}
            for subject in subjects
            for each in work.audit.records(subject)
        ]
        return document

    document = _ports(policy_dir).database.read(gather)
    if json:
        print_json(document)
        return 0
    plain = [[name, value] for name, value in document.items() if not isinstance(value, list)]
    print_table(f"拨付 {transfer_id} / payment", ["field", "value"], plain)
    print_table(
        "银行往来 / calls",
        ["attempt", "at", "operation", "phase", "answer", "reason"],
        [[a["attempt_no"], *call.values()] for a in document["attempts"] for call in a["calls"]],
    )
    print_table(
        "经过 / history", ["at", "actor", "action", "reason"], [list(h.values()) for h in document["history"]]
    )
    return 0


# ---------------------------------------------------------------------------------- authorising


@app.command
def batches(
    *, city: _CityMust, month: _MonthMust, hop: _Hop = None, policy_dir: PolicyDir = None, json: bool = False
) -> int:
    """What approving each batch would do: who gets how much, and the change from last month."""
    from fundpool.services.payments.batches import batch_consequences

    wanted, over = parse_month(month), _hop(hop)
    views = _ports(policy_dir).database.read(
        lambda work: [
            batch_consequences(work, each.id) for each in work.transfers.batches(city, wanted, over)
        ]
    )
    if json:
        print_json({"batches": [_batch_document(view) for view in views]})
        return 0
    for view in views:
        batch = view.batch
        print_table(
            f"批次 {batch.id} {batch.fund} {batch.hop} {batch.state} 共 {batch.count} 笔 "
            f"{format_yuan(batch.total_fen)} 元（上月 {format_yuan(view.last_month_total_fen)} 元） "
            f"摘要 {view.digest[:12]}",
            ["unit", "name", "account", "yuan", "last month", "change", "前次 / before"],
            [
                [
                    payee.unit,
                    payee.credit_name,
                    payee.credit_account_no,
                    format_yuan(payee.amount_fen),
                    None if payee.last_month_fen is None else format_yuan(payee.last_month_fen),
                    None
                    if payee.last_month_fen is None
                    else format_yuan(payee.amount_fen - payee.last_month_fen),
                    payee.instead_of and f"{payee.instead_of.id} {payee.instead_of.state}",
                ]
                for payee in view.payees
            ],
        )
    return 0


def _batch_document(view: "BatchView") -> dict[str, Any]:
    batch = view.batch
    return {
        "id": batch.id,
        "key": batch.key,
        "fund": batch.fund,
        "hop": str(batch.hop),
        "application": batch.application,
        "state": batch.state.value,
        "count": batch.count,
        "total_fen": batch.total_fen,
        "last_month_total_fen": view.last_month_total_fen,
        "digest": view.digest,
        "maker": batch.maker,
        "checker": batch.checker,
        "releaser": batch.releaser,
        "payees": [
            {
                "unit": payee.unit,
                "credit_name": payee.credit_name,
                "credit_account": payee.credit_account_no,
                "amount_fen": payee.amount_fen,
                "last_month_fen": payee.last_month_fen,
                "instead_of": payee.instead_of
                and {"id": payee.instead_of.id, "state": payee.instead_of.state.value},
            }
            for payee in view.payees
        ],
    }


@app.command
def approve(
    *,
    city: _CityMust,
    month: _MonthMust,
    by: _By,
    hop: _Hop = None,
    fund: _Fund = None,
    digest: Annotated[
        str | None, Parameter(help="所见批次的摘要，须相符 / digest that was seen; only that batch")
    ] = None,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Approve the waiting batches of a month (复核), as another person than their maker."""
    from fundpool.domain.transfer import BatchState
    from fundpool.services.payments.batches import approve_batch, digest_of

    def act(work: "Work", batch: "Batch") -> "Batch | None":
        seen = digest_of(work, batch)
        if batch.state is not BatchState.SUBMITTED or (digest is not None and not seen.startswith(digest)):
            return None
        return approve_batch(work, batch.id, seen, by, now)

    now = business_clock(as_of)
    return _each_batch(city, month, hop, fund, act, policy_dir=policy_dir, as_json=json)


@app.command
def release(
    *,
    city: _CityMust,
    month: _MonthMust,
    by: _By,
    hop: _Hop = None,
    fund: _Fund = None,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Release the approved batches of a month for sending (放行), as a third person."""
    from fundpool.domain.transfer import BatchState
    from fundpool.services.payments.batches import release_batch

    def act(work: "Work", batch: "Batch") -> "Batch | None":
        return release_batch(work, batch.id, by, now) if batch.state is BatchState.APPROVED else None

    now = business_clock(as_of)
    return _each_batch(city, month, hop, fund, act, policy_dir=policy_dir, as_json=json)


def _each_batch(
    city: str,
    month: str,
    hop: str | None,
    fund: str | None,
    act: "Callable[[Work, Batch], Batch | None]",
    *,
    policy_dir: Path | None,
    as_json: bool,
) -> int:
    wanted, over = parse_month(month), _hop(hop)

    def run(work: "Work") -> "list[Batch]":
        done = [act(work, batch) for batch in work.transfers.batches(city, wanted, over, fund)]
        return [batch for batch in done if batch is not None]

    done = _ports(policy_dir).database.transaction(run)
    if as_json:
        print_json(
            {
                "batches": [
                    {"id": b.id, "key": b.key, "state": b.state.value, "total_fen": b.total_fen} for b in done
                ]
            }
        )
    else:
        print_table(
            "已办理批次 / batches",
            ["id", "fund", "hop", "count", "yuan", "state"],
            [[b.id, b.fund, b.hop, b.count, format_yuan(b.total_fen), b.state] for b in done],
        )
    return 0


def _hop(text: str | None) -> Any:
    from fundpool.domain.transfer import Hop

    if text is None:
        return None
    try:
        return Hop.parse(text)
    except ValueError as error:
        raise InputError(
            "hop",
            f"没有这一拨付环节：{text}",
            f"no such hop: {text}",
            remedy="fiscal_account>city_expenditure",
        ) from error


# ---------------------------------------------------------------------------------- people's acts


@app.command
def cancel(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Withdraw a payment that is not with the bank: never sent, or definitely refused."""
    from fundpool.services.payments import payment_decisions

    act = partial(
        payment_decisions.cancel,
        obligation_id=transfer_id,
        by=by,
        reason=reason,
        terms=settings_of(policy_dir).gateway_terms,
    )
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


@app.command
def hold(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Stop one payment until a person has looked."""
    from fundpool.services.payments import payment_decisions

    act = partial(payment_decisions.hold_obligation, obligation_id=transfer_id, by=by, reason=reason)
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


@app.command(name="look-again")
def look_again(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Take a payment out of HELD to where its attempts say it stands."""
    from fundpool.services.payments import payment_decisions

    act = partial(payment_decisions.look_again, obligation_id=transfer_id, by=by, reason=reason)
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


@app.command(name="accept-execution")
def accept_execution(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Take an order that the bank executed after its end for the payment: out of suspense, to the payee."""
    from fundpool.services.payments import payment_decisions

    act = partial(payment_decisions.accept_execution, obligation_id=transfer_id, by=by, reason=reason)
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


@app.command(name="approve-retry")
def approve_retry(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Allow one more attempt after a definite failure; two people where the outcome was ever unknown."""
    from fundpool.services.payments import payment_decisions

    act = partial(payment_decisions.approve_retry, obligation_id=transfer_id, by=by, reason=reason)
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


@app.command(name="order-again")
def order_again(
    transfer_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Order what came back (退票) or was withdrawn once more, to the account approved now; two others pass it."""
    from fundpool.services.payments import batches

    act = partial(batches.order_again, obligation_id=transfer_id, by=by, reason=reason)
    return _act(act, as_of=as_of, policy_dir=policy_dir, as_json=json)


def _act(
    act: "Callable[..., Obligation]", *, as_of: str | None, policy_dir: Path | None, as_json: bool
) -> int:
    """Run a person's act, called with ``work`` and ``now``, as one transaction and show what became of it."""
    now = business_clock(as_of)
    changed = _ports(policy_dir).database.transaction(lambda work: act(work, now=now))
    if as_json:
        print_json({"id": changed.id, "obligation": changed.key, "state": changed.state.value})
    else:
        print(f"{changed.key}: {changed.state}")
    return 0


# ---------------------------------------------------------------------------------- the bank


@app.command
def resolve(
    *,
    city: _City = None,
    month: _Month = None,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Ask the bank about every payment whose outcome is open."""
    from fundpool.services.payments.resolving import resolve as resolve_open

    wanted = parse_month(month) if month else None
    outcomes = resolve_open(_ports(policy_dir), business_clock(as_of), city=city, month=wanted)
    return _show_outcomes(outcomes, as_json=json)


def _show_outcomes(outcomes: "tuple[TransferOutcome, ...]", *, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "transfers": [
                    {
                        "id": each.obligation_id,
                        "unit": each.unit,
                        "fund": each.fund,
                        "amount_fen": each.amount_fen,
                        "state": each.state.value,
                        "attempt_state": each.attempt_state.value if each.attempt_state else None,
                        "key": each.key,
                        "detail_zh": each.detail_zh,
                        "detail_en": each.detail_en,
                        "error_code": each.error_code,
                    }
                    for each in outcomes
                ]
            }
        )
    else:
        print_table(
            "查询结果 / outcomes",
            ["id", "unit", "fund", "yuan", "state", "what"],
            [
                [
                    each.obligation_id,
                    each.unit,
                    each.fund,
                    format_yuan(each.amount_fen),
                    each.state,
                    each.detail_zh,
                ]
                for each in outcomes
            ],
        )
    return 0


@app.command
def breaks(
    *,
    city: _City = None,
    every: Annotated[bool, Parameter(name="--all", help="含已结 / resolved ones too", negative="")] = False,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Differences between our books, the gateway and the statements; exit 1 while one is open."""
    found = _ports(policy_dir).database.read(lambda work: work.transfers.breaks(city, only_open=not every))
    if json:
        print_json(
            {
                "breaks": [
                    {
                        "id": each.id,
                        "kind": each.kind,
                        "reference": each.reference,
                        "city": each.city,
                        "fund": each.fund,
                        "detail_zh": each.detail_zh,
                        "detail_en": each.detail_en,
                        "stops_fund": each.stops_fund,
                        "found_at": _moment(each.found_at),
                        "owner": each.owner,
                        "resolved_at": _moment(each.resolved_at),
                        "resolved_by": each.resolved_by,
                        "resolution": each.resolution,
                    }
                    for each in found
                ]
            }
        )
    else:
        print_table(
            "未达与差异 / breaks",
            ["id", "kind", "fund", "what", "stops", "owner", "found", "resolved by"],
            [
                [
                    each.id,
                    each.kind,
                    each.fund,
                    each.detail_zh,
                    "停发" if each.stops_fund else None,
                    each.owner,
                    _moment(each.found_at),
                    each.resolved_by,
                ]
                for each in found
            ],
        )
    return 1 if any(each.resolved_at is None for each in found) else 0


@app.command(name="resolve-break")
def resolve_break(
    break_id: int,
    *,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Close a break with a person's reason; nothing is written off by itself."""
    from fundpool.services.payments.resolving import resolve_break as close_break

    now = business_clock(as_of)
    _ports(policy_dir).database.transaction(
        lambda work: close_break(work, break_id, by=by, resolution=reason, now=now)
    )
    if json:
        print_json({"id": break_id, "resolved_by": by})
    else:
        print("已结 / resolved")
    return 0


@app.command(name="confirm-absence")
def confirm_absence(
    key: str, *, by: _By, as_of: _AsOf = None, policy_dir: PolicyDir = None, json: bool = False
) -> int:
    """Confirm from the statements that an order was never executed; two people, one after the other."""
    from fundpool.services.payments import resolving

    ports, now = _ports(policy_dir), business_clock(as_of)

    def act(work: "Work") -> str:
        attempt = work.transfers.attempt_by_key(key)
        if attempt is None:
            raise InputError(
                "attempt_unknown", f"没有支付编号 {key}", f"there is no order with the key {key}"
            )
        return resolving.confirm_absence(
            work, attempt.id, by=by, now=now, terms=ports.gateway_terms
        ).state.value

    state = ports.database.transaction(act)
    if json:
        print_json({"key": key, "state": state})
    else:
        print(f"{key}: {state}")
    return 0


@app.command
def recover(
    *,
    since: Annotated[
        str | None, Parameter(help="更早的核对起日 YYYY-MM-DD / look further back than the books' last day")
    ] = None,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """After a restore: import every statement since the backup and ask the bank about every order.

    Run it again until it ends without an error: the funds cannot be started before.
    """
    from fundpool.services.payments.recovery import recover as ask

    first_day = None if since is None else business_clock(since).date()
    reports = ask(_ports(policy_dir), first_day, business_clock(as_of))
    document = {
        "statements": len(reports),
        "settled": sum(each.settled for each in reports),
        "breaks_new": sum(each.breaks_new for each in reports),
    }
    if json:
        print_json(document)
    else:
        print_table("恢复后查核 / recovered", list(document), [list(document.values())])
    return 1 if document["breaks_new"] else 0


@app.command(name="confirm-recovery")
def confirm_recovery(
    *,
    city: _CityMust,
    fund: _FundMust,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Finish a recovery that the bank does not answer, from final statements; two people, one after the other."""
    from fundpool.services.payments.recovery import confirm_by_statements

    ports, now = _ports(policy_dir), business_clock(as_of)
    signed = ports.database.transaction(
        lambda work: confirm_by_statements(
            work, city, fund, by=by, reason=reason, now=now, terms=ports.gateway_terms
        )
    )
    finished_at = _moment(signed.finished_at)
    if json:
        print_json(
            {"city": city, "fund": fund, "confirmed_by": signed.confirmed_by, "finished_at": finished_at}
        )
    elif finished_at is None:
        print(
            "已记第一人，须另一人再确认 / first person recorded; another one confirms with the same command"
        )
    else:
        print("恢复核对已完成 / the recovery is finished")
    return 0


# ---------------------------------------------------------------------------------- stop and start


@app.command
def stop(
    *,
    city: _CityMust,
    fund: _FundMust,
    by: _By,
    reason: _Reason,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Stop sending for a fund at once."""
    from fundpool.domain.people import person
    from fundpool.services.payments.kill_switches import stop_fund

    now = business_clock(as_of)
    _ports(policy_dir).database.transaction(
        lambda work: stop_fund(work, city, fund, reason=reason, by=person(by), now=now)
    )
    return _show_switches(policy_dir, as_json=json)


@app.command
def restart(
    *,
    city: _CityMust,
    fund: _FundMust,
    by: _By,
    as_of: _AsOf = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Start sending again: the first person asks, a second one confirms with the same command."""
    from fundpool.services.payments.kill_switches import confirm_restart, request_restart

    now = business_clock(as_of)

    def act(work: "Work") -> None:
        switch = work.transfers.kill_switch(city, fund)
        if switch is not None and switch.restart_asked_by is not None:
            confirm_restart(work, city, fund, by=by, now=now)
        else:
            request_restart(work, city, fund, by=by, now=now)

    _ports(policy_dir).database.transaction(act)
    return _show_switches(policy_dir, as_json=json)


@app.command
def switches(*, policy_dir: PolicyDir = None, json: bool = False) -> int:
    """Which funds are stopped, since when and why."""
    return _show_switches(policy_dir, as_json=json)


def _show_switches(policy_dir: Path | None, *, as_json: bool) -> int:
    found, recoveries = _ports(policy_dir).database.read(
        lambda work: (work.transfers.kill_switches(), work.transfers.recoveries())
    )
    unfinished = {(each.city, each.fund): each for each in recoveries if each.finished_at is None}
    if as_json:
        print_json(
            {
                "switches": [
                    {
                        "city": each.city,
                        "fund": each.fund,
                        "is_stopped": each.is_stopped,
                        "reason": each.reason,
                        "by": each.by,
                        "at": _moment(each.at),
                        "restart_asked_by": each.restart_asked_by,
                        "recovery": _recovery_document(unfinished.get((each.city, each.fund))),
                    }
                    for each in found
                ]
            }
        )
    else:
        print_table(
            "停发开关 / kill switches",
            ["city", "fund", "stopped", "reason", "by", "at", "restart asked by", "恢复核对 / recovery"],
            [
                [
                    each.city,
                    each.fund,
                    "停发" if each.is_stopped else "正常",
                    each.reason,
                    each.by,
                    _moment(each.at),
                    each.restart_asked_by,
                    "未完成" if (each.city, each.fund) in unfinished else None,
                ]
                for each in found
            ],
        )
    return 0


def _recovery_document(unfinished: "Recovery | None") -> dict[str, Any] | None:
    """What an unfinished recovery still waits for; nil once it is finished."""
    if unfinished is None:
        return None
    return {
        "opened_at": _moment(unfinished.opened_at),
        "since": unfinished.since.isoformat(),
        "keys_open": unfinished.keys_open,
        "days_open": unfinished.days_open,
        "first_open": unfinished.first_open,
        "confirmed_by": unfinished.confirmed_by,
    }
